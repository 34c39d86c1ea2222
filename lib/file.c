/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/text.h"

/* MSDOS_SUPER_MAGIC of linux/magic.h, which musl does not bring along: FAT in all its sizes. */
#define FAT_MAGIC 0x4d44

int dr_file_create(struct dr_file *file, const char *path, mode_t mode, struct dr_err *err)
{
    file->path = dr_text_copy(path, err);
    file->draft = file->path ? dr_text_format(err, "%s.draft-XXXXXX", path) : NULL;
    if (!file->draft)
        return -1;
    file->fd = mkostemp(file->draft, O_CLOEXEC);
    if (file->fd < 0) {
        free(dr_steal(file->draft));
        return dr_fail_errno(err, DR_ERR_IO, "create '%s'", path);
    }
    if (fchmod(file->fd, mode) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "set the permissions of '%s'", path);
    return 0;
}

int dr_file_create_part(struct dr_file *file, const char *path, mode_t mode, struct dr_err *err)
{
    dr_autofree char *draft = dr_text_format(err, "%s.part", path);
    dr_autoclose int fd = -1;
    struct stat info;

    if (!draft)
        return -1;
    fd = open(draft, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, mode);
    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "create '%s'", draft);
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "'%s' is not an ordinary file", draft);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !dr_file_is_at(fd, draft))
        return dr_fail(err, DR_ERR_REFUSED, "another drover is writing '%s'", draft);
    if (ftruncate(fd, 0) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "empty '%s'", draft);
    file->path = dr_text_copy(path, err);
    if (!file->path)
        return -1;
    file->fd = dr_steal_fd(&fd);
    file->draft = dr_steal(draft);
    return 0;
}

int dr_file_write(struct dr_file *file, const void *data, size_t size, struct dr_err *err)
{
    const char *from = data;

    while (size > 0) {
        ssize_t done = write(file->fd, from, size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return dr_fail_errno(err, DR_ERR_IO, "write '%s'", file->path);
        from += done;
        size -= (size_t)done;
    }
    return 0;
}

int dr_file_commit(struct dr_file *file, struct dr_err *err)
{
    if (fsync(file->fd) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "flush '%s' to the disk", file->path);
    /* With the lock still held: what is nobody's would be begun anew by another drover, and then be named. */
    if (rename(file->draft, file->path) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "rename '%s' to '%s'", file->draft, file->path);
    free(dr_steal(file->draft));
    if (close(dr_steal_fd(&file->fd)) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "close '%s'", file->path);
    return dr_file_sync_folder(file->path, err);
}

void dr_file_release(struct dr_file *file)
{
    if (file->draft)
        unlink(file->draft);
    if (file->fd >= 0)
        close(dr_steal_fd(&file->fd));
    free(dr_steal(file->draft));
    free(dr_steal(file->path));
}

int dr_file_save(const char *path, mode_t mode, const void *data, size_t size, struct dr_err *err)
{
    dr_auto_file struct dr_file file = DR_FILE_INIT;

    if (dr_file_create(&file, path, mode, err) < 0 || dr_file_write(&file, data, size, err) < 0)
        return -1;
    return dr_file_commit(&file, err);
}

int dr_file_read(const char *path, struct dr_buf *ret_data, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[16384];

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s'", path);
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return dr_fail_errno(err, DR_ERR_IO, "read '%s'", path);
        if (got == 0)
            return dr_buf_add(ret_data, "", 0, err);
        if (dr_buf_add(ret_data, chunk, (size_t)got, err) < 0)
            return dr_err_wrap(err, "read '%s'", path);
    }
}

int dr_file_pwrite(int fd, const void *data, size_t size, uint64_t offset, const char *what,
                   struct dr_err *err)
{
    const char *from = data;

    while (size > 0) {
        ssize_t done = pwrite(fd, from, size, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return dr_fail_errno(err, DR_ERR_IO, "write '%s' at byte %llu", what,
                                 (unsigned long long)offset);
        from += done;
        offset += (uint64_t)done;
        size -= (size_t)done;
    }
    return 0;
}

/* What a scratched disc or a dying stick gives is told from what a mistaken path gives. */
static int fail_read(const char *what, uint64_t offset, struct dr_err *err)
{
    bool bad_medium = errno == EIO;

    dr_fail_errno(err, DR_ERR_IO, "read '%s' at byte %llu", what, (unsigned long long)offset);
    return bad_medium ? dr_err_advise(err, "the medium or its drive is bad there: clean it, or try "
                                           "another drive")
                      : -1;
}

int dr_file_pread(int fd, void *ret_data, size_t size, uint64_t offset, const char *what,
                  struct dr_err *err)
{
    char *to = ret_data;

    while (size > 0) {
        ssize_t got = pread(fd, to, size, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_read(what, offset, err);
        if (got == 0)
            return dr_fail(err, DR_ERR_VERIFY, "'%s' ends too early, at byte %llu", what,
                           (unsigned long long)offset);
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

int dr_file_space(const char *path, uint64_t *ret_bytes, struct dr_err *err)
{
    struct statvfs info;

    if (statvfs(path, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look up the free space at '%s'", path);
    *ret_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return 0;
}

uint64_t dr_file_most(const char *path)
{
    struct statfs info;

    return statfs(path, &info) == 0 && (uint32_t)info.f_type == FAT_MAGIC ? UINT32_MAX : UINT64_MAX;
}

int dr_file_check_room(int fd, uint64_t size, uint64_t there, const char *what, struct dr_err *err)
{
    char need[16];
    char have[16];
    struct statvfs info;
    uint64_t space;

    if (fstatvfs(fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look up the free space for '%s'", what);
    space = (uint64_t)info.f_bavail * info.f_frsize + there;
    dr_text_size(size, need);
    dr_text_size(space, have);
    if (space < size)
        return dr_fail(err, DR_ERR_IO, "'%s' needs %s (%llu bytes) but the disk has only %s free",
                       what, need, (unsigned long long)size, have);
    return 0;
}

int dr_file_reserve(int fd, uint64_t size, const char *what, struct dr_err *err)
{
    char need[16];
    struct stat now;

    if (fstat(fd, &now) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at '%s'", what);
    if (dr_file_check_room(fd, size, (uint64_t)now.st_blocks * 512, what, err) < 0)
        return -1;
    dr_text_size(size, need);
    while (fallocate(fd, 0, 0, (off_t)size) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EOPNOTSUPP || errno == ENOSYS)
            return ftruncate(fd, (off_t)size) < 0
                       ? dr_fail_errno(err, DR_ERR_IO, "set the size of '%s'", what)
                       : 0;
        if (errno == EFBIG)
            return dr_fail(err, DR_ERR_IO,
                           "reserve %s for '%s': a file can't be so large there (on FAT 4.3 GB are "
                           "the most)",
                           need, what);
        return dr_fail_errno(err, DR_ERR_IO, "reserve %s for '%s'", need, what);
    }
    return 0;
}

char *dr_file_folder(const char *path, struct dr_err *err)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return dr_text_copy(".", err);
    if (slash == path)
        return dr_text_copy("/", err);
    return dr_text_format(err, "%.*s", (int)(slash - path), path);
}

const char *dr_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool dr_file_is_same(int one, int other)
{
    struct stat a;
    struct stat b;

    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool dr_file_is_at(int fd, const char *path)
{
    struct stat ours;
    struct stat named;

    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

bool dr_file_is_too_many(int error)
{
    return error == EMFILE || error == ENFILE;
}

int dr_file_fail_open(const char *path, struct dr_err *err)
{
    bool many = dr_file_is_too_many(errno);

    dr_fail_errno(err, DR_ERR_IO, "open '%s'", path);
    return many ? dr_err_advise(err, "this session may not have so many open: raise the limit "
                                     "('ulimit -Hn')")
                : -1;
}

int dr_file_in_memory(uint64_t size, struct dr_err *err)
{
    dr_autoclose int fd = memfd_create("drover", MFD_CLOEXEC);

    if (fd < 0 && dr_file_is_too_many(errno))
        return dr_file_fail_open("a file in memory", err);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "make a file in memory");
    return dr_steal_fd(&fd);
}

uint64_t dr_file_allow_open(uint64_t count)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return UINT64_MAX;
    if (files.rlim_cur < count) {
        rlim_t before = files.rlim_cur;

        files.rlim_cur = files.rlim_max < count ? files.rlim_max : count;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
            files.rlim_cur = before;
    }
    return files.rlim_cur;
}

int dr_file_sync_folder(const char *path, struct dr_err *err)
{
    dr_autofree char *folder = dr_file_folder(path, err);
    dr_autoclose int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (!folder)
        return -1;
    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open the folder '%s'", folder);
    /* Some file systems (vfat on an old kernel, FUSE) cannot flush folders; the rename itself is
     * done. */
    if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
        return dr_fail_errno(err, DR_ERR_IO, "flush the folder '%s' to the disk", folder);
    return 0;
}

/* A slash at the end would have the link followed. */
static int look_at_itself(const char *path, struct stat *ret_info, struct dr_err *err)
{
    size_t length = strlen(path);
    dr_autofree char *name = NULL;

    while (length > 1 && path[length - 1] == '/')
        length--;
    name = dr_text_format(err, "%.*s", (int)length, path);
    if (!name)
        return -1;
    return lstat(name, ret_info) < 0 ? dr_fail_errno(err, DR_ERR_IO, "look at '%s'", path) : 0;
}

int dr_file_check_owned(const char *path, struct dr_err *err)
{
    struct stat info;

    if (look_at_itself(path, &info, err) < 0)
        return -1;
    if (S_ISLNK(info.st_mode))
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' is a symbolic link; put the file or folder itself there", path);
    if (info.st_uid != 0 && info.st_uid != geteuid())
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' belongs to user %u, who could change it; look whether it is as it "
                       "should be, then 'chown root' it",
                       path, (unsigned)info.st_uid);
    if (info.st_mode & 022)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' can be written by others than its owner; look whether it is as it "
                       "should be, then 'chmod go-w' it",
                       path);
    return 0;
}

/* What is put into it later is only as durable as its own name. */
static int make_one(const char *path, mode_t mode, struct dr_err *err)
{
    if (mkdir(path, mode) == 0)
        return dr_file_sync_folder(path, err);
    return errno == EEXIST ? 0 : dr_fail_errno(err, DR_ERR_IO, "create the folder '%s'", path);
}

int dr_file_make_folder(const char *path, mode_t mode, struct dr_err *err)
{
    dr_autofree char *copy = dr_text_copy(path, err);

    if (!copy)
        return -1;
    for (char *slash = copy + 1; *slash; slash++) {
        if (*slash != '/')
            continue;
        *slash = '\0';
        if (make_one(copy, mode, err) < 0)
            return -1;
        *slash = '/';
    }
    return make_one(copy, mode, err);
}

int dr_file_lock(const char *path, int *ret_fd, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open the lock '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return dr_fail(err, DR_ERR_REFUSED,
                           "another drover holds the lock '%s'; wait for it to end", path);
        return dr_fail_errno(err, DR_ERR_IO, "lock '%s'", path);
    }
    *ret_fd = dr_steal_fd(&fd);
    return 0;
}

char *dr_file_join(const char *folder, const char *name, struct dr_err *err)
{
    return dr_text_format(err, "%s%s%s", folder, dr_text_ends(folder, "/") ? "" : "/", name);
}

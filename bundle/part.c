/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle/ledger.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define MOVE_BYTES ((size_t)1 << 20)

static int fail_exists(const char *path, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_REFUSED,
                   "'%s' exists and is left as it is; --force replaces it once the new bundle is "
                   "complete",
                   path);
}

static int check_target(const char *path, bool replace, struct dr_err *err)
{
    struct stat info;

    if (lstat(path, &info) < 0)
        return errno == ENOENT ? 0 : dr_fail_errno(err, DR_ERR_IO, "look at '%s'", path);
    if (!S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "'%s' exists and is not an ordinary file", path);
    return replace ? 0 : fail_exists(path, err);
}

/* Whoever ends first renames the file away; then the lock that we got is on a file of another name. */
static bool is_same_file(int fd, const char *path)
{
    struct stat ours;
    struct stat named;

    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

int dr_part_open(struct dr_part *part, const char *path, bool replace, struct dr_err *err)
{
    dr_autofree char *draft = dr_text_format(err, "%s.part", path);
    struct stat info;
    dr_autoclose int fd = -1;

    if (!draft || check_target(path, replace, err) < 0)
        return -1;
    fd = open(draft, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "create '%s'", draft);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_same_file(fd, draft))
        return dr_fail(err, DR_ERR_REFUSED, "another drover is writing '%s'", draft);
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "'%s' is not an ordinary file", draft);
    part->path = dr_text_copy(path, err);
    part->journal = part->path ? dr_text_format(err, "%s.journal", draft) : NULL;
    if (!part->journal)
        return -1;
    part->size = (uint64_t)info.st_size;
    part->fd = dr_steal_fd(&fd);
    part->draft = dr_steal(draft);
    part->replace = replace;
    return 0;
}

int dr_part_empty(struct dr_part *part, struct dr_err *err)
{
    part->size = 0;
    dr_ledger_remove(part->journal);
    return ftruncate(part->fd, 0) < 0 ? dr_fail_errno(err, DR_ERR_IO, "empty '%s'", part->draft)
                                      : 0;
}

int dr_part_reserve(struct dr_part *part, uint64_t size, struct dr_err *err)
{
    return dr_file_reserve(part->fd, size, part->path, err);
}

int dr_part_move(struct dr_part *part, uint64_t from, uint64_t to, uint64_t size,
                 struct dr_err *err)
{
    dr_autofree char *piece = malloc(MOVE_BYTES);

    if (!piece)
        return dr_fail_memory(err);
    for (uint64_t done = 0; done < size; done += MOVE_BYTES) {
        size_t now = size - done < MOVE_BYTES ? (size_t)(size - done) : MOVE_BYTES;

        if (dr_file_pread(part->fd, piece, now, from + done, part->draft, err) < 0 ||
            dr_file_pwrite(part->fd, piece, now, to + done, part->draft, err) < 0)
            return -1;
    }
    return 0;
}

int dr_part_cut(struct dr_part *part, uint64_t size, struct dr_err *err)
{
    return ftruncate(part->fd, (off_t)size) < 0
               ? dr_fail_errno(err, DR_ERR_IO, "shorten '%s'", part->draft)
               : 0;
}

/* As a system call, since musl 1.2.3 has no function for it; kernels from 3.15 on know it. */
static int rename_to_free_name(const char *from, const char *to)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1u /* RENAME_NOREPLACE */);
}

static int rename_draft(const struct dr_part *part)
{
    if (part->replace)
        return rename(part->draft, part->path);
    if (rename_to_free_name(part->draft, part->path) == 0)
        return 0;
    /* Some file systems (NFS, FUSE) don't know the flag, old kernels not the call; the name was free a moment ago. */
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(part->path, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(part->draft, part->path);
}

int dr_part_commit(struct dr_part *part, struct dr_err *err)
{
    if (fsync(part->fd) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "flush '%s' to the disk", part->draft);
    if (rename_draft(part) < 0)
        return errno == EEXIST
                   ? fail_exists(part->path, err)
                   : dr_fail_errno(err, DR_ERR_IO, "rename '%s' to '%s'", part->draft, part->path);
    dr_ledger_remove(part->journal);
    free(dr_steal(part->draft));
    return dr_file_sync_folder(part->path, err);
}

void dr_part_release(struct dr_part *part)
{
    if (part->draft && !part->keep) {
        dr_ledger_remove(part->journal);
        unlink(part->draft);
    }
    if (part->fd >= 0)
        close(dr_steal_fd(&part->fd));
    free(dr_steal(part->draft));
    free(dr_steal(part->journal));
    free(dr_steal(part->path));
}

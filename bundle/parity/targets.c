/* SPDX-License-Identifier: Apache-2.0 */
/* Where dr_restore_blocks() writes: into the damaged files themselves, or into new ones. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/parity/restore.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/stop.h"
#include "lib/text.h"

static int open_in_place(struct dr_pool_file *file, struct dr_err *err)
{
    dr_autoclose int fd = open(file->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && (errno == EROFS || errno == EACCES || errno == EPERM))
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' is damaged and can't be written (%s); -o FOLDER writes a restored "
                       "copy there",
                       file->path, strerror(errno));
    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s' for writing", file->path);
    if (!dr_file_is_same(fd, file->fd))
        return dr_fail(err, DR_ERR_REFUSED, "'%s' was replaced a moment ago", file->path);
    file->to = dr_steal_fd(&fd);
    return 0;
}

/* What is good of the old file goes into the new one. */
static int copy_good(struct dr_pool *pool, struct dr_pool_file *file, struct dr_err *err)
{
    dr_autofree unsigned char *data = malloc(DR_VOLUME_CHUNK);
    struct dr_progress progress;
    int done = 0;

    if (!data)
        return dr_fail_memory(err);
    dr_progress_start(&progress, pool->log, "copy", file->count * DR_VOLUME_CHUNK);
    for (uint64_t i = 0; done == 0 && i < file->count; i++) {
        uint64_t block = file->first + i;
        size_t size = dr_scheme_size(&pool->scheme, block);

        if (file->blocks[i] == DR_BLOCK_GOOD)
            done = dr_stop_check(err, "a file was copied") < 0 ||
                           dr_file_pread(file->old, data, size, dr_pool_block_at(file, block),
                                         file->path, err) < 0 ||
                           dr_file_pwrite(file->to, data, size, dr_pool_block_at(file, block),
                                          file->path, err) < 0
                       ? -1
                       : 0;
        dr_progress_add(&progress, DR_VOLUME_CHUNK);
    }
    dr_progress_end(&progress);
    return done;
}

static int begin_copy(struct dr_pool *pool, struct dr_pool_file *file, const char *path,
                      struct dr_err *err)
{
    if (access(path, F_OK) == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' exists and is left as it is: move it away, or name it to have it "
                       "repaired",
                       path);
    if (dr_file_create_part(&file->copy, path, 0644, err) < 0)
        return -1;
    /* At once: with a copy, dr_restore_cancel() takes `old` for the file that was found. */
    file->to = file->copy.fd;
    file->old = dr_steal_fd(&file->fd);
    file->fd = fcntl(file->to, F_DUPFD_CLOEXEC, 0);
    if (file->fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s' once more", path);
    if (dr_file_reserve(file->to, file->size, path, err) < 0)
        return -1;
    return file->old >= 0 ? copy_good(pool, file, err) : 0;
}

int dr_restore_begin(struct dr_pool *pool, const char *folder, struct dr_err *err)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct dr_pool_file *file = &pool->files[i];
        dr_autofree char *path = NULL;

        if (!dr_pool_is_damaged(file) || (!dr_pool_is_labelled(file) && file->fd < 0))
            continue;
        if (!folder && file->fd >= 0) {
            if (open_in_place(file, err) < 0)
                return -1;
            continue;
        }
        if (folder && dr_file_make_folder(folder, 0755, err) < 0)
            return -1;
        path = folder ? dr_file_join(folder, dr_file_name(file->path), err)
                      : dr_text_copy(file->path, err);
        if (!path || begin_copy(pool, file, path, err) < 0)
            return -1;
    }
    return 0;
}

void dr_restore_cancel(struct dr_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct dr_pool_file *file = &pool->files[i];

        if (file->copy.fd >= 0) {
            dr_cleanup_close(&file->fd);
            file->fd = dr_steal_fd(&file->old);
            dr_file_release(&file->copy);
        } else if (file->to >= 0) {
            close(file->to);
        }
        file->to = -1;
    }
}

/* A file of which nothing came back is still missing. */
static void drop_file(struct dr_pool_file *file)
{
    file->to = -1;
    file->ends_fixed = 0;
    dr_cleanup_close(&file->fd);
    file->fd = -1;
    dr_file_release(&file->copy);
}

static int end_file(struct dr_pool_file *file, struct dr_err *err)
{
    bool is_new = file->copy.fd >= 0;
    struct stat info;

    if (is_new) {
        char *path = dr_text_copy(file->copy.path, err);

        if (!path)
            return -1;
        free(file->path);
        file->path = path;
        file->to = -1;
        if (dr_file_commit(&file->copy, err) < 0)
            return -1;
    } else {
        if (fsync(file->to) < 0)
            return dr_fail_errno(err, DR_ERR_IO, "flush '%s' to the disk", file->path);
        close(dr_steal_fd(&file->to));
    }
    /* What the medium has, not what memory still holds of it. */
    posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (fstat(file->fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at '%s'", file->path);
    file->found = (uint64_t)info.st_size;
    return 0;
}

int dr_restore_end(struct dr_pool *pool, struct dr_err *err)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct dr_pool_file *file = &pool->files[i];

        if (file->missing && file->restored == 0)
            drop_file(file);
        else if (file->to >= 0 && end_file(file, err) < 0)
            return -1;
    }
    return 0;
}

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

#include "bundle/file/volume_set.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define MOVE_BYTES ((size_t)1 << 20)

/* Descriptors for all else: connections, the key, the journal. */
#define OTHER_FILES 64

static char *name_draft(const char *path, struct dr_err *err)
{
    return dr_text_format(err, "%s.part", path);
}

/* ---- opening */

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

static int open_draft(const char *draft, uint64_t *ret_size, int *ret_fd, struct dr_err *err)
{
    struct stat info;
    dr_autoclose int fd = open(draft, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "create '%s'", draft);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !dr_file_is_at(fd, draft))
        return dr_fail(err, DR_ERR_REFUSED, "another drover is writing '%s'", draft);
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "'%s' is not an ordinary file", draft);
    *ret_size = (uint64_t)info.st_size;
    *ret_fd = dr_steal_fd(&fd);
    return 0;
}

/* Of a run that was cut off between the renames, those that it had done are undone. */
static int take_back(const char *volume, const char *draft, struct dr_err *err)
{
    if (access(draft, F_OK) == 0 || rename(volume, draft) == 0 || errno == ENOENT)
        return 0;
    return dr_fail_errno(err, DR_ERR_IO, "rename '%s' to '%s'", volume, draft);
}

/* All that there can be: those of an earlier, larger bundle would be taken for volumes of this one. */
static int look_at_volumes(struct dr_part *part, uint64_t renaming, struct dr_err *err)
{
    part->size = 0;
    for (uint64_t number = 1; number <= DR_VOLUMES_MAX; number++) {
        dr_autofree char *volume = dr_volume_path(part->path, number, err);
        dr_autofree char *draft = volume ? name_draft(volume, err) : NULL;
        struct stat info;

        if (!draft || (number <= renaming && take_back(volume, draft, err) < 0) ||
            check_target(volume, part->replace, err) < 0)
            return -1;
        if (lstat(draft, &info) == 0)
            part->size += (uint64_t)info.st_size;
    }
    return 0;
}

/* The one piece of what is not split is the file that is locked. */
static int set_whole(struct dr_part *part, struct dr_err *err)
{
    return dr_pieces_init(&part->pieces, 1, UINT64_MAX, err) < 0
               ? -1
               : dr_pieces_set(&part->pieces, 0, dr_steal_fd(&part->lock), part->path, part->draft,
                               err);
}

int dr_part_open(struct dr_part *part, const char *path, const json_t *asked,
                 struct dr_past *ret_past, struct dr_err *err)
{
    dr_autofree char *draft = name_draft(path, err);

    part->path = dr_text_copy(path, err);
    part->shown = dr_text_format(err, "%s%s.part", path, part->split ? ".*" : "");
    part->journal = draft ? dr_text_format(err, "%s.journal", draft) : NULL;
    if (!part->path || !part->shown || !part->journal ||
        (!part->split && check_target(path, part->replace, err) < 0) ||
        open_draft(draft, &part->size, &part->lock, err) < 0)
        return -1;
    part->draft = dr_steal(draft);
    part->keep = part->size > 0 || access(part->journal, F_OK) == 0;
    if (asked)
        dr_past_read(part->journal, asked, ret_past);
    if ((part->split ? look_at_volumes(part, asked ? ret_past->renaming : 0, err)
                     : set_whole(part, err)) < 0)
        return -1;
    part->ready = true;
    return 0;
}

/* ---- what an earlier run left */

static void remove_drafts(const struct dr_part *part, uint64_t from)
{
    for (uint64_t number = from; number <= DR_VOLUMES_MAX; number++) {
        dr_autofree char *volume = dr_volume_path(part->path, number, NULL);
        dr_autofree char *draft = volume ? name_draft(volume, NULL) : NULL;

        if (draft)
            unlink(draft);
    }
}

int dr_part_empty(struct dr_part *part, struct dr_err *err)
{
    int fd = part->split ? part->lock : part->pieces.items[0].fd;

    if (part->split || access(part->journal, F_OK) == 0)
        remove_drafts(part, 1);
    part->size = 0;
    dr_ledger_remove(part->journal);
    return ftruncate(fd, 0) < 0 ? dr_fail_errno(err, DR_ERR_IO, "empty '%s'", part->draft) : 0;
}

/* ---- room */

int dr_part_reserve(struct dr_part *part, uint64_t size, struct dr_err *err)
{
    return dr_pieces_reserve(&part->pieces, size, 0, part->path, err);
}

/* All volumes are open at once. */
static int allow_files(uint64_t count, struct dr_err *err)
{
    if (dr_file_allow_open(count + OTHER_FILES) >= count + OTHER_FILES)
        return 0;
    return dr_fail(err, DR_ERR_IO,
                   "open %llu volumes: this session may not have so many open files; make the "
                   "volumes larger, or raise the limit ('ulimit -Hn')",
                   (unsigned long long)count);
}

static int open_piece(struct dr_part *part, uint64_t index, struct dr_err *err)
{
    dr_autofree char *path = dr_volume_path(part->path, index + 1, err);
    dr_autofree char *draft = path ? name_draft(path, err) : NULL;
    uint64_t size;
    int fd;

    if (!draft || open_draft(draft, &size, &fd, err) < 0)
        return -1;
    return dr_pieces_set(&part->pieces, index, fd, path, draft, err);
}

int dr_part_reserve_split(struct dr_part *part, uint64_t size, uint64_t slice, uint64_t behind,
                          struct dr_err *err)
{
    uint64_t count = (size + slice - 1) / slice;

    if (allow_files(count, err) < 0 || dr_pieces_init(&part->pieces, count, slice, err) < 0)
        return -1;
    for (uint64_t i = 0; i < count; i++) {
        if (open_piece(part, i, err) < 0)
            return -1;
    }
    remove_drafts(part, count + 1);
    return dr_pieces_reserve(&part->pieces, size, behind, part->path, err);
}

int dr_part_move(const struct dr_part *part, uint64_t from, uint64_t to, uint64_t size,
                 struct dr_err *err)
{
    dr_autofree char *bytes = malloc(MOVE_BYTES);

    if (!bytes)
        return dr_fail_memory(err);
    for (uint64_t done = 0; done < size; done += MOVE_BYTES) {
        size_t now = size - done < MOVE_BYTES ? (size_t)(size - done) : MOVE_BYTES;

        if (dr_pieces_read(&part->pieces, bytes, now, from + done, err) < 0 ||
            dr_pieces_write(&part->pieces, bytes, now, to + done, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the end */

/* As a system call, since musl 1.2.3 has no function for it; kernels from 3.15 on know it. */
static int rename_to_free_name(const char *from, const char *to)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1u /* RENAME_NOREPLACE */);
}

static int rename_draft(const struct dr_piece *piece, bool replace)
{
    if (replace)
        return rename(piece->draft, piece->path);
    if (rename_to_free_name(piece->draft, piece->path) == 0)
        return 0;
    /* Some file systems (NFS, FUSE) don't know the flag, old kernels not the call; the name was free a moment ago. */
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(piece->path, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(piece->draft, piece->path);
}

static int rename_all(const struct dr_part *part, struct dr_err *err)
{
    for (uint64_t i = 0; i < part->pieces.count; i++) {
        const struct dr_piece *piece = &part->pieces.items[i];

        if (piece->fd < 0 || rename_draft(piece, part->replace) == 0)
            continue;
        return errno == EEXIST ? fail_exists(piece->path, err)
                               : dr_fail_errno(err, DR_ERR_IO, "rename '%s' to '%s'", piece->draft,
                                               piece->path);
    }
    return dr_file_sync_folder(part->path, err);
}

/* Volumes of an earlier bundle, which had more of them. */
static int remove_surplus(const struct dr_part *part, struct dr_err *err)
{
    for (uint64_t number = part->pieces.count + 1; number <= DR_VOLUMES_MAX; number++) {
        dr_autofree char *volume = dr_volume_path(part->path, number, err);

        if (!volume)
            return -1;
        if (unlink(volume) < 0 && errno != ENOENT)
            return dr_fail_errno(err, DR_ERR_IO, "remove '%s', which is of an earlier bundle",
                                 volume);
    }
    return 0;
}

int dr_part_commit(struct dr_part *part, struct dr_err *err)
{
    if (dr_pieces_flush(&part->pieces, err) < 0)
        return -1;
    if (part->split) {
        part->keep = true;
        if (dr_ledger_renaming(part->journal, part->pieces.count, err) < 0)
            return -1;
    }
    if (rename_all(part, err) < 0 || (part->split && remove_surplus(part, err) < 0))
        return -1;
    dr_ledger_remove(part->journal);
    if (part->split)
        unlink(part->draft);
    free(dr_steal(part->draft));
    return dr_file_sync_folder(part->path, err);
}

void dr_part_release(struct dr_part *part)
{
    if (part->draft && !part->keep) {
        dr_ledger_remove(part->journal);
        for (uint64_t i = 0; i < part->pieces.count; i++) {
            if (part->pieces.items[i].draft)
                unlink(part->pieces.items[i].draft);
        }
        unlink(part->draft);
    }
    dr_pieces_release(&part->pieces);
    if (part->lock >= 0)
        close(dr_steal_fd(&part->lock));
    free(dr_steal(part->draft));
    free(dr_steal(part->journal));
    free(dr_steal(part->shown));
    free(dr_steal(part->path));
}

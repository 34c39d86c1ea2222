/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_FILE_H
#define DROVER_LIB_FILE_H

/*
 * Files: whole reads with a ceiling, and files that are either committed or vanish.
 *
 *     dr_auto_file struct dr_file file = DR_FILE_INIT;
 *     if (dr_file_create(&file, "state.json", 0600, err) < 0 ||
 *         dr_file_write(&file, text, size, err) < 0 || dr_file_commit(&file, err) < 0)
 *         return -1;
 *
 * dr_file_create() writes beside the target under another name; dr_file_commit() flushes to the
 * disk, renames and flushes the folder. A scope that ends without commit leaves the target as it
 * was and removes the draft.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

struct dr_file {
    int fd;
    char *path;
    char *draft;
};

#define DR_FILE_INIT                                                                               \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Begins a draft for `path` with these permission bits (not cut by the umask). */
int dr_file_create(struct dr_file *file, const char *path, mode_t mode, struct dr_err *err);
/* The same with a draft called PATH.part, for large files: what a killed run left of it is found and begun anew.
 * DR_ERR_REFUSED: another drover is writing it. */
int dr_file_create_part(struct dr_file *file, const char *path, mode_t mode, struct dr_err *err);
int dr_file_write(struct dr_file *file, const void *data, size_t size, struct dr_err *err);

/* fsync, rename over the target, close, fsync of the folder: durable when it returns 0. */
int dr_file_commit(struct dr_file *file, struct dr_err *err);

/* Removes an uncommitted draft; harmless after commit. */
void dr_file_release(struct dr_file *file);
#define dr_auto_file __attribute__((cleanup(dr_file_release)))

/* create + write + commit. */
int dr_file_save(const char *path, mode_t mode, const void *data, size_t size, struct dr_err *err);

/* Appends the whole file to `ret_data`; DR_ERR_FORMAT when the buffer's ceiling is passed. */
int dr_file_read(const char *path, struct dr_buf *ret_data, struct dr_err *err);

/* Everything or an error, at an offset; `what` names the file in errors. A read beyond the end is
 * DR_ERR_VERIFY "ends too early". */
int dr_file_pwrite(int fd, const void *data, size_t size, uint64_t offset, const char *what,
                   struct dr_err *err);
int dr_file_pread(int fd, void *ret_data, size_t size, uint64_t offset, const char *what,
                  struct dr_err *err);

/* Reserves `size` bytes for `fd` (posix_fallocate; on file systems without it only the free space
 * is checked). A full disk is DR_ERR_IO with the bytes needed and free; a file system that has no files so large says so. */
int dr_file_reserve(int fd, uint64_t size, const char *what, struct dr_err *err);

/* Only looks whether the disk that `fd` is on has room for `size` bytes, of which `there` are taken already. */
int dr_file_check_room(int fd, uint64_t size, uint64_t there, const char *what, struct dr_err *err);

/* Bytes that an ordinary user may still write in the file system that holds `path` (a folder or
 * file). */
int dr_file_space(const char *path, uint64_t *ret_bytes, struct dr_err *err);

/* The most bytes that a file can have in that file system: FAT has its limit. Others and none: UINT64_MAX. */
uint64_t dr_file_most(const char *path);

/* fsync of the folder that holds `path`. */
int dr_file_sync_folder(const char *path, struct dr_err *err);

/* Something that only root or this process's own user may change: a file or folder of one of them,
 * not writable by group or others, no symbolic link. Else DR_ERR_REFUSED with what to do about it;
 * DR_ERR_IO when it is not there. */
int dr_file_check_owned(const char *path, struct dr_err *err);

/* mkdir -p; what it makes is on the disk when it returns. */
int dr_file_make_folder(const char *path, mode_t mode, struct dr_err *err);

/* Takes an exclusive flock on `path` (created when missing), without waiting. `ret_fd` holds it
 * until closed. Somebody else has it: DR_ERR_REFUSED. */
int dr_file_lock(const char *path, int *ret_fd, struct dr_err *err);

/* The folder that holds `path`, "." where it names none; owned. And the name without it, a part of `path`. */
char *dr_file_folder(const char *path, struct dr_err *err);
const char *dr_file_name(const char *path);

/* Are both the same file? */
bool dr_file_is_same(int one, int other);
/* Is it still what that path names? Whoever ends first renames a draft away; then a lock that was got on it says nothing. */
bool dr_file_is_at(int fd, const char *path);

/* From errno: it could not be opened (DR_ERR_IO). Is it since too many are? */
int dr_file_fail_open(const char *path, struct dr_err *err);
bool dr_file_is_too_many(int error);

/* A file of `size` zeros that is nowhere but in memory, -1 on failure. */
int dr_file_in_memory(uint64_t size, struct dr_err *err);

/* Raises the number of files that may be open to `count`, or as far as it goes; what it is then, UINT64_MAX when that is
 * not to be had. */
uint64_t dr_file_allow_open(uint64_t count);

/* "<folder>/<name>", owned. */
char *dr_file_join(const char *folder, const char *name, struct dr_err *err);

#endif

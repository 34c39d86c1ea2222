/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/restore.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/server/backup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/tree.h"

#define PIECE (256u * 1024)

/* As root did it when the copy was made: owners by number, modes whole; and never out of the folder. */
#define HOW                                                                                        \
    (ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |                         \
     ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT)

/* "mysql/ibdata1" becomes "<folder>/ibdata1". */
static int move(struct archive_entry *entry, const char *folder, struct dr_err *err)
{
    const char *path = archive_entry_pathname(entry);
    const char *link = archive_entry_hardlink(entry);
    const char *slash = path ? strchr(path, '/') : NULL;
    dr_autofree char *to = dr_text_format(err, "%s/%s", folder, slash ? slash + 1 : "");
    dr_autofree char *target = NULL;

    if (!to)
        return -1;
    archive_entry_set_pathname(entry, to);
    if (!link)
        return 0;
    slash = strchr(link, '/');
    target = dr_text_format(err, "%s/%s", folder, slash ? slash + 1 : "");
    if (!target)
        return -1;
    archive_entry_set_hardlink(entry, target);
    return 0;
}

static int complain(struct archive *archive, const char *folder, struct dr_err *err)
{
    const char *why = archive_error_string(archive);

    return dr_fail(err, DR_ERR_IO, "unpack the database into '%s': %s", folder,
                   why ? why : "it failed");
}

static int unpack_data(struct archive *from, struct archive *to, const char *folder,
                       struct dr_err *err)
{
    const void *data;
    size_t size;
    la_int64_t offset;
    int done;

    while ((done = archive_read_data_block(from, &data, &size, &offset)) == ARCHIVE_OK) {
        if (archive_write_data_block(to, data, size, offset) < ARCHIVE_OK)
            return complain(to, folder, err);
        if (dr_stop_check(err, "unpacking the database") < 0)
            return -1;
    }
    return done == ARCHIVE_EOF ? 0 : complain(from, folder, err);
}

static int unpack(struct archive *from, struct archive *to, const char *folder, struct dr_err *err)
{
    struct archive_entry *entry;
    int done;

    while ((done = archive_read_next_header(from, &entry)) == ARCHIVE_OK) {
        if (move(entry, folder, err) < 0)
            return -1;
        if (archive_write_header(to, entry) != ARCHIVE_OK)
            return complain(to, folder, err);
        if (unpack_data(from, to, folder, err) < 0)
            return -1;
        if (archive_write_finish_entry(to) != ARCHIVE_OK)
            return complain(to, folder, err);
    }
    if (done != ARCHIVE_EOF)
        return complain(from, folder, err);
    /* Modes and times of folders are set here. */
    return archive_write_close(to) == ARCHIVE_OK ? 0 : complain(to, folder, err);
}

static int unpack_file(const char *file, const char *folder, struct dr_err *err)
{
    struct archive *from = archive_read_new();
    struct archive *to = archive_write_disk_new();
    int done = -1;

    if (!from || !to)
        dr_fail_memory(err);
    else if (archive_read_support_filter_gzip(from) != ARCHIVE_OK ||
             archive_read_support_format_tar(from) != ARCHIVE_OK ||
             archive_read_open_filename(from, file, PIECE) != ARCHIVE_OK ||
             archive_write_disk_set_options(to, HOW) != ARCHIVE_OK)
        complain(from, folder, err);
    else
        done = unpack(from, to, folder, err);
    archive_read_free(from);
    archive_write_free(to);
    return done;
}

/* The whole file system: a database has many files, and each must be on the disk before a server opens it. */
static int flush(const char *folder, struct dr_err *err)
{
    dr_autoclose int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || syncfs(fd) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "flush '%s' to the disk", folder);
    return 0;
}

static int prove(const json_t *backup, const char *folder, struct dr_err *err)
{
    uint64_t entries = (uint64_t)dr_json_int_or(backup, "entries", 0);
    uint64_t bytes = (uint64_t)dr_json_int_or(backup, "content_bytes", 0);
    struct dr_tree tree;

    if (dr_tree_measure(folder, &tree, err) < 0)
        return -1;
    if (tree.entries != entries || (!tree.linked && tree.bytes != bytes))
        return dr_fail(err, DR_ERR_PROOF,
                       "'%s' holds %llu entries and %llu bytes after unpacking, the copy of the "
                       "database %llu and %llu",
                       folder, (unsigned long long)tree.entries, (unsigned long long)tree.bytes,
                       (unsigned long long)entries, (unsigned long long)bytes);
    return 0;
}

int dr_restore(const json_t *backup, const char *folder, struct dr_err *err)
{
    const char *file = NULL;
    /* No link on the way: libarchive takes every one for an attempt to lead it elsewhere. */
    dr_autofree char *real = realpath(folder, NULL);

    if (!real)
        return dr_fail_errno(err, DR_ERR_IO, "unpack the database into '%s'", folder);
    if (dr_json_get_string(backup, "file", &file, err) < 0 || dr_backup_check(backup, err) < 0 ||
        unpack_file(file, real, err) < 0 || flush(real, err) < 0)
        return -1;
    return prove(backup, real, err);
}

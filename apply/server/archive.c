/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"

#define PIECE (256u * 1024)

struct reader {
    int fd;
    struct dr_hash *hash;
    uint64_t bytes;
    char *piece;
};

static la_ssize_t on_read(struct archive *archive, void *context, const void **ret_data)
{
    struct reader *reader = context;
    ssize_t got = read(reader->fd, reader->piece, PIECE);

    if (got < 0) {
        archive_set_error(archive, errno, "read failed");
        return ARCHIVE_FATAL;
    }
    dr_hash_add(reader->hash, reader->piece, (size_t)got);
    reader->bytes += (uint64_t)got;
    *ret_data = reader->piece;
    return got;
}

/* What stands below the one top folder: "ibdata1" of "mysql/ibdata1"; "" for the folder itself. */
static const char *below_top(const char *name)
{
    const char *slash;

    while (name[0] == '.' && name[1] == '/')
        name += 2;
    slash = strchr(name, '/');
    return slash ? slash + 1 : "";
}

static void note(struct archive_entry *entry, struct dr_archive *ret)
{
    const char *path = archive_entry_pathname(entry);
    const char *name = below_top(path ? path : "");

    if (ret->uid < 0) {
        ret->uid = archive_entry_uid(entry);
        ret->gid = archive_entry_gid(entry);
    }
    if (strcmp(name, "ibdata1") == 0 && archive_entry_filetype(entry) == AE_IFREG)
        ret->has_ibdata = true;
    if (strcmp(name, "mysql/") == 0 || strcmp(name, "mysql") == 0)
        ret->has_mysql = archive_entry_filetype(entry) == AE_IFDIR;
    if (archive_entry_uid(entry) != ret->uid || archive_entry_gid(entry) != ret->gid)
        ret->strangers++;
}

static int count(struct archive *archive, struct dr_archive *ret)
{
    struct archive_entry *entry;
    int done;

    while ((done = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
        ret->entries++;
        note(entry, ret);
        if (archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry))
            ret->content_bytes += (uint64_t)archive_entry_size(entry);
        if (archive_read_data_skip(archive) != ARCHIVE_OK)
            return -1;
    }
    return done == ARCHIVE_EOF ? 0 : -1;
}

static int read_all(struct archive *archive, struct reader *reader, struct dr_archive *ret)
{
    const void *rest;
    la_ssize_t got;

    if (archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
        archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_open(archive, reader, NULL, on_read, NULL) != ARCHIVE_OK ||
        count(archive, ret) < 0)
        return -1;
    /* The archive may end before the file does; the hash is of the file. */
    do
        got = on_read(archive, reader, &rest);
    while (got > 0);
    return got == 0 ? 0 : -1;
}

int dr_archive_read(const char *path, struct dr_archive *ret_archive, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    dr_autofree char *piece = malloc(PIECE);
    struct archive *archive;
    struct reader reader = {.fd = fd, .hash = hash, .piece = piece};
    struct dr_archive result = {.uid = -1, .gid = -1};
    int done;

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s'", path);
    if (!hash)
        return -1;
    archive = archive_read_new();
    if (!piece || !archive) {
        archive_read_free(archive);
        return dr_fail_memory(err);
    }
    done = read_all(archive, &reader, &result);
    if (done < 0)
        dr_fail(err, DR_ERR_VERIFY, "'%s' is not a whole .tar.gz: %s", path,
                archive_error_string(archive) ? archive_error_string(archive)
                                              : "it ends too early");
    archive_read_free(archive);
    if (done < 0)
        return -1;
    dr_hash_end(hash, &result.digest);
    result.file_bytes = reader.bytes;
    *ret_archive = result;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/backup.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "apply/server/archive.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/tree.h"

#define PIECE (256u * 1024)

/* windowBits for a gzip header and trailer (zlib.h, deflateInit2). */
#define GZIP_WINDOW (15 + 16)

struct writer {
    struct dr_file file;
    struct dr_hash *hash;
    z_stream stream;
    unsigned char *piece;
    uint64_t taken; /* bytes of tar */
    uint64_t given; /* bytes of file */
    struct dr_progress progress;
};

/* Compresses what the stream has been given, and writes what comes out. */
static int squeeze(struct writer *writer, int flush, struct dr_err *err)
{
    int done;

    do {
        size_t size;

        writer->stream.next_out = writer->piece;
        writer->stream.avail_out = PIECE;
        done = deflate(&writer->stream, flush);
        if (done == Z_STREAM_ERROR)
            return dr_fail(err, DR_ERR_INTERNAL, "zlib refused to go on");
        size = PIECE - writer->stream.avail_out;
        dr_hash_add(writer->hash, writer->piece, size);
        if (dr_file_write(&writer->file, writer->piece, size, err) < 0)
            return -1;
        writer->given += size;
    } while (writer->stream.avail_out == 0);
    return 0;
}

static int sink(void *context, const void *data, size_t size, struct dr_err *err)
{
    struct writer *writer = context;

    writer->taken += size;
    dr_progress_add(&writer->progress, size);
    /* zlib only reads from there; its type does not say so. */
    writer->stream.next_in = (unsigned char *)(uintptr_t)data;
    writer->stream.avail_in = (unsigned)size;
    return squeeze(writer, Z_NO_FLUSH, err);
}

static int copy(const struct dr_backup_order *order, struct writer *writer, struct dr_err *err)
{
    struct dr_tree tree = {0};

    if (order->source && dr_tree_measure(order->source, &tree, err) < 0)
        return -1;
    dr_progress_start(&writer->progress, order->log, "copy the database", tree.bytes);
    if (dr_file_create(&writer->file, order->file, 0600, err) < 0 ||
        dr_docker_archive(order->engine, order->container, order->folder, sink, writer, err) < 0)
        return -1;
    writer->stream.avail_in = 0;
    if (squeeze(writer, Z_FINISH, err) < 0 || dr_file_commit(&writer->file, err) < 0)
        return -1;
    dr_progress_end(&writer->progress);
    return 0;
}

/* What a kill in the middle of a copy has left takes the room that the next one needs. The journal's lock is held, so
 * nobody writes them any more. */
static void clear_drafts(const char *file)
{
    dr_autofree char *prefix = dr_text_format(NULL, "%s.draft-", file);
    dr_autofree char *folder = dr_text_copy(file, NULL);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    const struct dirent *entry;
    DIR *stream;

    if (!prefix || !slash)
        return;
    *slash = '\0';
    stream = opendir(*folder ? folder : "/");
    while (stream && (entry = readdir(stream))) {
        dr_autofree char *path = dr_file_join(*folder ? folder : "/", entry->d_name, NULL);

        if (path && dr_text_starts(path, prefix))
            unlink(path);
    }
    if (stream)
        closedir(stream);
}

static int write_file(const struct dr_backup_order *order, struct dr_digest *ret_digest,
                      uint64_t *ret_bytes, struct dr_err *err)
{
    dr_autofree unsigned char *piece = malloc(PIECE);
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    struct writer writer = {.file = DR_FILE_INIT, .hash = hash, .piece = piece};
    int done;

    if (!hash)
        return -1;
    /* Level 1: the server is down while this runs. */
    if (!piece ||
        deflateInit2(&writer.stream, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return dr_fail_memory(err);
    done = copy(order, &writer, err);
    deflateEnd(&writer.stream);
    dr_file_release(&writer.file);
    dr_hash_end(hash, ret_digest);
    *ret_bytes = writer.given;
    return done;
}

/* What lies in the folder now, against what is in the archive. */
static int compare(const struct dr_backup_order *order, const struct dr_archive *archive,
                   struct dr_err *err)
{
    struct dr_tree tree;

    if (archive->entries == 0)
        return dr_fail(err, DR_ERR_PROOF, "the copy '%s' is empty", order->file);
    if (!order->source)
        return 0;
    if (dr_tree_measure(order->source, &tree, err) < 0)
        return -1;
    if (tree.entries != archive->entries || (!tree.linked && tree.bytes != archive->content_bytes))
        return dr_fail(
            err, DR_ERR_PROOF,
            "the copy '%s' has %llu entries and %llu bytes, the database's folder has %llu "
            "and %llu",
            order->file, (unsigned long long)archive->entries,
            (unsigned long long)archive->content_bytes, (unsigned long long)tree.entries,
            (unsigned long long)tree.bytes);
    return 0;
}

static int write_sums(const char *file, const struct dr_digest *digest, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];
    dr_autofree char *path = dr_text_format(err, "%s.sha256", file);
    dr_autofree char *line =
        dr_text_format(err, "%s  %s\n", dr_digest_hex(digest, hex), dr_file_name(file));

    if (!path || !line)
        return -1;
    return dr_file_save(path, 0600, line, strlen(line), err);
}

/* Reads the written file back, from the disk as far as the system lets us, and compares. */
static int prove(const struct dr_backup_order *order, const struct dr_digest *digest,
                 uint64_t bytes, struct dr_archive *ret_archive, struct dr_err *err)
{
    if (dr_archive_read(order->file, ret_archive, err) < 0)
        return -1;
    if (!dr_digest_equal(&ret_archive->digest, digest) || ret_archive->file_bytes != bytes)
        return dr_fail(err, DR_ERR_PROOF,
                       "the copy '%s' reads back as something else; is the disk sound?",
                       order->file);
    return compare(order, ret_archive, err);
}

json_t *dr_backup_take(const struct dr_backup_order *order, struct dr_err *err)
{
    struct dr_archive archive;
    struct dr_digest digest;
    uint64_t bytes = 0;
    char text[DR_DIGEST_TEXT];
    json_t *backup;

    clear_drafts(order->file);
    if (write_file(order, &digest, &bytes, err) < 0)
        return NULL;
    if (prove(order, &digest, bytes, &archive, err) < 0 ||
        write_sums(order->file, &digest, err) < 0) {
        unlink(order->file);
        return NULL;
    }
    backup =
        json_pack("{s:s, s:s, s:I, s:I, s:I}", "file", order->file, "sha256",
                  dr_digest_hex(&digest, text), "bytes", (json_int_t)bytes, "entries",
                  (json_int_t)archive.entries, "content_bytes", (json_int_t)archive.content_bytes);
    if (!backup)
        dr_fail_memory(err);
    return backup;
}

int dr_backup_check(const json_t *backup, struct dr_err *err)
{
    const char *file = NULL;
    const char *hex = NULL;
    struct dr_archive archive;
    char found[DR_DIGEST_TEXT];

    if (dr_json_get_string(backup, "file", &file, err) < 0 ||
        dr_json_get_string(backup, "sha256", &hex, err) < 0 ||
        dr_archive_read(file, &archive, err) < 0)
        return -1;
    if (strcmp(dr_digest_hex(&archive.digest, found), hex) != 0)
        return dr_fail(err, DR_ERR_VERIFY, "the database's copy '%s' is not what was written",
                       file);
    return 0;
}

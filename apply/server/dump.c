/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/dump.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <string.h>

#define PIECE (256u * 1024)
#define TAIL 512u

/* The last bytes of a stream. */
struct tail {
    char bytes[TAIL + 1];
    size_t size;
};

static void keep(struct tail *tail, const char *data, size_t size)
{
    size_t stay;

    if (size == 0) /* libarchive's block may then be NULL */
        return;
    if (size > TAIL) {
        data += size - TAIL;
        size = TAIL;
    }
    stay = tail->size < TAIL - size ? tail->size : TAIL - size;
    memmove(tail->bytes, tail->bytes + tail->size - stay, stay);
    memcpy(tail->bytes + stay, data, size);
    tail->size = stay + size;
}

static int read_all(struct archive *archive, struct tail *tail, uint64_t *ret_bytes)
{
    struct archive_entry *entry;
    const void *data;
    la_int64_t offset;
    size_t size;
    int done;

    while ((done = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
        while ((done = archive_read_data_block(archive, &data, &size, &offset)) == ARCHIVE_OK) {
            keep(tail, data, size);
            *ret_bytes += size;
        }
        if (done != ARCHIVE_EOF)
            return -1;
    }
    return done == ARCHIVE_EOF ? 0 : -1;
}

static bool is_complete(struct tail *tail)
{
    tail->bytes[tail->size] = '\0';
    return memmem(tail->bytes, tail->size, "-- Dump completed", strlen("-- Dump completed")) !=
           NULL;
}

int dr_dump_check(const char *file, uint64_t *ret_bytes, struct dr_err *err)
{
    struct archive *archive = archive_read_new();
    struct tail tail = {.size = 0};
    const char *why;
    int done = -1;

    *ret_bytes = 0;
    if (!archive)
        return dr_fail_memory(err);
    if (archive_read_support_format_zip_seekable(archive) == ARCHIVE_OK &&
        archive_read_open_filename(archive, file, PIECE) == ARCHIVE_OK)
        done = read_all(archive, &tail, ret_bytes);
    why = archive_error_string(archive);
    if (done < 0)
        dr_fail(err, DR_ERR_VERIFY, "'%s' is no whole ZIP: %s", file, why ? why : "it is cut");
    else if (!is_complete(&tail))
        done = dr_fail(err, DR_ERR_VERIFY,
                       "the dump in '%s' does not end with \"-- Dump completed\": mysqldump broke "
                       "off",
                       file);
    archive_read_free(archive);
    return done;
}

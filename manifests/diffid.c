/* SPDX-License-Identifier: Apache-2.0 */
#define ZLIB_CONST
#include "manifests/diffid.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/text.h"

/* Enough to tell the ways of compressing apart. */
#define HEAD 6

/* zlib: a window of 2^15 bytes, and gzip's frame around. */
#define GZIP_ONLY (15 + 16)

enum state {
    UNKNOWN, /* the first bytes are awaited */
    PLAIN,
    GZIP,
    FAILED,
};

struct dr_diffid {
    enum state state;
    struct dr_err why; /* it failed */
    unsigned char head[HEAD];
    size_t head_size;
    uint64_t allowed; /* how many unpacked bytes may still come */
    uint64_t limit;
    struct dr_hash *hash;
    bool has_stream;
    bool in_member;
    size_t members; /* that have ended */
    z_stream stream;
    unsigned char out[64u << 10];
};

struct dr_diffid *dr_diffid_new(uint64_t size, struct dr_err *err)
{
    struct dr_diffid *diffid = calloc(1, sizeof *diffid);
    uint64_t limit =
        size > DR_DIFFID_MAX / DR_DIFFID_RATIO ? DR_DIFFID_MAX : size * DR_DIFFID_RATIO;

    if (!diffid) {
        dr_fail_memory(err);
        return NULL;
    }
    diffid->limit = diffid->allowed = limit < DR_DIFFID_FREE ? DR_DIFFID_FREE : limit;
    diffid->hash = dr_hash_new(err);
    if (!diffid->hash) {
        dr_diffid_free(diffid);
        return NULL;
    }
    return diffid;
}

void dr_diffid_free(struct dr_diffid *diffid)
{
    if (!diffid)
        return;
    if (diffid->has_stream)
        inflateEnd(&diffid->stream);
    dr_hash_free(diffid->hash);
    free(diffid);
}

static void take_plain(struct dr_diffid *diffid, const void *data, size_t size)
{
    char limit[16];

    if (size > diffid->allowed) {
        dr_text_size(diffid->limit, limit);
        dr_fail(&diffid->why, DR_ERR_FORMAT,
                "it unpacks to more than %s, the limit for a layer of its size", limit);
        diffid->state = FAILED;
        return;
    }
    diffid->allowed -= size;
    dr_hash_add(diffid->hash, data, size);
}

static void fail_unpack(struct dr_diffid *diffid, int status)
{
    diffid->state = FAILED;
    if (status == Z_MEM_ERROR)
        dr_fail_memory(&diffid->why);
    else if (diffid->members > 0 && diffid->stream.total_out == 0)
        dr_fail(&diffid->why, DR_ERR_FORMAT, "its gzip data is followed by something else");
    else
        dr_fail(&diffid->why, DR_ERR_FORMAT, "its gzip data is damaged: %s",
                diffid->stream.msg ? diffid->stream.msg : "not understood");
}

static void unpack(struct dr_diffid *diffid, const void *data, size_t size)
{
    z_stream *stream = &diffid->stream;

    stream->next_in = data;
    stream->avail_in = (uInt)size;
    do {
        uInt before = stream->avail_in;
        int status;

        stream->next_out = diffid->out;
        stream->avail_out = sizeof diffid->out;
        status = inflate(stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            fail_unpack(diffid, status);
            return;
        }
        diffid->in_member |= stream->avail_in < before;
        take_plain(diffid, diffid->out, sizeof diffid->out - stream->avail_out);
        if (status == Z_STREAM_END) {
            diffid->in_member = false;
            diffid->members++;
            inflateReset(stream);
        }
    } while (diffid->state == GZIP && (stream->avail_in > 0 || stream->avail_out == 0));
}

static void feed(struct dr_diffid *diffid, const unsigned char *data, size_t size)
{
    while (size > 0 && diffid->state != FAILED) {
        size_t now = size < (1u << 20) ? size : 1u << 20;

        if (diffid->state == GZIP)
            unpack(diffid, data, now);
        else
            take_plain(diffid, data, now);
        data += now;
        size -= now;
    }
}

static bool begins(const struct dr_diffid *diffid, const char *magic, size_t size)
{
    return diffid->head_size >= size && memcmp(diffid->head, magic, size) == 0;
}

/* As docker tells them apart; it takes for plain what it does not know. */
static void begin(struct dr_diffid *diffid)
{
    const char *other = begins(diffid, "BZh", 3)                ? "bzip2"
                        : begins(diffid, "\xfd\x37zXZ\0", 6)    ? "xz"
                        : begins(diffid, "\x28\xb5\x2f\xfd", 4) ? "zstd"
                                                                : NULL;

    diffid->state = PLAIN;
    if (other) {
        diffid->state = FAILED;
        dr_fail(&diffid->why, DR_ERR_FORMAT, "it is compressed with %s, not with gzip", other);
    } else if (begins(diffid, "\x1f\x8b\x08", 3)) {
        diffid->state = GZIP;
        diffid->has_stream = inflateInit2(&diffid->stream, GZIP_ONLY) == Z_OK;
        if (!diffid->has_stream)
            fail_unpack(diffid, Z_MEM_ERROR);
    }
    feed(diffid, diffid->head, diffid->head_size);
}

void dr_diffid_add(struct dr_diffid *diffid, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    while (diffid->state == UNKNOWN && size > 0) {
        diffid->head[diffid->head_size++] = *bytes++;
        size--;
        if (diffid->head_size == HEAD)
            begin(diffid);
    }
    if (size > 0)
        feed(diffid, bytes, size);
}

int dr_diffid_end(struct dr_diffid *diffid, struct dr_digest *ret_digest, bool *ret_plain,
                  struct dr_err *err)
{
    if (diffid->state == UNKNOWN)
        begin(diffid);
    if (diffid->state == GZIP && diffid->in_member) {
        diffid->state = FAILED;
        dr_fail(&diffid->why, DR_ERR_FORMAT, "its gzip data ends in the middle");
    }
    if (diffid->state == FAILED)
        return dr_fail(err, diffid->why.code, "%s", diffid->why.text);
    dr_hash_end(diffid->hash, ret_digest);
    *ret_plain = diffid->state == PLAIN;
    return 0;
}

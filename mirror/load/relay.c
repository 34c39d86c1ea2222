/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/load/relay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/file/stream.h"
#include "bundle/file/sums.h"

#define CHUNK ((size_t)256 << 10)
#define PIECE (DR_BLOCK + CHUNK + DR_BLOCK + DR_TRAILER)

static uint64_t end_of(const struct dr_bundle_blob *blob)
{
    return blob->offset + blob->size + dr_padding(blob->size);
}

int dr_relay_init(struct dr_relay *relay, struct dr_bundle *bundle, struct dr_progress *progress,
                  const struct dr_log *log, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(bundle, &count);

    *relay = (struct dr_relay){.bundle = bundle, .progress = progress, .log = log};
    while (relay->next < count && !blobs[relay->next].layer)
        relay->next++;
    relay->head = end_of(&blobs[relay->next - 1]); /* there is a manifest */
    relay->total = end_of(&blobs[count - 1]) + DR_TRAILER;
    relay->piece = malloc(PIECE);
    return relay->piece ? 0 : dr_fail_memory(err);
}

void dr_relay_release(struct dr_relay *relay)
{
    free(relay->piece);
}

/* Room for that many bytes at the piece's end, zeros. */
static char *add(struct dr_relay *relay, size_t size)
{
    char *place = relay->piece + relay->end;

    assert(size <= PIECE - relay->end);
    memset(place, 0, size);
    relay->end += size;
    relay->made += size;
    return place;
}

static int take_head(struct dr_relay *relay, struct dr_err *err)
{
    uint64_t offset = relay->made;
    uint64_t left = relay->head - offset;
    size_t size = left < CHUNK ? (size_t)left : CHUNK;
    long got = dr_bundle_file_read(relay->bundle, offset, add(relay, size), size, err);

    assert(got < 0 || (size_t)got == size);
    return got < 0 ? -1 : 0;
}

static int begin_layer(struct dr_relay *relay, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_blob *blob = &dr_bundle_blobs(relay->bundle, &count)[relay->next];
    const struct dr_bundle_blob *found = NULL;
    int there = dr_stream_next(relay->bundle, &found, err);
    char name[DR_MEMBER_NAME];

    relay->inside = there > 0;
    if (there < 0)
        return -1;
    if (found != blob)
        return dr_fail(err, DR_ERR_VERIFY, "a layer did not arrive");
    relay->left = blob->size;
    dr_header_make(dr_sums_blob_name(&blob->digest, name), blob->size,
                   (unsigned char *)add(relay, DR_BLOCK));
    return 0;
}

static int end_layer(struct dr_relay *relay, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_blob *blob = &dr_bundle_blobs(relay->bundle, &count)[relay->next];
    bool good;

    relay->inside = false;
    if (dr_stream_end(relay->bundle, &good, err) < 0)
        return -1;
    if (!good)
        return dr_fail(err, DR_ERR_VERIFY, "a layer did not arrive as sent");
    add(relay, (size_t)dr_padding(blob->size));
    relay->next++;
    return 0;
}

static int take_layer(struct dr_relay *relay, struct dr_err *err)
{
    size_t size;

    if (!relay->inside && begin_layer(relay, err) < 0)
        return -1;
    size = relay->left < CHUNK ? (size_t)relay->left : CHUNK;
    if (dr_stream_read(relay->bundle, add(relay, size), size, err) < 0)
        return -1;
    relay->left -= size;
    dr_progress_add(relay->progress, size);
    return relay->left > 0 ? 0 : end_layer(relay, err);
}

static int finish(struct dr_relay *relay, struct dr_err *err)
{
    relay->finished = true;
    if (dr_stream_finish(relay->bundle, relay->log, err) < 0)
        return -1;
    add(relay, DR_TRAILER);
    return 0;
}

static int make_piece(struct dr_relay *relay, struct dr_err *err)
{
    relay->begin = relay->end = 0;
    if ((relay->made < relay->head ? take_head(relay, err) : take_layer(relay, err)) < 0)
        return -1;
    return relay->made + DR_TRAILER < relay->total ? 0 : finish(relay, err);
}

long dr_relay_read(void *context, void *ret_data, size_t size, struct dr_err *err)
{
    struct dr_relay *relay = context;
    size_t piece;

    if (relay->begin == relay->end && relay->made < relay->total && !dr_relay_failed(relay))
        make_piece(relay, &relay->failure);
    if (dr_relay_failed(relay)) {
        if (err)
            *err = relay->failure;
        return -1;
    }
    piece = relay->end - relay->begin;
    piece = piece < size ? piece : size;
    memcpy(ret_data, relay->piece + relay->begin, piece);
    relay->begin += piece;
    return (long)piece;
}

int dr_relay_end(struct dr_relay *relay, struct dr_err *err)
{
    bool good;

    if (dr_relay_failed(relay) && (relay->finished || relay->failure.code != DR_ERR_VERIFY)) {
        if (err)
            *err = relay->failure;
        return -1;
    }
    if (relay->finished)
        return 0;
    relay->finished = true;
    if (relay->inside && dr_stream_end(relay->bundle, &good, err) < 0)
        return -1;
    return dr_stream_check(relay->bundle, relay->progress, relay->log, err);
}

bool dr_relay_failed(const struct dr_relay *relay)
{
    return relay->failure.code != DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/foreign.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/stop.h"

#define CHUNK ((size_t)256 << 10)

struct out {
    int to;
    int frame;
    uint64_t at; /* so much was sent */
    struct dr_progress progress;
    char *chunk;
};

static int put(struct out *out, const char *data, size_t size, struct dr_err *err)
{
    while (size > 0) {
        ssize_t sent = write(out->to, data, size);

        if (dr_stop_check(err, "a bundle was sent") < 0)
            return -1;
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EPIPE)
            return dr_fail(err, DR_ERR_IO,
                           "whoever reads from the pipe went away after %llu bytes; what it said "
                           "tells why",
                           (unsigned long long)out->at);
        if (sent < 0)
            return dr_fail_errno(err, DR_ERR_IO, "write to the pipe");
        data += sent;
        size -= (size_t)sent;
        out->at += (uint64_t)sent;
        dr_progress_add(&out->progress, (uint64_t)sent);
    }
    return 0;
}

/* What the frame has up to there. */
static int put_frame(struct out *out, uint64_t upto, struct dr_err *err)
{
    while (out->at < upto) {
        uint64_t left = upto - out->at;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;

        if (dr_file_pread(out->frame, out->chunk, size, out->at, "the bundle", err) < 0 ||
            put(out, out->chunk, size, err) < 0)
            return -1;
    }
    return 0;
}

/* One layer on its way. A transfer that is begun anew sends again what was sent already: it is passed over. */
struct layer {
    struct out *out;
    uint64_t begin;
    struct dr_hash *hash; /* of what was sent */
};

static int pass_on(void *context, uint64_t offset, const void *data, size_t size,
                   struct dr_err *err)
{
    struct layer *layer = context;
    uint64_t sent = layer->out->at - layer->begin;
    size_t skip;

    if (offset + size <= sent)
        return 0;
    skip = sent > offset ? (size_t)(sent - offset) : 0;
    dr_hash_add(layer->hash, (const char *)data + skip, size - skip);
    return put(layer->out, (const char *)data + skip, size - skip, err);
}

static int put_layer(struct out *out, const struct dr_layers *layers,
                     const struct dr_bundle_blob *blob, struct dr_hash *hash, struct dr_err *err)
{
    const struct dr_fetched *owner = dr_layers_owner(layers, &blob->digest);
    const struct dr_foreign_layer *foreign = dr_foreign_get(&owner->foreign, &blob->digest);
    struct layer layer = {.out = out, .begin = out->at, .hash = hash};
    struct dr_blob_get get = {
        .repository = owner->repository,
        .digest = blob->digest,
        .size = blob->size,
        .write = pass_on,
        .context = &layer,
    };
    char text[DR_DIGEST_TEXT];
    struct dr_digest digest;

    if ((foreign ? dr_foreign_fetch(foreign, layers->sources, &get, NULL, err)
                 : dr_registry_get_blobs(owner->registry, &get, 1, 1, NULL, err)) < 0)
        return -1;
    dr_hash_end(hash, &digest);
    if (!dr_digest_equal(&digest, &blob->digest))
        return dr_fail(err, DR_ERR_VERIFY,
                       "the registry sent something else than %s first, and part of that is on its "
                       "way already: send the bundle again",
                       dr_digest_text(&blob->digest, text));
    return 0;
}

static int put_all(struct out *out, const struct dr_layers *layers, uint64_t total,
                   struct dr_err *err)
{
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);

    if (!hash)
        return -1;
    for (size_t i = 0; i < layers->blob_count; i++) {
        const struct dr_bundle_blob *blob = &layers->blobs[i];

        if (blob->layer &&
            (put_frame(out, blob->offset, err) < 0 || put_layer(out, layers, blob, hash, err) < 0))
            return -1;
    }
    return put_frame(out, total, err);
}

int dr_pipe_send(int to, int frame, const struct dr_layers *layers, uint64_t total,
                 const struct dr_log *log, struct dr_err *err)
{
    dr_autofree char *chunk = malloc(CHUNK);
    struct out out = {.to = to, .frame = frame, .chunk = chunk};
    int done;

    if (!chunk)
        return dr_fail_memory(err);
    dr_progress_start(&out.progress, log, "send", total);
    done = put_all(&out, layers, total, err);
    dr_progress_end(&out.progress);
    return done;
}

int dr_pipe_send_file(int to, const char *path, const struct dr_log *log, struct dr_err *err)
{
    dr_autofree char *chunk = malloc(CHUNK);
    dr_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct out out = {.to = to, .frame = fd, .chunk = chunk};
    struct stat info;
    int done;

    if (!chunk)
        return dr_fail_memory(err);
    if (fd < 0 || fstat(fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s'", path);
    dr_progress_start(&out.progress, log, "send", (uint64_t)info.st_size);
    done = put_frame(&out, (uint64_t)info.st_size, err);
    dr_progress_end(&out.progress);
    return done;
}

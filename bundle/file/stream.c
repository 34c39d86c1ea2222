/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/file/hasher.h"
#include "bundle/file/reader_parts.h"
#include "bundle/file/sums.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/stop.h"
#include "lib/text.h"

#define PROGRAM_MAX (64u << 20)
#define BUFFER ((size_t)512 << 10)

struct dr_stream {
    struct dr_hash *hash;
    char *buffer; /* what came of the pipe and was not taken yet */
    size_t begin;
    size_t end;
    bool over;     /* the pipe's end was seen */
    uint64_t kept; /* so far what comes is taken from the envelope's file in memory */
    size_t next;   /* blob that is expected */
    uint64_t left; /* of the one that is being read */
    bool strayed;  /* there were bytes where none belong */
    bool *lost;    /* per blob */
    size_t lost_count;
};

void dr_stream_free(struct dr_stream *stream)
{
    if (!stream)
        return;
    dr_hash_free(stream->hash);
    free(stream->buffer);
    free(stream->lost);
    free(stream);
}

static int open_stream(struct dr_bundle *bundle, int pipe, const struct dr_bundle_trust *trust,
                       struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream = calloc(1, sizeof *stream);

    if (!stream || !(stream->buffer = malloc(BUFFER)))
        return dr_fail_memory(err);
    stream->hash = dr_hash_new(err);
    if (!stream->hash || dr_reader_open_head(bundle, pipe, trust, &stream->kept, err) < 0)
        return -1;
    stream->lost = calloc(bundle->blob_count + 1, sizeof *stream->lost);
    if (!stream->lost)
        return dr_fail_memory(err);
    while (stream->next < bundle->blob_count && !bundle->blobs[stream->next].layer)
        stream->next++;
    return 0;
}

struct dr_bundle *dr_bundle_open_stream(int pipe, const struct dr_bundle_trust *trust,
                                        struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = calloc(1, sizeof *bundle);

    if (!bundle) {
        dr_fail_memory(err);
        return NULL;
    }
    bundle->envelope = (struct dr_envelope)DR_ENVELOPE_INIT;
    if (open_stream(bundle, pipe, trust, err) < 0) {
        dr_err_wrap(err, "read the bundle from the stream");
        if (bundle->envelope.cut)
            dr_err_advise(err, "look at what feeds it, and send the bundle again");
        return NULL;
    }
    return dr_steal(bundle);
}

struct dr_bundle *dr_bundle_open_begin(const char *path, const struct dr_bundle_trust *trust,
                                       struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    struct dr_bundle *bundle = dr_bundle_open(path, trust, &why);
    dr_autoclose int fd = -1;

    if (!bundle && why.code == DR_ERR_VERIFY) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        bundle = fd < 0 ? NULL : dr_bundle_open_stream(fd, trust, NULL);
    }
    if (!bundle && err)
        *err = why;
    return bundle;
}

/* ---- bytes */

/* Makes at least one more byte available, if there is one; `stream->over` tells otherwise. */
static int more(struct dr_bundle *bundle, struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream;
    struct dr_envelope *envelope = &bundle->envelope;
    size_t room;
    ssize_t got;

    if (stream->begin > 0) {
        memmove(stream->buffer, stream->buffer + stream->begin, stream->end - stream->begin);
        stream->end -= stream->begin;
        stream->begin = 0;
    }
    room = BUFFER - stream->end;
    assert(room > 0);
    if (stream->kept < envelope->filled) {
        uint64_t kept = envelope->filled - stream->kept;

        room = kept < room ? (size_t)kept : room;
        if (dr_file_pread(envelope->fd, stream->buffer + stream->end, room, stream->kept,
                          "the stream", err) < 0)
            return -1;
        stream->kept += room;
        stream->end += room;
        return 0;
    }
    do {
        if (dr_stop_check(err, "a stream was read") < 0)
            return -1;
        got = read(envelope->pipe, stream->buffer + stream->end, room);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return dr_fail_errno(err, DR_ERR_IO, "read the stream");
    stream->over = got == 0;
    stream->end += (size_t)got;
    return 0;
}

/* Makes `size` bytes available, or fewer at the stream's end. */
static int need(struct dr_bundle *bundle, size_t size, struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream;

    while (stream->end - stream->begin < size && !stream->over) {
        if (more(bundle, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- layers */

static void lose(struct dr_stream *stream, size_t blob)
{
    stream->lost_count += !stream->lost[blob];
    stream->lost[blob] = true;
}

/* Is there the header of that blob? */
static bool is_header(const struct dr_bundle *bundle, size_t blob)
{
    const struct dr_stream *stream = bundle->stream;
    unsigned char right[DR_BLOCK];

    if (stream->end - stream->begin < DR_BLOCK)
        return false;
    dr_header_make(bundle->envelope.layout.members[AT_BLOBS + blob].name, bundle->blobs[blob].size,
                   right);
    return memcmp(stream->buffer + stream->begin, right, sizeof right) == 0;
}

/* The blob to come whose header stands there; blob_count: none. */
static size_t which_header(const struct dr_bundle *bundle)
{
    const struct dr_stream *stream = bundle->stream;
    const struct dr_bundle_blob *found;
    struct dr_digest digest;

    if (stream->end - stream->begin < DR_BLOCK ||
        dr_digest_parse_hex(stream->buffer + stream->begin + strlen(DR_NAME_BLOBS), &digest) < 0)
        return bundle->blob_count;
    found = dr_bundle_find_blob(bundle, &digest);
    if (!found || (size_t)(found - bundle->blobs) < stream->next ||
        !is_header(bundle, (size_t)(found - bundle->blobs)))
        return bundle->blob_count;
    return (size_t)(found - bundle->blobs);
}

/* Passes over what cannot be used until the header of a later blob. What is not found is lost. */
static int find_way(struct dr_bundle *bundle, struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream;
    const size_t mark = strlen(DR_NAME_BLOBS);
    size_t found = bundle->blob_count;

    while (found == bundle->blob_count) {
        const char *place;

        if (need(bundle, DR_BLOCK, err) < 0)
            return -1;
        if (stream->end - stream->begin < DR_BLOCK)
            break;
        place = memmem(stream->buffer + stream->begin, stream->end - stream->begin, DR_NAME_BLOBS,
                       mark);
        if (!place) {
            stream->begin = stream->end - (mark - 1);
            continue;
        }
        stream->begin = (size_t)(place - stream->buffer);
        if (need(bundle, DR_BLOCK, err) < 0)
            return -1;
        found = which_header(bundle);
        stream->begin += found == bundle->blob_count;
    }
    while (stream->next < found)
        lose(stream, stream->next++);
    return 0;
}

int dr_stream_next(struct dr_bundle *bundle, const struct dr_bundle_blob **ret_blob,
                   struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream;

    if (stream->next == bundle->blob_count)
        return 0;
    if (need(bundle, DR_BLOCK, err) < 0)
        return -1;
    if (!is_header(bundle, stream->next)) {
        stream->strayed = true;
        if (find_way(bundle, err) < 0)
            return -1;
    }
    if (stream->next == bundle->blob_count)
        return 0;
    stream->begin += DR_BLOCK;
    stream->left = bundle->blobs[stream->next].size;
    *ret_blob = &bundle->blobs[stream->next];
    return 1;
}

int dr_stream_read(struct dr_bundle *bundle, void *ret_data, size_t size, struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream;
    char *to = ret_data;

    assert(size <= stream->left);
    while (size > 0) {
        size_t piece = stream->end - stream->begin;

        if (piece == 0 && need(bundle, 1, err) < 0)
            return -1;
        piece = stream->end - stream->begin;
        if (piece == 0)
            return dr_fail(err, DR_ERR_VERIFY, "the stream ends too early");
        piece = piece < size ? piece : size;
        if (to) {
            memcpy(to, stream->buffer + stream->begin, piece);
            to += piece;
        }
        dr_hash_add(stream->hash, stream->buffer + stream->begin, piece);
        stream->begin += piece;
        stream->left -= piece;
        size -= piece;
    }
    return 0;
}

/* Zeros behind a layer; anything else is left to be looked through for a header. Where the stream ends among them is for
 * who looks for the end to tell. */
static int pass_padding(struct dr_bundle *bundle, size_t size, struct dr_err *err)
{
    static const char zeros[DR_BLOCK];
    struct dr_stream *stream = bundle->stream;
    size_t there;

    if (need(bundle, size, err) < 0)
        return -1;
    there = stream->end - stream->begin;
    there = there < size ? there : size;
    if (memcmp(stream->buffer + stream->begin, zeros, there) == 0)
        stream->begin += there;
    else
        stream->strayed = true;
    return 0;
}

int dr_stream_end(struct dr_bundle *bundle, bool *ret_good, struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream;
    const struct dr_bundle_blob *blob = &bundle->blobs[stream->next];
    struct dr_err why = DR_ERR_INIT;
    struct dr_digest digest;

    while (stream->left > 0) {
        size_t piece = stream->left < BUFFER ? (size_t)stream->left : BUFFER;

        if (dr_stream_read(bundle, NULL, piece, &why) == 0)
            continue;
        if (!stream->over) {
            if (err)
                *err = why;
            return -1;
        }
        break;
    }
    dr_hash_end(stream->hash, &digest);
    *ret_good = stream->left == 0 && dr_digest_equal(&digest, &blob->digest);
    stream->left = 0;
    if (!*ret_good)
        lose(stream, stream->next);
    if (pass_padding(bundle, dr_padding(blob->size), err) < 0)
        return -1;
    stream->next++;
    return 0;
}

/* ---- what stands behind them */

static int fail_lost(const struct dr_bundle *bundle, const struct dr_log *log, struct dr_err *err)
{
    const struct dr_stream *stream = bundle->stream;
    const struct dr_document *document = &bundle->document;
    uint64_t bytes = 0;
    char size[16];

    for (size_t i = 0; i < bundle->blob_count; i++) {
        char digest[DR_DIGEST_TEXT];
        char name[DR_REFERENCE_TEXT];

        if (!stream->lost[i])
            continue;
        dr_text_size(bundle->blobs[i].size, size);
        bytes += bundle->blobs[i].size;
        if (log)
            dr_log_warn(log, "lost: %s (%s), needed by %s",
                        dr_digest_text(&bundle->blobs[i].digest, digest), size,
                        dr_images_name_owner(document->images, document->image_count,
                                             &bundle->blobs[i].digest, name));
    }
    dr_text_size(bytes, size);
    return dr_fail(err, DR_ERR_VERIFY,
                   "%zu layer%s (%s) did not arrive as sent; all others did; send the bundle again",
                   stream->lost_count, stream->lost_count == 1 ? "" : "s", size);
}

/* What is left in the buffer goes where the envelope reads on. */
static int put_back(struct dr_bundle *bundle, struct dr_err *err)
{
    struct dr_stream *stream = bundle->stream;
    struct dr_envelope *envelope = &bundle->envelope;
    uint64_t end = envelope->layout.end;

    while (stream->kept < envelope->filled) {
        if (more(bundle, err) < 0)
            return -1;
    }
    if (dr_file_pwrite(envelope->fd, stream->buffer + stream->begin, stream->end - stream->begin,
                       end, "the stream", err) < 0)
        return -1;
    envelope->filled = end + (stream->end - stream->begin);
    if (stream->over)
        envelope->size = envelope->filled;
    stream->begin = stream->end;
    return 0;
}

/* Programs were kept in memory. */
static int hash_programs(const struct dr_bundle *bundle, struct dr_err *err)
{
    const struct dr_layout *layout = &bundle->envelope.layout;
    const struct dr_bytes bytes = {.file = bundle->envelope.fd};

    for (size_t i = AT_BLOBS + bundle->blob_count; i < layout->count; i++) {
        const struct dr_member *member = &layout->members[i];

        if (dr_sums_is_program(member->name) &&
            dr_hasher_run(&bytes, &member, 1, NULL, NULL, err) < 0)
            return -1;
    }
    return 0;
}

int dr_stream_finish(struct dr_bundle *bundle, const struct dr_log *log, struct dr_err *err)
{
    struct dr_envelope *envelope = &bundle->envelope;

    if (bundle->stream->lost_count > 0)
        return fail_lost(bundle, log, err);
    if (bundle->stream->strayed)
        return dr_fail(err, DR_ERR_VERIFY,
                       "every layer arrived, but between them there were bytes that do not belong "
                       "there");
    if (put_back(bundle, err) < 0)
        return -1;
    while (envelope->layout.count < envelope->sums.count) {
        const char *name = envelope->sums.lines[envelope->layout.count].name;

        if (dr_envelope_step(envelope, dr_sums_is_program(name) ? PROGRAM_MAX : DR_SUMS_MAX, err) <
            0)
            return -1;
    }
    if (dr_envelope_end(envelope, err) < 0 || dr_reader_check_tail(bundle, err) < 0)
        return -1;
    return hash_programs(bundle, err);
}

int dr_stream_check(struct dr_bundle *bundle, struct dr_progress *progress,
                    const struct dr_log *log, struct dr_err *err)
{
    const struct dr_bundle_blob *blob;
    int there;

    while ((there = dr_stream_next(bundle, &blob, err)) > 0) {
        bool good;

        if (dr_stream_end(bundle, &good, err) < 0)
            return -1;
        if (progress)
            dr_progress_add(progress, blob->size);
    }
    return there < 0 ? -1 : dr_stream_finish(bundle, log, err);
}

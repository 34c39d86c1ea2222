/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/envelope.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/stop.h"

#define WHAT "the bundle"

/* NONBLOCK: a FIFO in the place of the bundle must not make drover wait for ever. */
static int open_file(struct dr_envelope *envelope, const char *path, struct dr_err *err)
{
    struct stat info;

    envelope->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (envelope->fd < 0 && errno == ELOOP)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "it is a symbolic link, which can be changed while it is read; name the file "
            "itself");
    if (envelope->fd < 0 && strcmp(path, "-") == 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "only verify, mirror and load read a bundle from the standard input, all "
                       "others need a file; 'tee FILE' makes one on the way");
    if (envelope->fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open it");
    if (fstat(envelope->fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at it");
    if (!S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_IO, "it is not an ordinary file");
    envelope->size = (uint64_t)info.st_size;
    return 0;
}

/* Of a stream: keeps what comes up to `upto`, or up to its end. */
static int fill(struct dr_envelope *envelope, uint64_t upto, struct dr_err *err)
{
    char chunk[65536];

    while (envelope->filled < upto && envelope->filled < envelope->size) {
        uint64_t left = upto - envelope->filled;
        ssize_t got =
            read(envelope->pipe, chunk, left < sizeof chunk ? (size_t)left : sizeof chunk);

        if (got < 0 && errno == EINTR) {
            if (dr_stop_check(err, "a stream was read") < 0)
                return -1;
            continue;
        }
        if (got < 0)
            return dr_fail_errno(err, DR_ERR_IO, "read the stream");
        if (got == 0)
            envelope->size = envelope->filled;
        else if (dr_file_pwrite(envelope->fd, chunk, (size_t)got, envelope->filled, WHAT, err) < 0)
            return -1;
        envelope->filled += (uint64_t)got;
    }
    return 0;
}

static int read_at(struct dr_envelope *envelope, void *ret_data, size_t size, uint64_t offset,
                   struct dr_err *err)
{
    if (envelope->pipe >= 0 && fill(envelope, offset + size, err) < 0)
        return -1;
    envelope->cut = envelope->pipe >= 0 && envelope->filled < offset + size;
    if (envelope->cut)
        return dr_fail(err, DR_ERR_VERIFY, "the stream ends too early: it %s",
                       envelope->filled > 0 ? "was cut off" : "has nothing in it");
    return dr_file_pread(envelope->fd, ret_data, size, offset, WHAT, err);
}

static int fail_header(const char *name, uint64_t offset, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_VERIFY, "the header of '%s' at byte %llu is not what it must be",
                   name, (unsigned long long)offset);
}

static int read_zeros(struct dr_envelope *envelope, uint64_t offset, size_t size, const char *where,
                      struct dr_err *err)
{
    unsigned char bytes[DR_TRAILER];

    if (read_at(envelope, bytes, size, offset, err) < 0)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i])
            return dr_fail(err, DR_ERR_VERIFY, "byte %llu, %s, is not zero",
                           (unsigned long long)(offset + i), where);
    }
    return 0;
}

/* Checks header and padding of a member called `name` at layout->end, and appends it there. */
static int step(struct dr_envelope *envelope, struct dr_layout *layout, const char *name,
                const struct dr_digest *digest, uint64_t max, struct dr_err *err)
{
    unsigned char found[DR_BLOCK];
    unsigned char right[DR_BLOCK];
    uint64_t at = layout->end;
    uint64_t size;

    if (read_at(envelope, found, sizeof found, at, err) < 0)
        return -1;
    if (dr_header_size(found, &size) < 0 || size > INT64_MAX)
        return fail_header(name, at, err);
    dr_header_make(name, size, right);
    if (memcmp(found, right, sizeof found) != 0)
        return fail_header(name, at, err);
    if (size > max)
        return dr_fail(err, DR_ERR_VERIFY, "'%s' has %llu bytes, more than %llu", name,
                       (unsigned long long)size, (unsigned long long)max);
    if (dr_layout_add(layout, name, size, digest, err) < 0)
        return -1;
    if (envelope->pipe < 0 && dr_layout_total(layout) > envelope->size)
        return dr_fail(err, DR_ERR_VERIFY,
                       "the file ends too early: '%s' and the end need %llu bytes, there are %llu",
                       name, (unsigned long long)dr_layout_total(layout),
                       (unsigned long long)envelope->size);
    return read_zeros(envelope, layout->end - dr_padding(size), dr_padding(size), "behind a member",
                      err);
}

static int load(const struct dr_envelope *envelope, const struct dr_member *member, size_t max,
                struct dr_buf *ret_data, struct dr_err *err)
{
    char chunk[16384];

    if (member->size > max)
        return dr_fail(err, DR_ERR_VERIFY, "'%s' has %llu bytes, more than %zu", member->name,
                       (unsigned long long)member->size, max);
    for (uint64_t done = 0; done < member->size;) {
        uint64_t left = member->size - done;
        size_t size = left < sizeof chunk ? (size_t)left : sizeof chunk;

        if (dr_file_pread(envelope->fd, chunk, size, member->offset + done, WHAT, err) < 0 ||
            dr_buf_add(ret_data, chunk, size, err) < 0)
            return -1;
        done += size;
    }
    return dr_buf_add(ret_data, "", 0, err);
}

/* The row of signatures at head->end; it is moved behind it. */
static int read_slots(struct dr_envelope *envelope, struct dr_layout *head, struct dr_err *err)
{
    unsigned char bytes[DR_SLOTS_MAX * DR_SLOT + DR_BLOCK];
    uint64_t left;
    size_t size;

    if (envelope->pipe >= 0 && fill(envelope, head->end + sizeof bytes, err) < 0)
        return -1;
    left = envelope->size > head->end ? envelope->size - head->end : 0;
    size = left < sizeof bytes ? (size_t)left : sizeof bytes;
    if (read_at(envelope, bytes, size, head->end, err) < 0 ||
        dr_slots_parse(bytes, size, head->end, &envelope->slots, err) < 0)
        return -1;
    envelope->slots_at = head->end;
    head->end += envelope->slots.count * DR_SLOT;
    return 0;
}

/* Everything in front of bundle.json; `ret_list` is authentic when it returns 0 (unless nobody asked for that). */
static int read_head(struct dr_envelope *envelope, const struct dr_bundle_trust *trust,
                     struct dr_layout *head, struct dr_buf *ret_list, struct dr_err *err)
{
    if (step(envelope, head, DR_NAME_SUMS, NULL, DR_SUMS_MAX, err) < 0)
        return envelope->cut || (err && err->code != DR_ERR_VERIFY)
                   ? -1
                   : dr_err_advise(err, "is this a drover bundle?");
    envelope->list = head->members[0];
    if (load(envelope, &envelope->list, DR_SUMS_MAX, ret_list, err) < 0 ||
        read_slots(envelope, head, err) < 0)
        return -1;
    dr_digest_of(ret_list->data, ret_list->size, &envelope->list.digest);
    if (trust->unverified)
        return 0;
    return dr_trust_check(trust, ret_list->data, ret_list->size, &envelope->slots,
                          &envelope->signers, err);
}

static int walk(struct dr_envelope *envelope, struct dr_err *err)
{
    const struct dr_sums *sums = &envelope->sums;

    for (size_t i = 0; i < sums->count; i++) {
        if (step(envelope, &envelope->layout, sums->lines[i].name, &sums->lines[i].digest,
                 UINT64_MAX, err) < 0)
            return -1;
    }
    return dr_envelope_end(envelope, err);
}

int dr_envelope_end(struct dr_envelope *envelope, struct dr_err *err)
{
    uint64_t total = dr_layout_total(&envelope->layout);

    /* One more byte than there may be shows a stream's end. */
    if (envelope->pipe >= 0 && fill(envelope, total + 1, err) < 0)
        return -1;
    if (envelope->size > total)
        return dr_fail(err, DR_ERR_VERIFY, "there is something behind its end at byte %llu",
                       (unsigned long long)total);
    return read_zeros(envelope, envelope->layout.end, DR_TRAILER, "at the end", err);
}

int dr_envelope_step(struct dr_envelope *envelope, size_t max, struct dr_err *err)
{
    size_t next = envelope->layout.count;
    const struct dr_sum *line = &envelope->sums.lines[next];

    if (step(envelope, &envelope->layout, line->name, &line->digest, max, err) < 0)
        return -1;
    return fill(envelope, envelope->layout.end, err);
}

static int open_envelope(struct dr_envelope *envelope, const struct dr_bundle_trust *trust,
                         struct dr_err *err)
{
    dr_auto_layout struct dr_layout head = DR_LAYOUT_INIT;
    dr_auto_buf struct dr_buf list = DR_BUF_INIT(DR_SUMS_MAX);

    if (read_head(envelope, trust, &head, &list, err) < 0 ||
        dr_sums_parse(list.data, list.size, &envelope->sums, err) < 0)
        return -1;
    envelope->layout.end = head.end;
    return walk(envelope, err);
}

int dr_envelope_open(struct dr_envelope *envelope, const char *path,
                     const struct dr_bundle_trust *trust, struct dr_err *err)
{
    return open_file(envelope, path, err) < 0 ? -1 : open_envelope(envelope, trust, err);
}

int dr_envelope_open_file(struct dr_envelope *envelope, int fd, uint64_t size,
                          const struct dr_bundle_trust *trust, struct dr_err *err)
{
    envelope->fd = fd;
    envelope->size = size;
    return open_envelope(envelope, trust, err);
}

int dr_envelope_open_stream(struct dr_envelope *envelope, int pipe,
                            const struct dr_bundle_trust *trust, struct dr_err *err)
{
    dr_auto_layout struct dr_layout head = DR_LAYOUT_INIT;
    dr_auto_buf struct dr_buf list = DR_BUF_INIT(DR_SUMS_MAX);

    envelope->pipe = pipe;
    envelope->size = INT64_MAX;
    envelope->fd = dr_file_in_memory(0, err);
    if (envelope->fd < 0 || read_head(envelope, trust, &head, &list, err) < 0 ||
        dr_sums_parse(list.data, list.size, &envelope->sums, err) < 0)
        return -1;
    envelope->layout.end = head.end;
    return 0;
}

void dr_envelope_release(struct dr_envelope *envelope)
{
    dr_sums_release(&envelope->sums);
    if (envelope->fd >= 0)
        close(dr_steal_fd(&envelope->fd));
    dr_layout_release(&envelope->layout);
}

int dr_envelope_load_list(const struct dr_envelope *envelope, struct dr_buf *ret_list,
                          struct dr_err *err)
{
    return dr_envelope_load(envelope, &envelope->list, DR_SUMS_MAX, ret_list, err);
}

int dr_envelope_load(const struct dr_envelope *envelope, const struct dr_member *member, size_t max,
                     struct dr_buf *ret_data, struct dr_err *err)
{
    size_t before = ret_data->size;
    struct dr_digest digest;

    if (load(envelope, member, max, ret_data, err) < 0)
        return -1;
    dr_digest_of(ret_data->data + before, ret_data->size - before, &digest);
    if (!dr_digest_equal(&digest, &member->digest))
        return dr_fail(err, DR_ERR_VERIFY, "the content of '%s' (byte %llu on) was changed",
                       member->name, (unsigned long long)member->offset);
    return 0;
}

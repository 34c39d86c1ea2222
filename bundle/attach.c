/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/file/envelope.h"
#include "bundle/file/sums.h"
#include "bundle/sign.h"
#include "bundle/split.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

/* SHA256SUMS with its header and padding, and the slots: what BUNDLE.attach holds. */
#define HEAD_MAX ((size_t)DR_SUMS_MAX + 2 * DR_BLOCK + DR_SLOTS_MAX * DR_SLOT)

struct attach {
    const struct dr_attach_options *options;
    const struct dr_log *log;
    int fd;     /* of the bundle, for writing, locked */
    char *plan; /* BUNDLE.attach */
    struct dr_envelope envelope;
    struct dr_buf list;
    struct dr_key *key; /* NULL: not given */
    struct dr_digest key_id;
    unsigned char signature[DR_SIGNATURE_MAX];
    size_t size;
};

static void release(struct attach *attach)
{
    dr_cleanup_close(&attach->fd);
    free(attach->plan);
    dr_envelope_release(&attach->envelope);
    dr_buf_release(&attach->list);
    dr_key_free(attach->key);
}

static int open_for_writing(struct attach *attach, struct dr_err *err)
{
    const char *path = attach->options->bundle;

    attach->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (attach->fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s' for writing", path);
    if (flock(attach->fd, LOCK_EX | LOCK_NB) < 0)
        return dr_fail(err, DR_ERR_REFUSED, "another drover is at work on '%s'", path);
    attach->plan = dr_text_format(err, "%s.attach", path);
    return attach->plan ? 0 : -1;
}

/* ---- the way of the bytes to the disk */

static int write_head(const struct attach *attach, const struct dr_buf *head, uint64_t slots_at,
                      struct dr_err *err)
{
    const char *path = attach->options->bundle;

    if (dr_file_pwrite(attach->fd, head->data + slots_at, head->size - (size_t)slots_at, slots_at,
                       path, err) < 0)
        return -1;
    if (fsync(attach->fd) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "flush '%s' to the disk", path);
    if (unlink(attach->plan) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "remove '%s'", attach->plan);
    return dr_file_sync_folder(attach->plan, err);
}

/* The same list may stand in bundles with other numbers of slots. */
static bool is_document_at(const struct attach *attach, uint64_t at)
{
    char name[sizeof DR_NAME_DOCUMENT];

    return dr_file_pread(attach->fd, name, sizeof name, at, "the bundle", NULL) == 0 &&
           memcmp(name, DR_NAME_DOCUMENT, sizeof name) == 0;
}

/* Where the slots begin in a head, once its list is the one in the bundle. 0: it is of another bundle. */
static uint64_t match_head(const struct attach *attach, const struct dr_buf *head)
{
    unsigned char found[16384];
    uint64_t size;
    uint64_t at;

    if (head->size < DR_BLOCK || dr_header_size((unsigned char *)head->data, &size) < 0 ||
        size > DR_SUMS_MAX)
        return 0;
    at = DR_BLOCK + size + dr_padding(size);
    if (at >= head->size || (head->size - at) % DR_SLOT || !is_document_at(attach, head->size))
        return 0;
    for (uint64_t done = 0; done < at; done += sizeof found) {
        size_t part = at - done < sizeof found ? (size_t)(at - done) : sizeof found;

        if (dr_file_pread(attach->fd, found, part, done, "the bundle", NULL) < 0 ||
            memcmp(found, head->data + done, part) != 0)
            return 0;
    }
    return at;
}

/* A run that was cut off had written down what it was going to do. */
static int complete_earlier(const struct attach *attach, struct dr_err *err)
{
    dr_auto_buf struct dr_buf head = DR_BUF_INIT(HEAD_MAX);
    uint64_t at;

    if (access(attach->plan, F_OK) < 0)
        return 0;
    if (dr_file_read(attach->plan, &head, err) < 0)
        return -1;
    at = match_head(attach, &head);
    if (at == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' is there and does not belong to this bundle; remove it", attach->plan);
    dr_log_say(attach->log, "completing what an earlier run began");
    return write_head(attach, &head, at, err);
}

static int fill_in(const struct attach *attach, const struct dr_slots *slots, struct dr_err *err)
{
    dr_auto_buf struct dr_buf head = DR_BUF_INIT(HEAD_MAX);
    uint64_t at = attach->envelope.slots_at;
    unsigned char header[DR_BLOCK];
    unsigned char row[DR_SLOTS_MAX * DR_SLOT];
    static const char zeros[DR_BLOCK];

    dr_header_make(DR_NAME_SUMS, attach->list.size, header);
    dr_slots_make(slots, row);
    if (dr_buf_add(&head, header, sizeof header, err) < 0 ||
        dr_buf_add(&head, attach->list.data, attach->list.size, err) < 0 ||
        dr_buf_add(&head, zeros, dr_padding(attach->list.size), err) < 0 ||
        dr_buf_add(&head, row, slots->count * DR_SLOT, err) < 0 ||
        dr_file_save(attach->plan, 0644, head.data, head.size, err) < 0)
        return -1;
    return write_head(attach, &head, at, err);
}

/* ---- what is attached */

static int read_signature(struct attach *attach, struct dr_err *err)
{
    const char *path = attach->options->signature;
    dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(DR_SIGNATURE_MAX);
    struct dr_err why = DR_ERR_INIT;

    if (dr_file_read(path, &bytes, &why) < 0)
        return why.code == DR_ERR_FORMAT
                   ? dr_fail(err, DR_ERR_FORMAT, "'%s' is larger than a signature (%d bytes)", path,
                             DR_SIGNATURE_MAX)
                   : dr_fail(err, why.code, "%s", why.text);
    /* DER begins so; Ed25519 has always 64 bytes. */
    if (bytes.size != 64 && (bytes.size < 8 || bytes.data[0] != 0x30))
        return dr_fail(err, DR_ERR_FORMAT,
                       "'%s' is no signature: neither DER nor 64 bytes; text has to be turned into "
                       "bytes ('base64 -d') first",
                       path);
    memcpy(attach->signature, bytes.data, bytes.size);
    attach->size = bytes.size;
    return 0;
}

static bool is_by(const struct attach *attach, const void *signature, size_t size)
{
    return dr_key_verify(attach->key, attach->list.data, attach->list.size, signature, size,
                         NULL) == 0;
}

static int check_signature(struct attach *attach, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];

    attach->key = dr_key_read_public(attach->options->pubkey, err);
    if (!attach->key || dr_key_id(attach->key, &attach->key_id, err) < 0)
        return -1;
    if (is_by(attach, attach->signature, attach->size))
        return 0;
    dr_fail(
        err, DR_ERR_VERIFY, "'%s' is no signature of this bundle's SHA256SUMS by the %s key %.16s",
        attach->options->signature, dr_key_kind(attach->key), dr_digest_hex(&attach->key_id, hex));
    if (attach->size == 64 && strcmp(dr_key_kind(attach->key), "Ed25519") != 0)
        dr_err_advise(err, "64 bytes are two bare numbers, as PKCS#11 devices make them: ask for "
                           "DER (pkcs11-tool --signature-format openssl)");
    return -1;
}

/* By its bytes, or by its key, which signs otherwise each time. */
static bool is_attached(const struct attach *attach)
{
    const struct dr_slots *slots = &attach->envelope.slots;

    for (size_t i = 0; i < slots->filled; i++) {
        const struct dr_signature *item = &slots->items[i];

        if (attach->key ? is_by(attach, item->bytes, item->size)
                        : item->size == attach->size &&
                              memcmp(item->bytes, attach->signature, item->size) == 0)
            return true;
    }
    return false;
}

/* The file that is checked must be the file that is written. */
static int open_envelope(struct attach *attach, struct dr_err *err)
{
    const struct dr_bundle_trust nobody = {.unverified = true};
    struct stat written;
    struct stat checked;

    if (dr_envelope_open(&attach->envelope, attach->options->bundle, &nobody, err) < 0)
        return dr_err_wrap(err, "read the bundle '%s'", attach->options->bundle);
    if (fstat(attach->fd, &written) < 0 || fstat(attach->envelope.fd, &checked) < 0 ||
        written.st_dev != checked.st_dev || written.st_ino != checked.st_ino)
        return dr_fail(err, DR_ERR_REFUSED, "'%s' was replaced a moment ago",
                       attach->options->bundle);
    return dr_envelope_load_list(&attach->envelope, &attach->list, err);
}

static int attach_new(struct attach *attach, struct dr_err *err)
{
    struct dr_slots slots = attach->envelope.slots;

    if (slots.filled > 0 && slots.filled < slots.count && !attach->key)
        return dr_fail(err, DR_ERR_USAGE,
                       "a further signature bears the name of its key: --pubkey PUB is needed");
    if (dr_slots_add(&slots, &attach->key_id, attach->signature, attach->size, err) < 0)
        return dr_err_wrap(err, "attach to '%s'", attach->options->bundle);
    if (fill_in(attach, &slots, err) < 0)
        return -1;
    attach->envelope.slots = slots;
    return 0;
}

static void report(const struct attach *attach, bool was_there)
{
    const struct dr_slots *slots = &attach->envelope.slots;
    char hex[DR_DIGEST_TEXT];

    printf("%s  %s%s%.16s%s, %zu of %zu signatures\n", attach->options->bundle,
           was_there ? "has the signature" : "signed", attach->key ? " by key " : "",
           attach->key ? dr_digest_hex(&attach->key_id, hex) : "", was_there ? " already" : "",
           slots->filled, slots->count);
    if (!attach->key)
        dr_log_warn(attach->log,
                    "NOT CHECKED whose signature it is; 'drover verify %s --pubkey "
                    "PUB' tells",
                    attach->options->bundle);
}

int dr_attach(const struct dr_attach_options *options, const struct dr_log *log, struct dr_err *err)
{
    __attribute__((cleanup(release))) struct attach attach = {
        .options = options,
        .log = log,
        .fd = -1,
        .envelope = DR_ENVELOPE_INIT,
        .list = DR_BUF_INIT(DR_SUMS_MAX),
    };
    bool was_there;

    if (dr_split_refuse(options->bundle, err) < 0 || read_signature(&attach, err) < 0 ||
        open_for_writing(&attach, err) < 0 || complete_earlier(&attach, err) < 0 ||
        open_envelope(&attach, err) < 0 || (options->pubkey && check_signature(&attach, err) < 0))
        return -1;
    was_there = is_attached(&attach);
    if (!was_there && attach_new(&attach, err) < 0)
        return -1;
    report(&attach, was_there);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_LABEL_H
#define DROVER_BUNDLE_FILE_LABEL_H

/*
 * The end of a file that says, signed, what the file is: volumes of a bundle and parity files have one
 * (docs/bundle-format.md, "Volumes"). From `begin` to the file's end:
 *
 *     label        one line of compact JSON, whose first key is "format"
 *     signature    over the label's bytes, by the key that signed the bundle; 1 to 512 bytes
 *     footer       512 bytes: "drover-label/1 <bytes of the label> <bytes of the signature>\n", then zeros
 *
 * So a reader finds it from the end, checks the signature, and parses it only then. A copy of a label that is to be
 * read forwards has the footer first (dr_label_pack()).
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bundle/file/trust.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/key.h"

#define DR_LABEL_FOOTER 512
#define DR_LABEL_MAX (4u << 20)

/* What a parity file calls itself (bundle/parity/parity.h): who looks for volumes comes across them. */
#define DR_PARITY_FORMAT "drover-parity/1"

/* A label as bytes: what a copy of it needs. */
struct dr_label {
    char *text; /* owned; ends in a NUL that `size` does not count */
    size_t size;
    unsigned char signature[DR_SIGNATURE_MAX];
    size_t signature_size;
    uint64_t begin; /* where it stands in the file */
};

#define DR_LABEL_INIT                                                                              \
    {                                                                                              \
        .text = NULL                                                                               \
    }

/* Bytes that it takes in a file. */
static inline uint64_t dr_label_room(const struct dr_label *label)
{
    return label->size + label->signature_size + DR_LABEL_FOOTER;
}

/* Makes one. */
int dr_label_make(const json_t *json, const struct dr_key *key, struct dr_label *ret_label,
                  struct dr_err *err);

/* Writes it at `at`, where the file is to end; `what` names the file in errors. Does not cut what is behind. */
int dr_label_write(const struct dr_label *label, int fd, uint64_t at, const char *what,
                   struct dr_err *err);

/* Does the file end like one that has a label? Says nothing about who made it; a file that is damaged at its end does
 * not. */
bool dr_label_is_there(int fd);

/* Does the file end with a label that says it is a `format`, or begin with one? Says nothing about who made it. */
bool dr_label_is_called(int fd, const char *format);

/* Reads the label of a file; nothing of it is believed yet. DR_ERR_VERIFY: there is none, or its form is not the one
 * that there is. */
int dr_label_read(int fd, struct dr_label *ret_label, struct dr_err *err);

/* Appends a copy: footer, label, signature. */
int dr_label_pack(const struct dr_label *label, struct dr_buf *ret_bytes, struct dr_err *err);

/* Reads such a copy from the begin of `bytes`; it takes dr_label_room() of them. Nothing of it is believed yet.
 * DR_ERR_VERIFY: it is none, or damaged. */
int dr_label_unpack(const char *bytes, size_t size, struct dr_label *ret_label, struct dr_err *err);

/* Reads such a copy from the begin of a file. */
int dr_label_read_first(int fd, struct dr_label *ret_label, struct dr_err *err);

/* Takes out of a label what it says, DR_ERR_FORMAT: it contradicts itself. */
typedef int dr_label_parse_fn(void *context, const json_t *json, struct dr_err *err);

/* Parses a label that says it is a `format` and is signed by one of those whom the receiver believes
 * (trust->unverified: not asked). DR_ERR_VERIFY, also for what `parse` finds wrong; DR_ERR_REFUSED (a revoked key). */
int dr_label_open(const struct dr_label *label, const struct dr_bundle_trust *trust,
                  const char *format, dr_label_parse_fn *parse, void *context, struct dr_err *err);

/* The same text, by the same signature? */
bool dr_label_is_same(const struct dr_label *one, const struct dr_label *other);

/* A field of it that is a digest; DR_ERR_FORMAT naming `key` otherwise. */
int dr_label_get_digest(const json_t *json, const char *key, struct dr_digest *ret,
                        struct dr_err *err);

void dr_label_release(struct dr_label *label);
#define dr_auto_label __attribute__((cleanup(dr_label_release)))

#endif

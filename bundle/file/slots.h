/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_SLOTS_H
#define DROVER_BUNDLE_FILE_SLOTS_H

/*
 * The signatures of a bundle: a row of one to eight slots between SHA256SUMS and bundle.json. A slot is a member that
 * takes two blocks, its header and one block of content, whatever is in it: so a signature that is made later can be
 * filled in without moving anything. There is one form for each row:
 *
 *     filled      1 to 512 bytes; the first is SHA256SUMS.sig, the others are SHA256SUMS.<key>.sig, ascending, where
 *                 <key> are the first 16 hex digits of the signing key's id
 *     unfilled    512 zero bytes, behind the filled ones; as the first of the row SHA256SUMS.sig, as the k-th
 *                 SHA256SUMS.unsigned-k.sig
 *
 * Reading makes the row again from what was found and compares all bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/header.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/key.h"

#define DR_SLOTS_MAX 8

/* Bytes of a slot in the file. */
#define DR_SLOT (2 * DR_BLOCK)

/* Hex digits of a key's id in a name, and in what people are shown. */
#define DR_KEY_ID_SHORT 16

struct dr_signature {
    char key_id[DR_KEY_ID_SHORT + 1]; /* from the name; "" for the first, whose name has none */
    unsigned char bytes[DR_SIGNATURE_MAX];
    size_t size;
};

struct dr_slots {
    struct dr_signature items[DR_SLOTS_MAX]; /* the filled ones, in the order of the row */
    size_t filled;
    size_t count; /* of all */
};

/* The keys whose signatures were good, each once. */
struct dr_signers {
    struct dr_digest ids[DR_SLOTS_MAX];
    size_t count;
};

/* What the member in place `index` of the row is called. Returns `ret`. */
const char *dr_slots_name(const struct dr_slots *slots, size_t index, char ret[DR_MEMBER_NAME]);

/* The row's bytes: slots->count * DR_SLOT of them. */
void dr_slots_make(const struct dr_slots *slots, unsigned char *ret_bytes);

/* Reads the row at the begin of `bytes`, which lie `at` in the file and should reach DR_SLOTS_MAX slots and one header
 * far, if the file does. Anything else than the one form: DR_ERR_VERIFY. */
int dr_slots_parse(const unsigned char *bytes, size_t size, uint64_t at, struct dr_slots *ret_slots,
                   struct dr_err *err);

/* Fills a free slot: the first of the row while nothing is filled, else the one that the order of key ids says (`id`
 * is looked at only then). DR_ERR_REFUSED: no slot is free, or one bears this key's name. */
int dr_slots_add(struct dr_slots *slots, const struct dr_digest *id, const void *signature,
                 size_t size, struct dr_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/slots.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bundle/file/sums.h"
#include "lib/text.h"

#define PREFIX DR_NAME_SUMS "."

_Static_assert(DR_SIGNATURE_MAX == DR_BLOCK, "a signature takes at most one block");

const char *dr_slots_name(const struct dr_slots *slots, size_t index, char ret[DR_MEMBER_NAME])
{
    if (index == 0)
        snprintf(ret, DR_MEMBER_NAME, "%s", DR_NAME_SIGNATURE);
    else if (index < slots->filled)
        snprintf(ret, DR_MEMBER_NAME, PREFIX "%s.sig", slots->items[index].key_id);
    else
        snprintf(ret, DR_MEMBER_NAME, PREFIX "unsigned-%zu.sig", index + 1);
    return ret;
}

void dr_slots_make(const struct dr_slots *slots, unsigned char *ret_bytes)
{
    memset(ret_bytes, 0, slots->count * DR_SLOT);
    for (size_t i = 0; i < slots->count; i++) {
        const struct dr_signature *item = i < slots->filled ? &slots->items[i] : NULL;
        unsigned char *slot = ret_bytes + i * DR_SLOT;
        char name[DR_MEMBER_NAME];

        dr_header_make(dr_slots_name(slots, i, name), item ? item->size : DR_SIGNATURE_MAX, slot);
        if (item)
            memcpy(slot + DR_BLOCK, item->bytes, item->size);
    }
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

static int fail_place(const char *name, uint64_t at, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_VERIFY, "'%s' at byte %llu is not in its place", name,
                   (unsigned long long)at);
}

/* Takes up the slot at `bytes` as the next of the row. What is not read here is compared later. */
static int read_slot(const unsigned char *bytes, const char *name, uint64_t at,
                     struct dr_slots *slots, struct dr_err *err)
{
    struct dr_signature *item = &slots->items[slots->filled];
    const struct dr_signature *last = slots->filled > 1 ? item - 1 : NULL;
    uint64_t size;
    bool empty;

    if (dr_header_size(bytes, &size) < 0 || size < 1 || size > DR_SIGNATURE_MAX)
        return dr_fail(err, DR_ERR_VERIFY, "the header of '%s' at byte %llu is not what it must be",
                       name, (unsigned long long)at);
    empty = size == DR_SIGNATURE_MAX && is_zero(bytes + DR_BLOCK, DR_SIGNATURE_MAX);
    if (slots->count > 0 && dr_sums_is_cosignature(name) == empty)
        return fail_place(name, at, err);
    slots->count++;
    if (empty)
        return 0;
    if (slots->filled + 1 < slots->count)
        return fail_place(name, at, err);
    if (slots->count > 1)
        memcpy(item->key_id, name + strlen(PREFIX), DR_KEY_ID_SHORT);
    if (last && strcmp(last->key_id, item->key_id) >= 0)
        return fail_place(name, at, err);
    memcpy(item->bytes, bytes + DR_BLOCK, (size_t)size);
    item->size = (size_t)size;
    slots->filled++;
    return 0;
}

/* Byte by byte: also what nobody looked at. */
static int compare(const unsigned char *bytes, uint64_t at, const struct dr_slots *slots,
                   struct dr_err *err)
{
    unsigned char right[DR_SLOTS_MAX * DR_SLOT];
    char name[DR_MEMBER_NAME];

    dr_slots_make(slots, right);
    for (size_t i = 0; i < slots->count * DR_SLOT; i++) {
        if (bytes[i] != right[i])
            return dr_fail(err, DR_ERR_VERIFY, "byte %llu, of '%s', is not what it must be",
                           (unsigned long long)(at + i), dr_slots_name(slots, i / DR_SLOT, name));
    }
    return 0;
}

int dr_slots_parse(const unsigned char *bytes, size_t size, uint64_t at, struct dr_slots *ret_slots,
                   struct dr_err *err)
{
    struct dr_slots slots = {.count = 0};

    for (size_t done = 0; done + DR_BLOCK <= size; done += DR_SLOT) {
        char name[DR_MEMBER_NAME];

        memcpy(name, bytes + done, sizeof name);
        name[sizeof name - 1] = '\0';
        if (slots.count > 0 && !dr_text_starts(name, PREFIX))
            break;
        if (slots.count == DR_SLOTS_MAX)
            return dr_fail(err, DR_ERR_VERIFY, "it has more than %d signatures", DR_SLOTS_MAX);
        if (done + DR_SLOT > size)
            return dr_fail(err, DR_ERR_VERIFY, "the file ends too early, in its signatures");
        if (read_slot(bytes + done, slots.count > 0 ? name : DR_NAME_SIGNATURE, at + done, &slots,
                      err) < 0)
            return -1;
    }
    if (slots.count == 0)
        return dr_fail(err, DR_ERR_VERIFY, "the file ends too early, before its signature");
    if (compare(bytes, at, &slots, err) < 0)
        return -1;
    *ret_slots = slots;
    return 0;
}

int dr_slots_add(struct dr_slots *slots, const struct dr_digest *id, const void *signature,
                 size_t size, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT] = "";
    size_t place = slots->filled;

    assert(size >= 1 && size <= DR_SIGNATURE_MAX);
    if (slots->filled == slots->count)
        return dr_fail(err, DR_ERR_REFUSED,
                       "it has no free slot for a signature (%zu of %zu are filled); 'drover "
                       "bundle --signers N' makes more",
                       slots->filled, slots->count);
    if (slots->filled > 0) {
        dr_digest_hex(id, hex);
        hex[DR_KEY_ID_SHORT] = '\0';
    }
    while (place > 1 && strcmp(slots->items[place - 1].key_id, hex) >= 0)
        place--;
    if (slots->filled > 1 && place < slots->filled && strcmp(slots->items[place].key_id, hex) == 0)
        return dr_fail(err, DR_ERR_REFUSED, "it has a signature of key %s already", hex);
    memmove(&slots->items[place + 1], &slots->items[place],
            (slots->filled - place) * sizeof *slots->items);
    memset(&slots->items[place], 0, sizeof *slots->items);
    memcpy(slots->items[place].key_id, hex, strlen(hex));
    memcpy(slots->items[place].bytes, signature, size);
    slots->items[place].size = size;
    slots->filled++;
    return 0;
}

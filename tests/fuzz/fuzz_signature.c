/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "bundle/file/slots.h"
#include "bundle/file/trust.h"
#include "lib/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "what nobody has signed";

/* Nobody can sign for keys that were made a moment ago. */
static void check_key(const struct dr_key *key, const uint8_t *data, size_t size)
{
    struct dr_err err = DR_ERR_INIT;

    assert(dr_key_verify(key, text, sizeof text, data, size, &err) < 0);
    assert(err.code != DR_OK);
}

/* A row of signatures has one form, so what was read comes out byte for byte again; and whatever is in it is no
 * signature. */
static void check_slots(const struct dr_key *key, const uint8_t *data, size_t size)
{
    static unsigned char again[DR_SLOTS_MAX * DR_SLOT];
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = 1};
    struct dr_err err = DR_ERR_INIT;
    struct dr_signers signers;
    struct dr_slots slots;

    if (dr_slots_parse(data, size, 0, &slots, &err) < 0) {
        assert(err.code == DR_ERR_VERIFY);
        return;
    }
    assert(slots.count >= 1 && slots.count <= DR_SLOTS_MAX && slots.filled <= slots.count);
    dr_slots_make(&slots, again);
    assert(size >= slots.count * DR_SLOT && memcmp(again, data, slots.count * DR_SLOT) == 0);
    assert(dr_trust_check(&trust, text, sizeof text, &slots, &signers, &err) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dr_key *ecdsa;
    static struct dr_key *ed25519;

    if (!ecdsa) {
        ecdsa = dr_key_new(NULL);
        ed25519 = dr_key_new_ed25519(NULL);
    }
    check_key(ecdsa, data, size);
    check_key(ed25519, data, size);
    check_slots(ecdsa, data, size);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was parsed, written out, parses to the same again; and moves into any registry that parses. */
static void check_reference(const struct dr_reference *reference)
{
    char text[DR_REFERENCE_TEXT];
    char again[DR_REFERENCE_TEXT];
    struct dr_reference second;

    dr_reference_text(reference, text);
    for (const char *c = text; *c; c++)
        assert(*c > ' ' && *c <= '~');
    assert(*reference->tag || reference->has_digest);
    assert(dr_reference_parse(text, &second, NULL) == 0);
    assert(strcmp(dr_reference_text(&second, again), text) == 0);
    dr_reference_familiar(reference, again);
    assert(dr_reference_parse(again, &second, NULL) == 0);
    assert(strcmp(dr_reference_text(&second, again), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct dr_reference reference;
    struct dr_err err = DR_ERR_INIT;
    char host[256];
    char prefix[256];

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (dr_reference_parse(text, &reference, &err) == 0)
        check_reference(&reference);
    else
        assert(err.code == DR_ERR_FORMAT && *err.text);
    if (dr_reference_parse_registry(text, host, prefix, NULL) == 0) {
        struct dr_reference moved;

        assert(dr_reference_parse("a/b:1", &reference, NULL) == 0);
        if (dr_reference_move(&reference, host, prefix, &moved, NULL) == 0)
            assert(strcmp(moved.host, host) == 0);
    }
    free(text);
    return 0;
}

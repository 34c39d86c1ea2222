/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_mirror_serve */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mirror/serve/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a client says, what is sent lies within the blob. */
static void check(const char *text, uint64_t size)
{
    struct dr_range range;
    enum dr_range_kind kind = dr_range_parse(text, size, &range);

    assert(kind == DR_RANGE_ALL || kind == DR_RANGE_PART || kind == DR_RANGE_NONE);
    assert(range.first <= size && range.size <= size - range.first);
    if (kind == DR_RANGE_PART)
        assert(range.size > 0);
    else
        assert(range.first == 0 && range.size == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 2, 100, 1 << 20, INT64_MAX, UINT64_MAX};
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check(text, sizes[i]);
    free(text);
    return 0;
}

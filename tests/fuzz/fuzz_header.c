/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "bundle/file/header.h"
#include "bundle/file/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Headers one behind the other: each size that is read has one header, from which it is read again, and no sum of sizes
 * leads out of 63 bits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_layout struct dr_layout layout = DR_LAYOUT_INIT;

    for (; size >= DR_BLOCK; data += DR_BLOCK, size -= DR_BLOCK) {
        unsigned char block[DR_BLOCK];
        uint64_t before = layout.end;
        uint64_t claimed;
        uint64_t again;

        if (dr_header_size(data, &claimed) < 0)
            continue;
        assert(claimed <= INT64_MAX);
        dr_header_make("bundle.json", claimed, block);
        assert(dr_header_size(block, &again) == 0 && again == claimed);
        if (dr_layout_add(&layout, "bundle.json", claimed, NULL, NULL) < 0) {
            assert(layout.end == before);
            continue;
        }
        assert(layout.end > before && layout.end % DR_BLOCK == 0);
        assert(dr_layout_total(&layout) <= INT64_MAX);
    }
    return 0;
}

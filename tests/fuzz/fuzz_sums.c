/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "bundle/file/sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* There is one way to write a list: what was accepted comes out byte for byte again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_sums struct dr_sums sums = DR_SUMS_INIT;
    dr_auto_buf struct dr_buf again = DR_BUF_INIT(DR_SUMS_MAX);
    struct dr_err err = DR_ERR_INIT;

    if (dr_sums_parse((const char *)data, size, &sums, &err) < 0) {
        assert(err.code == DR_ERR_VERIFY && !sums.lines);
        return 0;
    }
    for (size_t i = 0; i < sums.count; i++)
        dr_sums_add(&again, sums.lines[i].name, &sums.lines[i].digest, NULL);
    assert(again.size == size && memcmp(again.data, data, size) == 0);
    return 0;
}

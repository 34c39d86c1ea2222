/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_receipt */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "bundle/receipt/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* There is one way to write a receipt: what was accepted comes out byte for byte again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    dr_auto_buf struct dr_buf again = DR_BUF_INIT(DR_RECEIPT_MAX);
    struct dr_err err = DR_ERR_INIT;

    if (dr_receipt_parse((const char *)data, size, NULL, 0, &receipt, &err) < 0) {
        assert(err.code != DR_OK && err.code != DR_ERR_INTERNAL && !receipt.images);
        return 0;
    }
    assert(!receipt.seal.verified);
    assert(dr_receipt_sealed(&receipt, &again, &err) == 0);
    assert(again.size == size && memcmp(again.data, data, size) == 0);
    return 0;
}

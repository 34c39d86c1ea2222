/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_receipt */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "bundle/receipt/code.h"
#include "bundle/receipt/text.h"
#include "lib/typed.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A receipt as it follows from a bundle of one image with two layers. */
static void make(struct dr_receipt *receipt)
{
    static const char text[] = "drover-receipt/1\n"
                               "registry r\n"
                               "time 1970-01-01T00:00:00Z\n"
                               "look asked\n"
                               "bundle sha256:" HEX "\n"
                               "id sha256:" HEX "\n"
                               "channel default\n"
                               "serial 1\n"
                               "created 2016-05-26T18:13:38Z\n"
                               "repository docker.io/rancher/server\n"
                               "image docker.io/rancher/server:v1 sha256:" HEX " there\n"
                               "layer sha256:" HEX " 5 there\n"
                               "there 1 of 1 images, 1 of 1 layers, 5 of 5 bytes\n"
                               "signature ecdsa " HEX "\n"
                               "MAYCAQECAQE=\n";

    assert(dr_receipt_parse(text, sizeof text - 1, NULL, 0, receipt, NULL) == 0);
}

/* What is typed: the bytes that come out go in again. Whatever they are, without the right signature nothing is made of
 * them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    dr_auto_buf struct dr_buf code = DR_BUF_INIT(DR_RECEIPT_CODE_MAX);
    dr_auto_buf struct dr_buf typed = DR_BUF_INIT(65536);
    dr_auto_buf struct dr_buf again = DR_BUF_INIT(DR_RECEIPT_CODE_MAX);
    struct dr_err err = DR_ERR_INIT;
    const void *bytes = data;

    make(&receipt);
    if (dr_typed_read((const char *)data, size, &code, &err) == 0) {
        assert(dr_typed_write(code.data, code.size, size & 1, &typed, &err) == 0);
        assert(dr_typed_read(typed.data, typed.size, &again, &err) == 0);
        assert(again.size == code.size && memcmp(again.data, code.data, code.size) == 0);
        bytes = code.data;
        size = code.size;
    }
    dr_buf_clear(&again);
    assert(dr_receipt_code_fill(bytes, size, &receipt, NULL, 0, &again, &err) < 0);
    assert(err.code != DR_OK && err.code != DR_ERR_INTERNAL && again.size == 0);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "manifests/family.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The documents of the input, with a NUL between them. The first is the list; which of the others an entry is about
 * says the first byte of its digest. */
struct shelf {
    const uint8_t *data;
    size_t size;
    struct dr_buf last;
};

static const struct dr_buf *load(void *context, const struct dr_descriptor *manifest,
                                 struct dr_err *err)
{
    struct shelf *shelf = context;
    const uint8_t *text = shelf->data;
    const uint8_t *end = shelf->data + shelf->size;

    for (unsigned i = 0; i < manifest->digest.bytes[0]; i++) {
        const uint8_t *next = memchr(text, '\0', (size_t)(end - text));

        if (!next) {
            dr_fail(err, DR_ERR_ABSENT, "it is not there");
            return NULL;
        }
        text = next + 1;
    }
    dr_buf_clear(&shelf->last);
    return dr_buf_add(&shelf->last, text, strnlen((const char *)text, (size_t)(end - text)), err) <
                   0
               ? NULL
               : &shelf->last;
}

static void check(const struct dr_family *family)
{
    struct dr_platform platform;
    const struct dr_family_member *chosen;
    bool fits;

    assert(family->count <= DR_FAMILY_MAX && family->image_count <= family->count);
    for (size_t i = 0; i < family->count; i++) {
        const struct dr_family_member *member = &family->members[i];

        assert(dr_family_find(family, &member->manifest.digest) == member); /* each once */
        assert(dr_manifest_is_carried(member->manifest.media_type));
        assert(dr_manifest_is_list(member->manifest.media_type) == (i >= family->image_count));
        assert(i < family->image_count || member->content.layer_count == 0);
    }
    assert(dr_platform_parse("linux/amd64", &platform, NULL) == 0);
    chosen = dr_family_choose(family, &platform, &fits);
    assert((chosen == NULL) == (family->image_count == 0));
    assert(!fits || dr_platform_rank(&platform, &chosen->platform) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shelf shelf = {.data = data, .size = size, .last = DR_BUF_INIT(1u << 20)};
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    struct dr_err err = DR_ERR_INIT;
    size_t first = strnlen((const char *)data, size);

    if (dr_family_read(data, first, load, &shelf, &family, &err) == 0)
        check(&family);
    else
        assert(err.code == DR_ERR_FORMAT || err.code == DR_ERR_ABSENT);
    dr_buf_release(&shelf.last);
    return 0;
}

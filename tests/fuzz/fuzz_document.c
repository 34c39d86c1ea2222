/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "bundle/file/document.h"
#include "bundle/file/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever stands in it, a site takes it or says why it does not. */
static void check_policy(const struct dr_bundle_about *about)
{
    struct dr_bundle_trust trust = {.channel = "default",
                                    .now = INT64_C(1464286418),
                                    .max_age = 86400,
                                    .max_clock_skew = 300,
                                    .min_serial = 1};
    struct dr_err err = DR_ERR_INIT;

    if (dr_policy_check(&trust, about, &err) < 0) {
        assert(err.code == DR_ERR_REFUSED && *err.text);
        return;
    }
    assert(strcmp(about->channel, "default") == 0 && about->serial >= 1);
    assert(about->created_at <= trust.now + 300 && about->created_at >= trust.now - 86400 - 300);
    assert(!about->expires || about->expires_at >= trust.now - 300);
}

/* bundle.json of a signer who has lost his key: nothing of it may reach a terminal or a path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_document struct dr_document document = DR_DOCUMENT_INIT;
    struct dr_err err = DR_ERR_INIT;

    if (dr_document_parse((const char *)data, size, &document, &err) < 0) {
        assert(err.code == DR_ERR_VERIFY || err.code == DR_ERR_REFUSED);
        return 0;
    }
    assert(document.image_count >= 1 && document.image_count <= DR_IMAGES_MAX);
    for (size_t i = 0; i < document.image_count; i++) {
        const struct dr_bundle_image *image = &document.images[i];

        assert(image->role && image->platform && image->warnings);
        assert(*image->reference.tag || image->reference.has_digest);
        for (const char *const *text = image->warnings; *text; text++)
            assert(!strpbrk(*text, "\n\033"));
    }
    check_policy(&document.about);
    return 0;
}

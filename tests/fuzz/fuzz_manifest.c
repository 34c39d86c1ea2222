/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "manifests/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_descriptor(const struct dr_descriptor *descriptor)
{
    assert(descriptor->size <= DR_BLOB_MAX);
    assert(memchr(descriptor->media_type, '\0', sizeof descriptor->media_type));
    for (const char *c = descriptor->media_type; *c; c++)
        assert(*c > ' ' && *c <= '~' && *c != '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_image_manifest struct dr_image_manifest image = DR_IMAGE_MANIFEST_INIT;
    const char *warnings[DR_WARNINGS_MAX];
    struct dr_err err = DR_ERR_INIT;
    enum dr_manifest_kind kind;
    struct dr_platform wanted;
    dr_auto_index struct dr_index index = DR_INDEX_INIT;
    struct dr_descriptor child;
    int classified = dr_manifest_classify(data, size, NULL, &kind, &err);

    if (classified < 0)
        assert(err.code == DR_ERR_FORMAT);
    if (dr_image_manifest_parse(data, size, &image, NULL) == 0) {
        assert(classified == 0 && kind == DR_MANIFEST_IMAGE);
        assert(image.layer_count <= DR_LAYERS_MAX);
        check_descriptor(&image.config);
        for (size_t i = 0; i < image.layer_count; i++)
            check_descriptor(&image.layers[i]);
        assert(dr_image_manifest_warnings(&image, warnings) <= DR_WARNINGS_MAX);
        assert(dr_manifest_classify(data, size, image.media_type, &kind, NULL) == 0);
    }
    assert(dr_platform_parse("linux/amd64", &wanted, NULL) == 0);
    if (dr_index_choose(data, size, &wanted, &child, NULL) == 0) {
        assert(classified == 0 && kind == DR_MANIFEST_INDEX);
        check_descriptor(&child);
    }
    if (dr_index_parse(data, size, &index, NULL) == 0) {
        assert(classified == 0 && kind == DR_MANIFEST_INDEX && index.count <= DR_INDEX_MAX);
        for (size_t i = 0; i < index.count; i++)
            check_descriptor(&index.entries[i].manifest);
    }
    return 0;
}

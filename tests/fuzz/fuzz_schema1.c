/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "manifests/diffid.h"
#include "manifests/schema1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Go's output: no spaces, nothing that HTML could trip over. */
static void check_config(const struct dr_buf *config)
{
    bool in_string = false;

    for (const char *at = config->data; *at; at++) {
        assert(!strchr("<>&", *at));
        if (*at == '"')
            in_string = !in_string;
        assert(in_string || !strchr(" \t\r\n", *at));
        if (in_string && *at == '\\')
            at++;
    }
    assert(!in_string && strlen(config->data) == config->size);
}

static void check_image(struct dr_schema1 *image)
{
    dr_auto_image_manifest struct dr_image_manifest read = DR_IMAGE_MANIFEST_INIT;
    dr_auto_buf struct dr_buf manifest = DR_BUF_INIT(8u << 20);
    dr_auto_buf struct dr_buf config = DR_BUF_INIT(8u << 20);
    struct dr_digest digest;
    size_t size;

    assert(image->layer_count <= DR_LAYERS_MAX);
    assert(dr_schema1_config(image, &config, NULL) == 0);
    check_config(&config);
    dr_digest_of(config.data, config.size, &digest);
    assert(dr_schema1_manifest(image, &digest, config.size, &manifest, NULL) == 0);
    assert(dr_image_manifest_parse(manifest.data, manifest.size, &read, NULL) == 0);
    assert(read.layer_count == image->layer_count);
    /* What is known later changes no size. */
    size = manifest.size;
    for (size_t i = 0; i < image->layer_count; i++) {
        image->layers[i].diff_id = digest;
        image->layers[i].plain = true;
    }
    assert(dr_schema1_manifest(image, &digest, config.size, &manifest, NULL) == 0);
    assert(manifest.size == size);
    size = config.size;
    assert(dr_schema1_config(image, &config, NULL) == 0 && config.size == size);
}

/* In one piece and in pieces it is the same. */
static void check_layer(const uint8_t *data, size_t size)
{
    dr_auto_diffid struct dr_diffid *whole = dr_diffid_new(size, NULL);
    dr_auto_diffid struct dr_diffid *pieces = dr_diffid_new(size, NULL);
    struct dr_digest one;
    struct dr_digest other;
    bool plain;
    int done;

    dr_diffid_add(whole, data, size);
    for (size_t at = 0; at < size; at += 7)
        dr_diffid_add(pieces, data + at, size - at < 7 ? size - at : 7);
    done = dr_diffid_end(whole, &one, &plain, NULL);
    assert(dr_diffid_end(pieces, &other, &plain, NULL) == done);
    assert(done < 0 || dr_digest_equal(&one, &other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
    struct dr_err err = DR_ERR_INIT;

    if (dr_schema1_parse(data, size, &image, &err) == 0)
        check_image(&image);
    else
        assert(err.code == DR_ERR_FORMAT);
    check_layer(data, size);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/conversion.h"

#include <string.h>

#include "lib/registry/registry.h"

static int ask_size(const struct dr_fetched *fetched, struct dr_schema1_layer *layer,
                    struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];
    bool there;

    if (dr_registry_head_blob(fetched->registry, fetched->repository, &layer->blob, &there,
                              &layer->size, err) < 0)
        return -1;
    dr_digest_text(&layer->blob, digest);
    if (!there)
        return dr_fail(err, DR_ERR_ABSENT, "its layer %s is not in the registry", digest);
    if (layer->size == 0 || layer->size > DR_BLOB_MAX)
        return dr_fail(err, DR_ERR_FORMAT,
                       "the registry does not say how large its layer %s is, as it should", digest);
    return 0;
}

/* Empty layers are there many times in one image. */
static int ask_sizes(struct dr_fetched *fetched, struct dr_err *err)
{
    struct dr_schema1_layer *layers = fetched->schema1.layers;

    for (size_t i = 0; i < fetched->schema1.layer_count; i++) {
        size_t same = 0;

        while (!dr_digest_equal(&layers[same].blob, &layers[i].blob))
            same++;
        layers[i].size = layers[same].size;
        if (same == i && ask_size(fetched, &layers[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Manifest and config of what is known of the layers. */
static int make(struct dr_fetched *fetched, struct dr_err *err)
{
    struct dr_bundle_image *image = &fetched->image;
    struct dr_digest config;

    if (dr_schema1_config(&fetched->schema1, &fetched->config, err) < 0)
        return dr_err_wrap(err, "make its config");
    dr_digest_of(fetched->config.data, fetched->config.size, &config);
    if (dr_schema1_manifest(&fetched->schema1, &config, fetched->config.size, &fetched->manifest,
                            err) < 0 ||
        dr_image_manifest_parse(fetched->manifest.data, fetched->manifest.size, &image->content,
                                err) < 0)
        return dr_err_wrap(err, "make its manifest");
    dr_digest_of(fetched->manifest.data, fetched->manifest.size, &image->manifest.digest);
    image->manifest.size = fetched->manifest.size;
    memcpy(image->manifest.media_type, image->content.media_type,
           sizeof image->manifest.media_type);
    if (image->reference.has_digest)
        image->reference.digest = image->manifest.digest;
    return 0;
}

int dr_conversion_begin(struct dr_fetched *fetched, const struct dr_buf *body,
                        const struct dr_digest *pinned, struct dr_err *err)
{
    struct dr_schema1 *old = &fetched->schema1;
    char digest[DR_DIGEST_TEXT];

    if (dr_schema1_parse(body->data, body->size, old, err) < 0)
        return -1;
    if (pinned && !dr_digest_equal(&old->digest, pinned))
        return dr_fail(err, DR_ERR_VERIFY, "what was served has the digest %s",
                       dr_digest_text(&old->digest, digest));
    if (ask_sizes(fetched, err) < 0)
        return -1;
    for (size_t i = 0; i < old->layer_count; i++)
        old->layers[i].diff_id = old->layers[i].blob;
    fetched->image.has_source = true;
    fetched->image.source = old->digest;
    fetched->image.conversion = DR_CONVERSION_SCHEMA1;
    return make(fetched, err);
}

int dr_conversion_finish(struct dr_fetched *fetched, const struct dr_unpacking *unpacking,
                         struct dr_err *err)
{
    struct dr_schema1 *image = &fetched->schema1;
    size_t config_size = fetched->config.size;
    size_t manifest_size = fetched->manifest.size;
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    dr_reference_familiar(&fetched->image.reference, name);
    for (size_t i = 0; i < image->layer_count; i++) {
        struct dr_schema1_layer *layer = &image->layers[i];
        const struct dr_unpacked *unpacked = dr_unpacking_find(unpacking, &layer->blob);

        dr_digest_text(&layer->blob, digest);
        if (!unpacked || !unpacked->done) /* only where a manifest or config has that digest too */
            return dr_fail(err, DR_ERR_FORMAT, "image '%s': %s is no layer", name, digest);
        if (unpacked->why.code != DR_OK)
            return dr_fail(err, unpacked->why.code, "image '%s': layer %s: %s", name, digest,
                           unpacked->why.text);
        layer->diff_id = unpacked->diff_id;
        layer->plain = unpacked->plain;
    }
    if (make(fetched, err) < 0)
        return dr_err_wrap(err, "image '%s'", name);
    if (fetched->config.size != config_size || fetched->manifest.size != manifest_size)
        return dr_fail(err, DR_ERR_INTERNAL, "the converted image '%s' has another size", name);
    return 0;
}

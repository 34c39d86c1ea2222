/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/foreign.h"

#include <stdlib.h>

#include "lib/json.h"
#include "lib/registry/auth.h"

void dr_foreign_release(struct dr_foreign *foreign)
{
    for (size_t i = 0; i < foreign->count; i++)
        json_decref(foreign->layers[i].urls);
    free(foreign->layers);
    *foreign = (struct dr_foreign)DR_FOREIGN_INIT;
}

const struct dr_foreign_layer *dr_foreign_get(const struct dr_foreign *foreign,
                                              const struct dr_digest *digest)
{
    for (size_t i = 0; i < foreign->count; i++) {
        if (dr_digest_equal(&foreign->layers[i].digest, digest))
            return &foreign->layers[i];
    }
    return NULL;
}

/* Those of `urls` that may be used; new reference. */
static json_t *usable(const json_t *urls, struct dr_err *err)
{
    json_auto_t *list = json_array();
    struct dr_err why = DR_ERR_INIT;
    json_t *url;
    size_t i;

    json_array_foreach(urls, i, url)
    {
        if (dr_outer_url_check(json_string_value(url), &why) == 0 &&
            dr_json_append(list, json_incref(url), err) < 0)
            return NULL;
    }
    if (json_array_size(list) > 0)
        return json_incref(list);
    if (json_array_size(urls) == 0)
        dr_fail(err, DR_ERR_ABSENT, "the manifest names no address to get it from");
    else
        dr_fail(err, DR_ERR_FORMAT, "of the address that the manifest names for it: %s", why.text);
    return NULL;
}

static int add(struct dr_foreign *foreign, const struct dr_digest *digest,
               const struct dr_buf *manifest, struct dr_err *err)
{
    json_auto_t *urls = dr_image_manifest_urls(manifest->data, manifest->size, digest, err);
    struct dr_foreign_layer *layers =
        reallocarray(foreign->layers, foreign->count + 1, sizeof *layers);

    if (!layers)
        return dr_fail_memory(err);
    foreign->layers = layers;
    layers[foreign->count] =
        (struct dr_foreign_layer){.digest = *digest, .urls = urls ? usable(urls, err) : NULL};
    if (!layers[foreign->count].urls)
        return -1;
    foreign->count++;
    return 0;
}

int dr_foreign_find(struct dr_foreign *foreign, struct dr_registry *registry,
                    const char *repository, const struct dr_image_manifest *content,
                    const struct dr_buf *manifest, struct dr_err *err)
{
    for (size_t i = 0; i < content->layer_count; i++) {
        const struct dr_descriptor *layer = &content->layers[i];
        char digest[DR_DIGEST_TEXT];
        bool there;

        if (!dr_layer_is_foreign(layer->media_type) || dr_foreign_get(foreign, &layer->digest))
            continue;
        if (dr_registry_head_blob(registry, repository, &layer->digest, &there, NULL, err) < 0)
            return -1;
        if (!there && add(foreign, &layer->digest, manifest, err) < 0)
            return dr_err_wrap(err, "its foreign layer %s is not in the registry",
                               dr_digest_text(&layer->digest, digest));
    }
    return 0;
}

int dr_foreign_fetch(const struct dr_foreign_layer *layer, struct dr_sources *sources,
                     struct dr_blob_get *get, struct dr_progress *progress, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_t *url;
    size_t i;

    json_array_foreach(layer->urls, i, url)
    {
        struct dr_registry *elsewhere;

        if (why.code != DR_OK)
            dr_log_warn(sources->log, "%s", why.text);
        get->url = json_string_value(url);
        elsewhere = dr_sources_find_url(sources, get->url, &why);
        if (elsewhere && dr_registry_get_blobs(elsewhere, get, 1, 1, progress, &why) == 0)
            return 0;
        if (why.code == DR_ERR_STOPPED || why.code == DR_ERR_IO)
            break;
    }
    if (err)
        *err = why;
    return -1;
}

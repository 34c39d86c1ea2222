/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/load/identity.h"

#include <string.h>

#include "lib/json.h"
#include "lib/reference.h"

#define CONFIG_MAX (4u << 20)

static int add_id(json_t *ids, const struct dr_digest *digest, struct dr_err *err)
{
    char text[DR_DIGEST_TEXT];

    return dr_json_append(ids, json_string(dr_digest_text(digest, text)), err);
}

static json_t *read_ids(const struct dr_bundle_image *image, struct dr_err *err)
{
    json_auto_t *ids = json_array();

    if (!ids) {
        dr_fail_memory(err);
        return NULL;
    }
    if (add_id(ids, &image->content.config.digest, err) < 0 ||
        add_id(ids, &image->manifest.digest, err) < 0 ||
        (dr_bundle_image_is_list(image) && add_id(ids, &image->chosen, err) < 0) ||
        (image->has_source && add_id(ids, &image->source, err) < 0))
        return NULL;
    return json_incref(ids);
}

int dr_identity_read(const struct dr_bundle *bundle, const struct dr_bundle_image *image,
                     struct dr_identity *ret_identity, struct dr_err *err)
{
    dr_auto_buf struct dr_buf data = DR_BUF_INIT(CONFIG_MAX);
    json_auto_t *config = NULL;
    json_auto_t *ids = NULL;
    json_t *layers;
    json_t *settings;
    char name[DR_REFERENCE_TEXT];

    dr_reference_familiar(&image->reference, name);
    if (dr_bundle_blob_load(bundle, &image->content.config.digest, &data, err) < 0)
        return -1;
    config = dr_json_parse(data.data, data.size, "the configuration", err);
    if (!config)
        return dr_err_wrap(err, "image '%s'", name);
    layers = dr_json_at(config, "rootfs", "diff_ids", NULL);
    settings = json_object_get(config, "config");
    if (!json_is_array(layers))
        return dr_fail(err, DR_ERR_FORMAT, "the configuration of image '%s' names no layers", name);
    ids = read_ids(image, err);
    if (!ids)
        return -1;
    settings = json_is_object(settings) ? json_incref(settings) : json_object();
    if (!settings)
        return dr_fail_memory(err);
    *ret_identity = (struct dr_identity){
        .ids = json_incref(ids), .layers = json_incref(layers), .settings = settings};
    return 0;
}

void dr_identity_release(struct dr_identity *identity)
{
    json_decref(identity->ids);
    json_decref(identity->layers);
    json_decref(identity->settings);
    *identity = (struct dr_identity)DR_IDENTITY_INIT;
}

static bool is_among(const json_t *list, const char *text)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

int dr_identity_check(const json_t *ids, const json_t *layers, const char *name,
                      const json_t *inspect, struct dr_err *err)
{
    const char *id = dr_json_string_or(inspect, "Id", "");

    if (!is_among(ids, id))
        return dr_fail(err, DR_ERR_PROOF,
                       "'%s' on this engine is image %.80s, and the bundle's is %.80s", name, id,
                       json_string_value(json_array_get(ids, 0)));
    if (!json_equal(dr_json_at(inspect, "RootFS", "Layers", NULL), layers))
        return dr_fail(err, DR_ERR_PROOF, "'%s' on this engine has other layers than the bundle's",
                       name);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/load/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/engine/image.h"
#include "lib/json.h"
#include "lib/text.h"

void dr_load_names_release(struct dr_load_names *names)
{
    for (size_t i = 0; names->identities && i < names->image_count; i++)
        dr_identity_release(&names->identities[i]);
    free(names->identities);
    free(names->items);
    *names = (struct dr_load_names)DR_LOAD_NAMES_INIT;
}

static void add(struct dr_load_names *names, const struct dr_bundle_image *image,
                const struct dr_identity *identity, const struct dr_reference *reference, bool own)
{
    struct dr_load_name *name = &names->items[names->count++];

    *name = (struct dr_load_name){
        .image = image, .identity = identity, .own = own, .reference = *reference};
    name->reference.has_digest = false;
    if (*reference->tag)
        dr_reference_familiar(&name->reference, name->text);
    else
        dr_digest_text(&image->content.config.digest, name->text);
}

/* docker.io/a/b:1 and quay.io/a/b:1 both become HOST/a/b:1. */
static int refuse_collision(const struct dr_load_names *names, struct dr_err *err)
{
    const struct dr_load_name *last = &names->items[names->count - 1];
    char texts[2][DR_REFERENCE_TEXT];

    for (size_t i = 0; i + 1 < names->count; i++) {
        const struct dr_load_name *name = &names->items[i];

        if (strcmp(name->text, last->text) == 0 &&
            !dr_digest_equal(&name->image->manifest.digest, &last->image->manifest.digest))
            return dr_fail(err, DR_ERR_REFUSED,
                           "'%s' and '%s' are different images, but would both be %s",
                           dr_reference_text(&name->image->reference, texts[0]),
                           dr_reference_text(&last->image->reference, texts[1]), name->text);
    }
    return 0;
}

static int add_moved(struct dr_load_names *names, const struct dr_load_name *own,
                     const struct dr_destination *registry, struct dr_err *err)
{
    struct dr_reference moved;

    if (!*own->reference.tag)
        return 0;
    if (dr_destination_place(registry, &own->reference, &moved, err) < 0)
        return -1;
    add(names, own->image, own->identity, &moved, false);
    return refuse_collision(names, err);
}

int dr_load_names_make(const struct dr_bundle *bundle, const struct dr_destination *registry,
                       struct dr_load_names *ret_names, struct dr_err *err)
{
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &ret_names->image_count);
    size_t count = ret_names->image_count;

    ret_names->items = calloc(2 * count + 1, sizeof *ret_names->items);
    ret_names->identities = calloc(count + 1, sizeof *ret_names->identities);
    if (!ret_names->items || !ret_names->identities)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (dr_identity_read(bundle, &images[i], &ret_names->identities[i], err) < 0)
            return -1;
        add(ret_names, &images[i], &ret_names->identities[i], &images[i].reference, true);
    }
    for (size_t i = 0; registry && i < count; i++) {
        if (add_moved(ret_names, &ret_names->items[i], registry, err) < 0)
            return -1;
    }
    return 0;
}

static bool is_ours(const struct dr_load_name *name, const json_t *inspect)
{
    return inspect && dr_identity_check(name->identity->ids, name->identity->layers, name->text,
                                        inspect, NULL) == 0;
}

/* By whatever this engine may call it. */
static int find_by_id(struct dr_load_name *name, struct dr_engine *engine, struct dr_err *err)
{
    json_t *id;
    size_t i;

    json_array_foreach(name->identity->ids, i, id)
    {
        json_auto_t *found = NULL;

        if (dr_image_find(engine, json_string_value(id), &found, err) < 0)
            return -1;
        if (is_ours(name, found)) {
            dr_text_put(name->id, sizeof name->id, dr_json_string_or(found, "Id", ""));
            return 0;
        }
    }
    return 0;
}

static int look(struct dr_load_name *name, struct dr_engine *engine, struct dr_err *err)
{
    json_auto_t *named = NULL;

    if (*name->reference.tag && dr_image_find(engine, name->text, &named, err) < 0)
        return -1;
    if (is_ours(name, named)) {
        dr_text_put(name->id, sizeof name->id, dr_json_string_or(named, "Id", ""));
        name->before = DR_LOAD_PRESENT;
        return 0;
    }
    if (named)
        dr_text_put(name->other, sizeof name->other, dr_json_string_or(named, "Id", ""));
    if (find_by_id(name, engine, err) < 0)
        return -1;
    if (*name->id)
        name->before = *name->reference.tag ? DR_LOAD_UNNAMED : DR_LOAD_PRESENT;
    return 0;
}

int dr_load_names_look(struct dr_load_names *names, struct dr_engine *engine, struct dr_err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        if (look(&names->items[i], engine, err) < 0)
            return -1;
    }
    return 0;
}

int dr_load_name_prove(struct dr_load_name *name, struct dr_engine *engine, struct dr_err *err)
{
    json_auto_t *named = NULL;

    if (!*name->reference.tag) {
        if (find_by_id(name, engine, err) < 0)
            return -1;
        return *name->id
                   ? 0
                   : dr_fail(err, DR_ERR_PROOF, "the engine does not have image %s", name->text);
    }
    if (dr_image_find(engine, name->text, &named, err) < 0)
        return -1;
    if (!named)
        return dr_fail(err, DR_ERR_PROOF, "the engine does not have '%s'", name->text);
    dr_text_put(name->id, sizeof name->id, dr_json_string_or(named, "Id", ""));
    return dr_identity_check(name->identity->ids, name->identity->layers, name->text, named, err);
}

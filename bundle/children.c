/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/children.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES_MAX DR_FAMILY_BYTES

struct source {
    struct dr_children *children;
    struct dr_registry *registry;
    const char *repository;
};

const struct dr_buf *dr_children_find(const struct dr_children *children,
                                      const struct dr_digest *digest)
{
    for (size_t i = 0; i < children->count; i++) {
        if (dr_digest_equal(&children->items[i].digest, digest))
            return &children->items[i].bytes;
    }
    return NULL;
}

/* Takes the bytes. NULL: memory is out, and they are the caller's still. */
static const struct dr_buf *add(struct dr_children *children, const struct dr_digest *digest,
                                struct dr_buf *bytes, struct dr_err *err)
{
    struct dr_child *items =
        reallocarray(children->items, children->count + 1, sizeof *children->items);

    if (!items) {
        dr_fail_memory(err);
        return NULL;
    }
    children->items = items;
    children->bytes += bytes->size;
    items[children->count] = (struct dr_child){.digest = *digest, .bytes = *bytes};
    *bytes = (struct dr_buf)DR_BUF_INIT(DR_MANIFEST_MAX);
    return &items[children->count++].bytes;
}

static const struct dr_buf *load_manifest(void *context, const struct dr_descriptor *manifest,
                                          struct dr_err *err)
{
    const struct source *source = context;
    dr_auto_registry_manifest struct dr_registry_manifest served = DR_REGISTRY_MANIFEST_INIT;
    enum dr_manifest_kind kind;
    char digest[DR_DIGEST_TEXT];

    if (dr_registry_get_manifest(source->registry, source->repository,
                                 dr_digest_text(&manifest->digest, digest), &served, err) < 0 ||
        dr_manifest_classify(served.body.data, served.body.size, served.media_type, &kind, err) < 0)
        return NULL;
    return add(source->children, &manifest->digest, &served.body, err);
}

static int get_config(const struct source *source, const struct dr_descriptor *config,
                      struct dr_err *err)
{
    dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(DR_MANIFEST_MAX);

    if (dr_children_find(source->children, &config->digest))
        return 0;
    if (config->size > DR_MANIFEST_MAX || source->children->bytes > CONFIG_BYTES_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "the configs of its images have more than %u bytes",
                       config->size > DR_MANIFEST_MAX ? DR_MANIFEST_MAX : CONFIG_BYTES_MAX);
    if (dr_registry_get_blob(source->registry, source->repository, &config->digest, config->size,
                             &bytes, err) < 0)
        return -1;
    return add(source->children, &config->digest, &bytes, err) ? 0 : -1;
}

int dr_children_get(struct dr_children *children, struct dr_registry *registry,
                    const char *repository, const struct dr_buf *list, struct dr_family *ret_family,
                    struct dr_err *err)
{
    struct source source = {.children = children, .registry = registry, .repository = repository};
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;

    if (dr_family_read(list->data, list->size, load_manifest, &source, &family, err) < 0)
        return -1;
    for (size_t i = 0; i < family.image_count; i++) {
        struct dr_family_member *member = &family.members[i];
        const struct dr_digest *digest = &member->content.config.digest;
        const struct dr_buf *config;

        if (get_config(&source, &member->content.config, err) < 0)
            return -1;
        config = dr_children_find(children, digest);
        if (config && !dr_platform_is_known(&member->platform))
            dr_platform_of_config(config->data, config->size, &member->platform);
    }
    *ret_family = family;
    family = (struct dr_family)DR_FAMILY_INIT;
    return 0;
}

static void list_platform(struct dr_children *children, const struct dr_platform *platform,
                          size_t *count)
{
    dr_platform_text(platform, children->texts[*count]);
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(children->texts[i], children->texts[*count]) == 0)
            return;
    }
    children->platforms[*count] = children->texts[*count];
    (*count)++;
}

int dr_children_list_platforms(struct dr_children *children, const struct dr_family *family,
                               const struct dr_family_member *chosen, struct dr_err *err)
{
    size_t count = 0;

    children->texts = calloc(family->image_count + 1, sizeof *children->texts);
    children->platforms = calloc(family->image_count + 2, sizeof *children->platforms);
    if (!children->texts || !children->platforms)
        return dr_fail_memory(err);
    list_platform(children, &chosen->platform, &count);
    for (size_t i = 0; i < family->image_count; i++) {
        if (dr_platform_is_known(&family->members[i].platform))
            list_platform(children, &family->members[i].platform, &count);
    }
    return 0;
}

void dr_children_release(struct dr_children *children)
{
    for (size_t i = 0; i < children->count; i++)
        dr_buf_release(&children->items[i].bytes);
    free(children->items);
    free(children->texts);
    free(children->platforms);
    *children = (struct dr_children)DR_CHILDREN_INIT;
}

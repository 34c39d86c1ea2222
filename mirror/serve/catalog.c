/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"

#define HUB "docker.io"

/* Some image of Docker Hub has this name. */
static bool is_of_hub(const struct dr_bundle *bundle, const char *name)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(images[i].reference.host, HUB) == 0 &&
            strcmp(images[i].reference.repository, name) == 0)
            return true;
    }
    return false;
}

/* The image goes by the question's name. */
static bool fits(const struct dr_bundle *bundle, const struct dr_bundle_image *image,
                 const struct dr_question *question)
{
    const struct dr_reference *reference = &image->reference;
    size_t host = strlen(reference->host);

    if (strcmp(question->name, reference->repository) == 0) {
        if (*question->ns)
            return strcmp(question->ns, reference->host) == 0;
        return strcmp(reference->host, HUB) == 0 || !is_of_hub(bundle, question->name);
    }
    return !*question->ns && strncmp(question->name, reference->host, host) == 0 &&
           question->name[host] == '/' &&
           strcmp(question->name + host + 1, reference->repository) == 0;
}

bool dr_catalog_has(const struct dr_bundle *bundle, const struct dr_question *question)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (fits(bundle, &images[i], question))
            return true;
    }
    return false;
}

static bool find_by_digest(const struct dr_bundle *bundle, const struct dr_question *question,
                           const struct dr_digest *digest, struct dr_descriptor *ret_manifest)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        const struct dr_family_member *below = dr_family_find(&images[i].family, digest);

        if (!fits(bundle, &images[i], question) ||
            (!below && !dr_digest_equal(&images[i].manifest.digest, digest)))
            continue;
        *ret_manifest = below ? below->manifest : images[i].manifest;
        return true;
    }
    return false;
}

bool dr_catalog_manifest(const struct dr_bundle *bundle, const struct dr_question *question,
                         struct dr_descriptor *ret_manifest)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    const struct dr_bundle_image *found = NULL;
    struct dr_digest digest;

    if (dr_digest_parse(question->reference, &digest, NULL) == 0)
        return find_by_digest(bundle, question, &digest, ret_manifest);
    for (size_t i = 0; i < count && *question->reference; i++) {
        if (!fits(bundle, &images[i], question) ||
            strcmp(images[i].reference.tag, question->reference) != 0)
            continue;
        if (found && !dr_digest_equal(&found->manifest.digest, &images[i].manifest.digest))
            return false;
        found = &images[i];
    }
    if (found)
        *ret_manifest = found->manifest;
    return found;
}

static bool holds(const struct dr_image_manifest *content, const struct dr_digest *digest)
{
    if (dr_digest_equal(&content->config.digest, digest))
        return true;
    for (size_t i = 0; i < content->layer_count; i++) {
        if (dr_digest_equal(&content->layers[i].digest, digest))
            return true;
    }
    return false;
}

static bool needs(const struct dr_bundle_image *image, const struct dr_digest *digest)
{
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        if (holds(content, digest))
            return true;
    }
    return false;
}

const struct dr_bundle_blob *dr_catalog_blob(const struct dr_bundle *bundle,
                                             const struct dr_question *question,
                                             const struct dr_digest *digest)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (fits(bundle, &images[i], question) && needs(&images[i], digest))
            return dr_bundle_find_blob(bundle, digest);
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names, or the tags of a name; `ret_texts` has room for all images. */
static size_t collect(const struct dr_bundle *bundle, const struct dr_question *question,
                      const char **ret_texts)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const struct dr_reference *reference = &images[i].reference;

        if (question->kind == DR_ASK_CATALOG)
            ret_texts[kept++] = reference->repository;
        else if (fits(bundle, &images[i], question) && *reference->tag)
            ret_texts[kept++] = reference->tag;
    }
    qsort(ret_texts, kept, sizeof *ret_texts, by_text);
    return kept;
}

json_t *dr_catalog_list(const struct dr_bundle *bundle, const struct dr_question *question,
                        bool *ret_more)
{
    size_t count;
    json_auto_t *list = json_array();
    dr_autofree const char **texts = NULL;

    dr_bundle_images(bundle, &count);
    texts = calloc(count + 1, sizeof *texts);
    if (!list || !texts)
        return NULL;
    count = collect(bundle, question, texts);
    *ret_more = false;
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && strcmp(texts[i], texts[i - 1]) == 0;

        if (again || (*question->last && strcmp(texts[i], question->last) <= 0))
            continue;
        if (json_array_size(list) >= question->n) {
            *ret_more = true;
            break;
        }
        if (json_array_append_new(list, json_string(texts[i])) < 0)
            return NULL;
    }
    return json_incref(list);
}

bool dr_catalog_is_plain(const struct dr_bundle *bundle, const struct dr_bundle_image *image)
{
    const struct dr_reference *reference = &image->reference;
    struct dr_question question = {.kind = DR_ASK_MANIFEST};
    struct dr_descriptor manifest;

    dr_text_put(question.name, sizeof question.name, reference->repository);
    if (*reference->tag)
        dr_text_put(question.reference, sizeof question.reference, reference->tag);
    else
        dr_digest_text(&image->manifest.digest, question.reference);
    return dr_catalog_manifest(bundle, &question, &manifest) &&
           dr_digest_equal(&manifest.digest, &image->manifest.digest);
}

static void tell_name(const struct dr_bundle *bundle, const struct dr_bundle_image *image,
                      const struct dr_log *log)
{
    const struct dr_reference *reference = &image->reference;
    char name[DR_REFERENCE_TEXT];

    snprintf(name, sizeof name, "%s:%s", reference->repository, reference->tag);
    if (dr_catalog_is_plain(bundle, image)) {
        if (strcmp(reference->host, HUB) != 0)
            dr_log_say(log,
                       "%s/%s is found as %s, too, as mirror names it: an engine that has this as "
                       "its mirror of Docker Hub takes it for Docker Hub's",
                       reference->host, name, name);
    } else if (strchr(reference->host, ':')) {
        dr_log_warn(log,
                    "another image of this bundle is %s, too; %s/%s gets only who says ns=%s, as "
                    "containerd asks a mirror",
                    name, reference->host, name, reference->host);
    } else {
        dr_log_warn(log, "another image of this bundle is %s, too; ask for %s/%s to get this one",
                    name, reference->host, name);
    }
}

void dr_catalog_warn(const struct dr_bundle *bundle, const struct dr_log *log)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (*images[i].reference.tag)
            tell_name(bundle, &images[i], log);
    }
}

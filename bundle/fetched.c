/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/fetched.h"

#include <stdio.h>
#include <string.h>

#include "bundle/conversion.h"
#include "lib/registry/registry.h"
#include "lib/text.h"

static int get_manifest(struct dr_fetched *fetched, const char *reference,
                        struct dr_registry_manifest *manifest, enum dr_manifest_kind *ret_kind,
                        struct dr_err *err)
{
    if (dr_registry_get_manifest(fetched->registry, fetched->repository, reference, manifest, err) <
        0)
        return -1;
    return dr_manifest_classify(manifest->body.data, manifest->body.size, manifest->media_type,
                                ret_kind, err);
}

/* A list is followed to its one child that we want. Its digest cannot be kept as a name: a registry takes a list
 * only with all its children. */
static int follow_list(struct dr_fetched *fetched, const struct dr_platform *platform,
                       struct dr_registry_manifest *manifest, enum dr_manifest_kind *ret_kind,
                       struct dr_digest *ret_child, struct dr_err *err)
{
    struct dr_bundle_image *image = &fetched->image;
    struct dr_descriptor child;

    fetched->from_list = image->has_source = true;
    image->source = manifest->digest;
    for (unsigned depth = 1; *ret_kind == DR_MANIFEST_INDEX; depth++) {
        char digest[DR_DIGEST_TEXT];

        if (depth > DR_FAMILY_DEPTH)
            return dr_fail(err, DR_ERR_FORMAT, "there are more than %d lists in each other",
                           DR_FAMILY_DEPTH);
        if (dr_index_choose(manifest->body.data, manifest->body.size, platform, &child, err) < 0)
            return -1;
        dr_registry_manifest_release(manifest);
        *manifest = (struct dr_registry_manifest)DR_REGISTRY_MANIFEST_INIT;
        if (get_manifest(fetched, dr_digest_text(&child.digest, digest), manifest, ret_kind, err) <
            0)
            return -1;
    }
    *ret_child = child.digest;
    if (image->reference.has_digest)
        image->reference.digest = child.digest;
    return 0;
}

/* What the list is to be called when it is pushed: its own word, else the registry's. */
static int take_list(struct dr_fetched *fetched, struct dr_registry_manifest *manifest,
                     struct dr_err *err)
{
    dr_auto_index struct dr_index index = DR_INDEX_INIT;
    struct dr_descriptor *list = &fetched->image.manifest;
    const char *type = manifest->media_type;

    if (dr_index_parse(manifest->body.data, manifest->body.size, &index, err) < 0)
        return -1;
    if (*index.media_type)
        type = index.media_type;
    if (!dr_manifest_is_list(type))
        type = DR_MEDIA_OCI_INDEX;
    dr_text_put(list->media_type, sizeof list->media_type, type);
    list->digest = manifest->digest;
    list->size = manifest->body.size;
    fetched->manifest = manifest->body;
    manifest->body = (struct dr_buf)DR_BUF_INIT(DR_MANIFEST_MAX);
    return 0;
}

/* A list with all of its images keeps its digest. One of them is what `docker load` will get. */
static int carry_list(struct dr_fetched *fetched, const struct dr_bundle_options *options,
                      struct dr_registry_manifest *manifest, struct dr_err *err)
{
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    struct dr_bundle_image *image = &fetched->image;
    const struct dr_family_member *chosen;
    char wanted[DR_PLATFORM_TEXT];
    bool fits;

    if (take_list(fetched, manifest, err) < 0 ||
        dr_children_get(&fetched->children, fetched->registry, fetched->repository,
                        &fetched->manifest, &family, err) < 0)
        return -1;
    chosen = dr_family_choose(&family, &options->platform, &fits);
    if (!chosen)
        return dr_fail(err, DR_ERR_FORMAT, "its list names no image");
    if (!fits && options->platform_named)
        return dr_fail(err, DR_ERR_ABSENT, "its list has no image for %s",
                       dr_platform_text(&options->platform, wanted));
    fetched->has_other = !fits;
    fetched->is_for = chosen->platform;
    image->chosen = chosen->manifest.digest;
    if (dr_children_list_platforms(&fetched->children, &family, chosen, err) < 0)
        return -1;
    image->platforms = fetched->children.platforms;
    return dr_bundle_image_adopt(image, &family, err);
}

static int take_manifest(struct dr_fetched *fetched, struct dr_registry_manifest *manifest,
                         struct dr_err *err)
{
    struct dr_bundle_image *image = &fetched->image;

    if (dr_image_manifest_parse(manifest->body.data, manifest->body.size, &image->content, err) < 0)
        return -1;
    if (image->content.config.size > DR_MANIFEST_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "its config has %llu bytes, more than %u",
                       (unsigned long long)image->content.config.size, DR_MANIFEST_MAX);
    image->manifest.digest = manifest->digest;
    image->manifest.size = manifest->body.size;
    memcpy(image->manifest.media_type, image->content.media_type,
           sizeof image->manifest.media_type);
    fetched->manifest = manifest->body;
    manifest->body = (struct dr_buf)DR_BUF_INIT(DR_MANIFEST_MAX);
    return 0;
}

/* Where foreign layers are is asked before gigabytes of others are fetched. */
static int find_foreign(struct dr_fetched *fetched, const struct dr_log *log, struct dr_err *err)
{
    const struct dr_bundle_image *image = &fetched->image;
    const struct dr_image_manifest *content;
    char digest[DR_DIGEST_TEXT];

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        const struct dr_buf *manifest =
            dr_bundle_image_is_list(image)
                ? dr_children_find(&fetched->children, &image->family.members[i].manifest.digest)
                : &fetched->manifest;

        if (dr_foreign_find(&fetched->foreign, fetched->registry, fetched->repository, content,
                            manifest, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < fetched->foreign.count; i++)
        dr_log_say(log, "the layer %s is not in the registry; the manifest says '%s'",
                   dr_digest_text(&fetched->foreign.layers[i].digest, digest),
                   json_string_value(json_array_get(fetched->foreign.layers[i].urls, 0)));
    return 0;
}

/* Configs of other artifacts than images are fine as well: then there is no platform to be read. */
static int check_platform(struct dr_fetched *fetched, const struct dr_bundle_options *options,
                          struct dr_err *err)
{
    struct dr_platform *is_for = &fetched->is_for;
    char wanted[DR_PLATFORM_TEXT];
    bool fits;

    if (!dr_bundle_image_is_list(&fetched->image)) {
        dr_platform_of_config(fetched->config.data, fetched->config.size, is_for);
        fits = dr_platform_rank(&options->platform, is_for) > 0;
        fetched->has_other = !fits;
        if (!fits && options->platform_named && !fetched->from_list && dr_platform_is_known(is_for))
            return dr_fail(err, DR_ERR_ABSENT, "it is for %s only, not for %s",
                           dr_platform_text(is_for, fetched->platform),
                           dr_platform_text(&options->platform, wanted));
    }
    fetched->image.platform = dr_platform_text(is_for, fetched->platform);
    return 0;
}

static void warn_platform(struct dr_fetched *fetched, const struct dr_bundle_options *options,
                          size_t *count)
{
    char wanted[DR_PLATFORM_TEXT];

    if (!fetched->has_other)
        return;
    snprintf(fetched->other_platform, sizeof fetched->other_platform,
             dr_bundle_image_is_list(&fetched->image)
                 ? "docker load gets its image for %s: it has none for %s"
                 : "it is for %s, not for %s",
             fetched->platform, dr_platform_text(&options->platform, wanted));
    fetched->warnings[(*count)++] = fetched->other_platform;
}

/* Each of `more` that is not there yet; all are static. */
static void add_warnings(struct dr_fetched *fetched, size_t *count,
                         const struct dr_image_manifest *content)
{
    const char *more[DR_WARNINGS_MAX];
    size_t found = dr_image_manifest_warnings(content, more);

    for (size_t i = 0; i < found; i++) {
        size_t same = 0;

        while (same < *count && fetched->warnings[same] != more[i])
            same++;
        fetched->warnings[same] = more[i];
        *count = same == *count ? same + 1 : *count;
    }
}

static void warn(struct dr_fetched *fetched, const struct dr_sources *sources)
{
    const struct dr_bundle_image *image = &fetched->image;
    const struct dr_image_manifest *content;
    char name[DR_REFERENCE_TEXT];
    size_t count = 0;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        if (!dr_bundle_image_is_list(image) ||
            dr_platform_is_known(&image->family.members[i].platform))
            add_warnings(fetched, &count, content);
    }
    if (image->conversion)
        fetched->warnings[count++] =
            "the registry has it in Docker's old schema 1 form; it is converted to schema 2 with "
            "the image ID that docker gives it, and so has another digest";
    if (image->conversion && !fetched->schema1.has_version)
        fetched->warnings[count++] =
            "it does not say which docker made it; for such images docker and skopeo disagree on "
            "the image ID, the bundle has docker's";
    warn_platform(fetched, sources->options, &count);
    fetched->image.warnings = fetched->warnings;
    dr_reference_familiar(&image->reference, name);
    for (const char *const *text = fetched->warnings; *text; text++)
        dr_log_warn(sources->log, "%s: %s", name, *text);
}

/* What the reference stands for. A tag is asked for by HEAD, which no registry counts as a pull; its manifest is then
 * fetched by digest, once, whatever happens to the tag meanwhile. A bundle that was begun keeps what it was begun
 * with. */
static int resolve(struct dr_fetched *fetched, const struct dr_digest *past,
                   const struct dr_log *log, struct dr_err *err)
{
    const struct dr_reference *reference = &fetched->image.reference;
    struct dr_err why = DR_ERR_INIT;
    char name[DR_REFERENCE_TEXT];
    char now[DR_DIGEST_TEXT];
    char then[DR_DIGEST_TEXT];

    fetched->has_found = reference->has_digest;
    fetched->found = reference->digest;
    if (reference->has_digest)
        return 0;
    if (dr_registry_resolve(fetched->registry, fetched->repository, reference->tag,
                            &fetched->has_found, &fetched->found, &why) < 0 &&
        !(past && why.code == DR_ERR_ABSENT)) {
        if (err)
            *err = why;
        return -1;
    }
    if (!past)
        return 0;
    if (fetched->has_found && !dr_digest_equal(&fetched->found, past))
        dr_log_warn(log,
                    "%s has moved since this bundle was begun: it is %s now; the bundle keeps %s "
                    "(--fresh begins anew)",
                    dr_reference_familiar(reference, name), dr_digest_text(&fetched->found, now),
                    dr_digest_text(past, then));
    fetched->has_found = true;
    fetched->found = *past;
    return 0;
}

static int get_top(struct dr_fetched *fetched, struct dr_registry_manifest *manifest,
                   enum dr_manifest_kind *ret_kind, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    if (fetched->has_found)
        return get_manifest(fetched, dr_digest_text(&fetched->found, digest), manifest, ret_kind,
                            err);
    if (get_manifest(fetched, fetched->image.reference.tag, manifest, ret_kind, err) < 0)
        return -1;
    /* A schema 1 manifest is not found by the digest of its bytes. */
    fetched->has_found = *ret_kind != DR_MANIFEST_SCHEMA1;
    fetched->found = manifest->digest;
    return 0;
}

static int get_all(struct dr_fetched *fetched, const struct dr_digest *past,
                   const struct dr_sources *sources, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    const struct dr_descriptor *config = &fetched->image.content.config;
    const struct dr_bundle_options *options = sources->options;
    const struct dr_digest *pinned;
    enum dr_manifest_kind kind;
    struct dr_digest child;

    if (resolve(fetched, past, sources->log, err) < 0 ||
        get_top(fetched, &manifest, &kind, err) < 0)
        return -1;
    pinned = fetched->has_found ? &fetched->found : NULL;
    if (kind == DR_MANIFEST_INDEX && options->all_platforms)
        return carry_list(fetched, options, &manifest, err);
    if (kind == DR_MANIFEST_INDEX) {
        if (follow_list(fetched, &options->platform, &manifest, &kind, &child, err) < 0)
            return -1;
        pinned = &child;
    }
    if (kind == DR_MANIFEST_SCHEMA1)
        return dr_conversion_begin(fetched, &manifest.body, pinned, err);
    if (take_manifest(fetched, &manifest, err) < 0)
        return -1;
    return dr_registry_get_blob(fetched->registry, fetched->repository, &config->digest,
                                config->size, &fetched->config, err);
}

static void begin(struct dr_fetched *fetched, const struct dr_wanted *wanted)
{
    *fetched = (struct dr_fetched){.schema1 = DR_SCHEMA1_INIT, .children = DR_CHILDREN_INIT};
    fetched->image.reference = wanted->reference;
    fetched->image.role = wanted->role;
    fetched->manifest.max = fetched->config.max = DR_MANIFEST_MAX;
}

/* 1: the mirror of Docker Hub had it. 0: there is none, or it hadn't. */
static int try_mirror(struct dr_fetched *fetched, struct dr_sources *sources,
                      const struct dr_wanted *wanted, const struct dr_digest *past,
                      struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    char name[DR_REFERENCE_TEXT];

    fetched->registry =
        dr_sources_find_mirror(sources, &wanted->reference, fetched->repository, &why);
    if (!fetched->registry && why.code == DR_OK)
        return 0;
    if (fetched->registry && get_all(fetched, past, sources, &why) == 0)
        return 1;
    if (why.code == DR_ERR_STOPPED) {
        if (err)
            *err = why;
        return -1;
    }
    dr_log_say(sources->log, "%s is not from the mirror: %s",
               dr_reference_familiar(&wanted->reference, name), why.text);
    if (why.code == DR_ERR_NET)
        dr_sources_drop_mirror(sources);
    dr_fetched_release(fetched);
    begin(fetched, wanted);
    return 0;
}

static int get_anywhere(struct dr_fetched *fetched, struct dr_sources *sources,
                        const struct dr_wanted *wanted, const struct dr_digest *past,
                        struct dr_err *err)
{
    int done = try_mirror(fetched, sources, wanted, past, err);

    if (done != 0)
        return done > 0 ? 0 : -1;
    fetched->registry = dr_sources_find(sources, &wanted->reference, fetched->repository, err);
    return fetched->registry ? get_all(fetched, past, sources, err) : -1;
}

int dr_fetched_get(struct dr_fetched *ret_fetched, struct dr_sources *sources,
                   const struct dr_wanted *wanted, const struct dr_digest *past, struct dr_err *err)
{
    char name[DR_REFERENCE_TEXT];

    begin(ret_fetched, wanted);
    dr_reference_familiar(&wanted->reference, name);
    if (get_anywhere(ret_fetched, sources, wanted, past, err) < 0 ||
        check_platform(ret_fetched, sources->options, err) < 0 ||
        find_foreign(ret_fetched, sources->log, err) < 0)
        return dr_err_wrap(err, "image '%s'", name);
    warn(ret_fetched, sources);
    return 0;
}

void dr_fetched_release(struct dr_fetched *fetched)
{
    dr_buf_release(&fetched->manifest);
    dr_buf_release(&fetched->config);
    dr_schema1_release(&fetched->schema1);
    dr_bundle_image_release(&fetched->image);
    dr_children_release(&fetched->children);
    dr_foreign_release(&fetched->foreign);
}

const struct dr_buf *dr_fetched_find(const struct dr_fetched *fetched,
                                     const struct dr_digest *digest)
{
    const struct dr_bundle_image *image = &fetched->image;

    if (dr_digest_equal(&image->manifest.digest, digest))
        return &fetched->manifest;
    if (!dr_bundle_image_is_list(image) && dr_digest_equal(&image->content.config.digest, digest))
        return &fetched->config;
    return dr_children_find(&fetched->children, digest);
}

size_t dr_fetched_bytes(const struct dr_fetched *fetched)
{
    return fetched->manifest.size + fetched->config.size + fetched->children.bytes;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/fetched.h"

#include <stdio.h>
#include <string.h>

#include "bundle/conversion.h"
#include "lib/registry/registry.h"
#include "lib/text.h"
#include "manifests/rawjson.h"

#define OS "linux"
#define ARCHITECTURE "amd64"

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
static int follow_list(struct dr_fetched *fetched, struct dr_registry_manifest *manifest,
                       enum dr_manifest_kind *ret_kind, struct dr_digest *ret_child,
                       struct dr_err *err)
{
    struct dr_bundle_image *image = &fetched->image;
    char digest[DR_DIGEST_TEXT];
    struct dr_descriptor child;

    if (dr_index_choose(manifest->body.data, manifest->body.size, OS, ARCHITECTURE, &child, err) <
        0)
        return -1;
    image->has_source = true;
    image->source = manifest->digest;
    *ret_child = child.digest;
    if (image->reference.has_digest)
        image->reference.digest = child.digest;
    dr_registry_manifest_release(manifest);
    *manifest = (struct dr_registry_manifest)DR_REGISTRY_MANIFEST_INIT;
    return get_manifest(fetched, dr_digest_text(&child.digest, digest), manifest, ret_kind, err);
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

/* "unknown" for what is no word that can be shown. */
static void read_word(const struct dr_raw_object *config, const char *key, char ret[24])
{
    struct dr_raw raw = {.data = NULL};
    json_auto_t *value = NULL;
    const char *text;

    if (dr_raw_find(config, key, &raw, NULL) == 0 && raw.data)
        value = dr_raw_decode(&raw, NULL);
    text = json_string_value(value);
    if (!text || !*text || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")] ||
        dr_text_put(ret, 24, text) < 0)
        dr_text_put(ret, 24, "unknown");
}

/* Configs of other artifacts than images are fine as well: then there is no platform to be read. */
static void read_platform(struct dr_fetched *fetched)
{
    dr_auto_raw_object struct dr_raw_object config = DR_RAW_OBJECT_INIT;
    char os[24];
    char architecture[24];

    if (fetched->config.size > 0)
        dr_raw_object_parse(fetched->config.data, fetched->config.size, &config, NULL);
    read_word(&config, "os", os);
    read_word(&config, "architecture", architecture);
    snprintf(fetched->platform, sizeof fetched->platform, "%s/%s", os, architecture);
    fetched->image.platform = fetched->platform;
}

static void warn(struct dr_fetched *fetched, const struct dr_log *log)
{
    size_t count = dr_image_manifest_warnings(&fetched->image.content, fetched->warnings);
    char name[DR_REFERENCE_TEXT];

    if (fetched->image.conversion)
        fetched->warnings[count++] =
            "the registry has it in Docker's old schema 1 form; it is converted to schema 2 with "
            "the image ID that docker gives it, and so has another digest";
    if (fetched->image.conversion && !fetched->schema1.has_version)
        fetched->warnings[count++] =
            "it does not say which docker made it; for such images docker and skopeo disagree on "
            "the image ID, the bundle has docker's";
    if (strcmp(fetched->platform, OS "/" ARCHITECTURE) != 0) {
        snprintf(fetched->other_platform, sizeof fetched->other_platform,
                 "it is for %s, not for " OS "/" ARCHITECTURE, fetched->platform);
        fetched->warnings[count] = fetched->other_platform;
    }
    fetched->image.warnings = fetched->warnings;
    dr_reference_familiar(&fetched->image.reference, name);
    for (const char *const *text = fetched->warnings; *text; text++)
        dr_log_warn(log, "%s: %s", name, *text);
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
                   const struct dr_log *log, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    const struct dr_descriptor *config = &fetched->image.content.config;
    const struct dr_digest *pinned;
    enum dr_manifest_kind kind;
    struct dr_digest child;

    if (resolve(fetched, past, log, err) < 0 || get_top(fetched, &manifest, &kind, err) < 0)
        return -1;
    pinned = fetched->has_found ? &fetched->found : NULL;
    if (kind == DR_MANIFEST_INDEX) {
        if (follow_list(fetched, &manifest, &kind, &child, err) < 0)
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
    *fetched = (struct dr_fetched){.schema1 = DR_SCHEMA1_INIT};
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
    if (fetched->registry && get_all(fetched, past, sources->log, &why) == 0)
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
    return fetched->registry ? get_all(fetched, past, sources->log, err) : -1;
}

int dr_fetched_get(struct dr_fetched *ret_fetched, struct dr_sources *sources,
                   const struct dr_wanted *wanted, const struct dr_digest *past, struct dr_err *err)
{
    char name[DR_REFERENCE_TEXT];

    begin(ret_fetched, wanted);
    dr_reference_familiar(&wanted->reference, name);
    if (get_anywhere(ret_fetched, sources, wanted, past, err) < 0)
        return dr_err_wrap(err, "image '%s'", name);
    read_platform(ret_fetched);
    warn(ret_fetched, sources->log);
    return 0;
}

void dr_fetched_release(struct dr_fetched *fetched)
{
    dr_buf_release(&fetched->manifest);
    dr_buf_release(&fetched->config);
    dr_schema1_release(&fetched->schema1);
    dr_image_manifest_release(&fetched->image.content);
}

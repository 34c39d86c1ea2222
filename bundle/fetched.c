/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/fetched.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/registry/registry.h"
#include "lib/text.h"

#define OS "linux"
#define ARCHITECTURE "amd64"

static int fail_schema1(struct dr_err *err)
{
    return dr_fail(
        err, DR_ERR_FORMAT,
        "the registry has it in Docker's old schema 1 form, which this version of drover "
        "cannot carry; pull it with docker and push it to a registry of your own, then "
        "bundle it --from there");
}

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
                       enum dr_manifest_kind *ret_kind, struct dr_err *err)
{
    struct dr_bundle_image *image = &fetched->image;
    char digest[DR_DIGEST_TEXT];
    struct dr_descriptor child;

    if (dr_index_choose(manifest->body.data, manifest->body.size, OS, ARCHITECTURE, &child, err) <
        0)
        return -1;
    image->has_source = true;
    image->source = manifest->digest;
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

static const char *plain(const json_t *config, const char *key)
{
    const char *text = dr_json_string_or(config, key, "unknown");
    bool is_plain =
        *text && strlen(text) < 24 && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")];

    return is_plain ? text : "unknown";
}

/* Configs of other artifacts than images are fine as well: then there is no platform to be read. */
static void read_platform(struct dr_fetched *fetched)
{
    json_auto_t *config = dr_json_parse(fetched->config.data, fetched->config.size, "config", NULL);

    snprintf(fetched->platform, sizeof fetched->platform, "%s/%s", plain(config, "os"),
             plain(config, "architecture"));
    fetched->image.platform = fetched->platform;
}

static void warn(struct dr_fetched *fetched, const struct dr_log *log)
{
    size_t count = dr_image_manifest_warnings(&fetched->image.content, fetched->warnings);
    char name[DR_REFERENCE_TEXT];

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

static int get_all(struct dr_fetched *fetched, struct dr_sources *sources, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    const struct dr_reference *reference = &fetched->image.reference;
    const struct dr_descriptor *config = &fetched->image.content.config;
    char digest[DR_DIGEST_TEXT];
    enum dr_manifest_kind kind;

    fetched->registry = dr_sources_find(sources, reference, fetched->repository, err);
    if (!fetched->registry ||
        get_manifest(fetched,
                     reference->has_digest ? dr_digest_text(&reference->digest, digest)
                                           : reference->tag,
                     &manifest, &kind, err) < 0)
        return -1;
    if (kind == DR_MANIFEST_INDEX && follow_list(fetched, &manifest, &kind, err) < 0)
        return -1;
    if (kind == DR_MANIFEST_SCHEMA1)
        return fail_schema1(err);
    if (take_manifest(fetched, &manifest, err) < 0)
        return -1;
    return dr_registry_get_blob(fetched->registry, fetched->repository, &config->digest,
                                config->size, &fetched->config, err);
}

int dr_fetched_get(struct dr_fetched *ret_fetched, struct dr_sources *sources,
                   const struct dr_wanted *wanted, struct dr_err *err)
{
    char name[DR_REFERENCE_TEXT];

    ret_fetched->image.reference = wanted->reference;
    ret_fetched->image.role = wanted->role;
    ret_fetched->manifest.max = ret_fetched->config.max = DR_MANIFEST_MAX;
    dr_reference_familiar(&wanted->reference, name);
    if (get_all(ret_fetched, sources, err) < 0)
        return dr_err_wrap(err, "image '%s'", name);
    read_platform(ret_fetched);
    warn(ret_fetched, sources->log);
    return 0;
}

void dr_fetched_release(struct dr_fetched *fetched)
{
    dr_buf_release(&fetched->manifest);
    dr_buf_release(&fetched->config);
    dr_image_manifest_release(&fetched->image.content);
}

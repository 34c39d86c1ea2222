/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/audit/audit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stop.h"
#include "lib/text.h"

struct audit_run {
    struct dr_registry *registry;
    const struct dr_bundle *bundle;
    struct dr_audit audit;
};

void dr_audit_release(struct dr_audit *audit)
{
    for (size_t i = 0; i < audit->gap_count; i++)
        free(audit->gaps[i].text);
    free(audit->gaps);
    *audit = (struct dr_audit)DR_AUDIT_INIT;
}

/* Takes `text`. */
static int add_gap(struct dr_audit *audit, enum dr_audit_kind kind,
                   const struct dr_reference *target, const struct dr_digest *digest, char *text,
                   struct dr_err *err)
{
    struct dr_audit_gap *more;

    if (!text)
        return -1;
    more = reallocarray(audit->gaps, audit->gap_count + 1, sizeof *more);
    if (!more) {
        free(text);
        return dr_fail_memory(err);
    }
    audit->gaps = more;
    audit->gaps[audit->gap_count++] =
        (struct dr_audit_gap){.kind = kind, .target = *target, .digest = *digest, .text = text};
    return 0;
}

/* What `reference` of the target's repository serves is the manifest of the image, bit for bit. */
static int compare(struct dr_registry *registry, const struct dr_bundle *bundle,
                   const struct dr_bundle_image *image, const char *repository,
                   const char *reference, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest served = DR_REGISTRY_MANIFEST_INIT;
    dr_auto_buf struct dr_buf own = DR_BUF_INIT(DR_MANIFEST_MAX);

    if (dr_bundle_blob_load(bundle, &image->manifest.digest, &own, err) < 0)
        return -1;
    if (dr_registry_get_manifest(registry, repository, reference, &served, err) < 0) {
        /* DR_ERR_VERIFY would tell the operator that the bundle is bad. */
        if (err && err->code == DR_ERR_VERIFY)
            err->code = DR_ERR_PROOF;
        return -1;
    }
    if (served.body.size != own.size || memcmp(served.body.data, own.data, own.size) != 0)
        return dr_fail(err, DR_ERR_PROOF, "it is not the one of the bundle");
    if (strcmp(served.media_type, image->manifest.media_type) != 0)
        return dr_fail(err, DR_ERR_PROOF, "it is served as '%s', but is '%s'", served.media_type,
                       image->manifest.media_type);
    return 0;
}

int dr_audit_manifest(struct dr_registry *registry, const struct dr_bundle *bundle,
                      const struct dr_bundle_image *image, const struct dr_reference *target,
                      struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];

    if (compare(registry, bundle, image, target->repository,
                *target->tag ? target->tag : dr_digest_text(&image->manifest.digest, digest),
                err) == 0)
        return 0;
    return dr_err_wrap(err, "read back %s", dr_reference_text(target, name));
}

/* Not there, or there but other than it should be: a gap. Everything else is a failure to ask. */
static bool is_gap(const struct dr_err *why)
{
    return why->code == DR_ERR_ABSENT || why->code == DR_ERR_PROOF;
}

static int check_manifest(struct audit_run *run, const struct dr_bundle_image *image,
                          const struct dr_reference *target, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];

    dr_digest_text(&image->manifest.digest, digest);
    if (compare(run->registry, run->bundle, image, target->repository, digest, &why) == 0)
        return 0;
    if (!is_gap(&why)) {
        if (err)
            *err = why;
        return -1;
    }
    dr_reference_text(target, name);
    return add_gap(&run->audit, DR_AUDIT_MANIFEST, target, &image->manifest.digest,
                   why.code == DR_ERR_ABSENT
                       ? dr_text_format(err, "%s: manifest %s is missing", name, digest)
                       : dr_text_format(err, "%s: manifest %s: %s", name, digest, why.text),
                   err);
}

static int check_tag(struct audit_run *run, const struct dr_bundle_image *image,
                     const struct dr_reference *target, struct dr_err *err)
{
    char name[DR_REFERENCE_TEXT];
    char is[DR_DIGEST_TEXT];
    char should[DR_DIGEST_TEXT];
    struct dr_digest digest;
    bool there;

    if (!*target->tag)
        return 0;
    if (dr_registry_head_manifest(run->registry, target->repository, target->tag, &there, &digest,
                                  err) < 0)
        return -1;
    if (there && dr_digest_equal(&digest, &image->manifest.digest))
        return 0;
    dr_reference_text(target, name);
    dr_digest_text(&image->manifest.digest, should);
    return add_gap(&run->audit, DR_AUDIT_TAG, target, &image->manifest.digest,
                   there ? dr_text_format(err, "%s names another image: %s instead of %s", name,
                                          dr_digest_text(&digest, is), should)
                         : dr_text_format(err, "%s is missing", name),
                   err);
}

static int check_blob(struct audit_run *run, enum dr_audit_kind kind,
                      const struct dr_descriptor *blob, const struct dr_reference *target,
                      struct dr_err *err)
{
    const char *word = kind == DR_AUDIT_CONFIG ? "config" : "layer";
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];
    char *text;
    uint64_t size;
    bool there;

    if (dr_stop_check(err, "auditing a registry") < 0 ||
        dr_registry_head_blob(run->registry, target->repository, &blob->digest, &there, &size,
                              err) < 0)
        return -1;
    run->audit.blobs++;
    run->audit.bytes += blob->size;
    if (there && (size == blob->size || size == UINT64_MAX))
        return 0;
    dr_reference_text(target, name);
    dr_digest_text(&blob->digest, digest);
    if (there)
        text = dr_text_format(err, "%s: %s %s has %" PRIu64 " bytes instead of %" PRIu64, name,
                              word, digest, size, blob->size);
    else
        text = dr_text_format(err, "%s: %s %s (%" PRIu64 " bytes) is missing", name, word, digest,
                              blob->size);
    return add_gap(&run->audit, kind, target, &blob->digest, text, err);
}

/* A layer can come several times in an image. */
static bool seen_before(const struct dr_bundle_image *image, size_t layer)
{
    for (size_t i = 0; i < layer; i++) {
        if (dr_digest_equal(&image->content.layers[i].digest, &image->content.layers[layer].digest))
            return true;
    }
    return false;
}

static int check_image(struct audit_run *run, const struct dr_bundle_image *image,
                       const struct dr_reference *target, struct dr_err *err)
{
    run->audit.images++;
    if (check_tag(run, image, target, err) < 0 || check_manifest(run, image, target, err) < 0 ||
        check_blob(run, DR_AUDIT_CONFIG, &image->content.config, target, err) < 0)
        return -1;
    for (size_t i = 0; i < image->content.layer_count; i++) {
        if (!seen_before(image, i) &&
            check_blob(run, DR_AUDIT_LAYER, &image->content.layers[i], target, err) < 0)
            return -1;
    }
    return 0;
}

int dr_audit_bundle(struct dr_registry *registry, const struct dr_bundle *bundle,
                    const char *prefix, struct dr_audit *ret_audit, struct dr_err *err)
{
    struct audit_run run = {.registry = registry, .bundle = bundle};
    const struct dr_bundle_image *images;
    size_t count;

    images = dr_bundle_images(bundle, &count);
    for (size_t i = 0; i < count; i++) {
        struct dr_reference target;

        if (dr_reference_move(&images[i].reference, dr_registry_host(registry), prefix, &target,
                              err) < 0 ||
            check_image(&run, &images[i], &target, err) < 0) {
            dr_audit_release(&run.audit);
            return -1;
        }
    }
    dr_audit_release(ret_audit);
    *ret_audit = run.audit;
    return 0;
}

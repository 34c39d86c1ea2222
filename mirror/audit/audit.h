/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_AUDIT_AUDIT_H
#define DROVER_MIRROR_AUDIT_AUDIT_H

/*
 * Is all of a bundle in a registry, under the right names? Every manifest (of a list, those below it
 * too) is fetched by digest and its bytes compared, every tag must name that manifest, every config and layer must be there with
 * its size. Blobs are asked for (HEAD), not downloaded: that their bytes are right is the registry's
 * word, given when it took them. A deep audit downloads every one from every repository that needs it
 * and hashes it. Nothing is written.
 *
 *     dr_auto_audit struct dr_audit audit = DR_AUDIT_INIT;
 *     if (dr_audit_bundle(registry, bundle, &destination, false, log, &audit, err) < 0) ...
 *         it could not be asked
 *     for (size_t i = 0; i < audit.gap_count; i++)
 *         dr_log_warn(log, "%s", audit.gaps[i].text);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"
#include "mirror/audit/destination.h"

enum dr_audit_kind {
    DR_AUDIT_TAG,
    DR_AUDIT_MANIFEST,
    DR_AUDIT_CONFIG,
    DR_AUDIT_LAYER,
};

struct dr_audit_gap {
    enum dr_audit_kind kind;
    bool damaged; /* it is there, but is not what its digest says: mirror can't mend that */
    size_t image; /* which of the bundle's lacks it */
    struct dr_reference target; /* that image, as the registry should have it */
    struct dr_digest digest;    /* of what is missing; of the manifest that a tag should name */
    char *text;                 /* one line for people; owned */
};

struct dr_audit {
    struct dr_audit_gap *gaps; /* in the bundle's order of images */
    size_t gap_count;
    size_t damaged; /* so many of them are */
    size_t images;  /* looked at */
    size_t blobs;   /* configs and layers asked for, each once per image */
    uint64_t bytes; /* of these blobs */
    uint64_t read;  /* bytes downloaded and hashed by a deep audit */
};

#define DR_AUDIT_INIT                                                                              \
    {                                                                                              \
        .gaps = NULL                                                                               \
    }

void dr_audit_release(struct dr_audit *audit);
#define dr_auto_audit __attribute__((cleanup(dr_audit_release)))

/* 0 when everything could be asked, gaps or not; -1 when the registry could not be reached or
 * refuses. */
int dr_audit_bundle(struct dr_registry *registry, const struct dr_bundle *bundle,
                    const struct dr_destination *destination, bool deep, const struct dr_log *log,
                    struct dr_audit *ret_audit, struct dr_err *err);

/* Fetches the manifest of one image, by its tag or (without tag) its digest, and of a list all below
 * it, and compares them with the bundle's byte for byte: 0 the same; DR_ERR_ABSENT, DR_ERR_PROOF
 * otherwise. */
int dr_audit_manifest(struct dr_registry *registry, const struct dr_bundle *bundle,
                      const struct dr_bundle_image *image, const struct dr_reference *target,
                      struct dr_err *err);

#endif

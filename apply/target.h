/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_TARGET_H
#define DROVER_APPLY_TARGET_H

/*
 * What an upgrade leads to: the release of a bundle, every byte of it verified, with its images under the names that
 * the private registry gives them. A plain JSON object, kept in the journal:
 *
 *     {"bundle": path, "bundle_id": "sha256:…", "key": "0123…", "release": "v1.0.2", "registry": "reg:5000/prefix",
 *      "server": "reg:5000/prefix/rancher/server:v1.0.2", "agent": …, "agent_instance": …,
 *      "ids": ["sha256:…"]     what an engine may call the server's image: its config, manifest or list
 *      "layers": ["sha256:…"], the server image's diff ids
 *      "config": {…}}          what it sets in a container (Env, Cmd, …)
 */

#include <jansson.h>
#include <stdbool.h>

#include "apply/apply.h"

/* Verifies the bundle and reads it. New reference; a bundle without a release and its three images is
 * DR_ERR_REFUSED. */
json_t *dr_target_read(const struct dr_apply_options *options, struct dr_bundle **ret_bundle,
                       struct dr_err *err);

/* Is all of it in the registry? What is missing is warned of line by line; then DR_ERR_ABSENT. */
int dr_target_audit(const struct dr_apply_options *options, const struct dr_bundle *bundle,
                    struct dr_err *err);

/* A field, borrowed. */
const char *dr_target_text(const json_t *target, const char *key);

/* Do both lead to the same: bundle, registry, and names there? */
bool dr_target_is_same(const json_t *target, const json_t *other);

/* Is this inspected image the bundle's server image, by id and by layers? 0, or DR_ERR_PROOF. */
int dr_target_check_image(const json_t *target, const json_t *image, struct dr_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SURVEY_H
#define DROVER_MIRROR_SURVEY_H

/*
 * What of a plan a registry has already, asked before anything is read or sent: a HEAD for each blob in
 * each repository, each manifest and each tag, many at once. That a manifest is there does not prove
 * that its blobs are: registries that collect garbage, copy repositories or lose a disk have been seen
 * to keep one without the others, so each blob is asked for by itself.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/registry/registry.h"
#include "mirror/plan.h"

/* Marks manifests and tags that are as they should be, and takes the blobs that are there out of the
 * plan; what is left of `first` and `more` is missing, and `bytes` is theirs. A blob of `first` that
 * another repository has is to be mounted from there. `ret_present`: so many blobs are there. One that
 * is there in another size is DR_ERR_PROOF. */
int dr_mirror_survey(struct dr_registry *registry, struct dr_mirror_plan *plan, size_t *ret_present,
                     struct dr_err *err);

/* Asks for the tags again: others may have moved them meanwhile. `ret_looks` has one entry per image,
 * to be freed; those without a tag have no `manifest`. */
int dr_mirror_survey_tags(struct dr_registry *registry, struct dr_mirror_plan *plan,
                          struct dr_registry_look **ret_looks, struct dr_err *err);

#endif

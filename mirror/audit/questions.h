/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_AUDIT_QUESTIONS_H
#define DROVER_MIRROR_AUDIT_QUESTIONS_H

/*
 * What an audit asks a registry: for each image its tag, its manifest (of a list, those below it too), the configs and
 * each layer once.
 * One HEAD answers all questions about one blob in one repository.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"
#include "mirror/audit/audit.h"

struct dr_question {
    enum dr_audit_kind kind;
    size_t image;                       /* whose it is */
    const struct dr_descriptor *wanted; /* what should be there; borrowed from the bundle */
    size_t look; /* which of `looks` answers it; of a manifest, which is fetched, none does */
    bool first;  /* of the questions with that look */
    bool good;   /* who asked: it is there, as far as a HEAD tells */
};

struct dr_questions {
    struct dr_reference *targets; /* of each image of the bundle */
    struct dr_question *all;      /* in the bundle's order */
    size_t count;
    struct dr_registry_look *looks;
    size_t look_count;
};

/* The questions borrow from the bundle; released also after a failure. */
int dr_questions_make(const struct dr_bundle *bundle, const struct dr_destination *destination,
                      struct dr_questions *ret_questions, struct dr_err *err);
void dr_questions_release(struct dr_questions *questions);

/* Fills the looks. */
int dr_questions_ask(struct dr_questions *questions, struct dr_registry *registry,
                     struct dr_err *err);

/* The image that a question is about, as the registry should have it. Borrowed. */
const struct dr_reference *dr_questions_target(const struct dr_questions *questions,
                                               const struct dr_question *question);

#endif

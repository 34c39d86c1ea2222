/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_FINDINGS_H
#define DROVER_APPLY_FINDINGS_H

/*
 * What `drover doctor` has found: a list of {"check", "result": "ok"|"warning"|"problem", "text"}. A problem is what
 * `drover apply` would refuse or fail at; its text says what to do, as every error of drover does.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/err.h"

enum dr_finding {
    DR_FINDING_OK,
    DR_FINDING_WARNING,
    DR_FINDING_PROBLEM,
};

/* -1 only when memory is out. */
int dr_findings_add(json_t *findings, enum dr_finding result, const char *check, struct dr_err *err,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A failure as a problem, and its reason with it; a wish to stop is none: -1, handed on in `err`. */
int dr_findings_fail(json_t *findings, const char *check, const struct dr_err *why,
                     struct dr_err *err);

size_t dr_findings_count(const json_t *findings, enum dr_finding result);

/* A table for people, or {"findings", "problems", "warnings"}. */
int dr_findings_print(FILE *out, json_t *findings, bool json, struct dr_err *err);

#endif

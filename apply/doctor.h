/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_DOCTOR_H
#define DROVER_APPLY_DOCTOR_H

/*
 * `drover doctor`: is this host ready for `drover apply`? Each thing is looked at by itself, so that one defect does not
 * hide the others; in the end, with a bundle and no problem so far, everything is looked at as apply does it
 * (apply/look.h). Changes nothing and writes nothing.
 */

#include <jansson.h>

#include "apply/apply.h"

/* Findings (apply/findings.h) are appended. `options->bundle` and `options->registry` may be NULL; without
 * `options->trust` a bundle is not opened (whoever found no trust has told so). A bundle needs a registry. 0 whatever is
 * found; -1 when stopped or out of memory. */
int dr_doctor(const struct dr_apply_options *options, json_t *findings, struct dr_err *err);

#endif

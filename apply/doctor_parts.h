/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_DOCTOR_PARTS_H
#define DROVER_APPLY_DOCTOR_PARTS_H

/* For apply/doctor*.c only: what one visit knows so far, and its parts. Each adds findings; -1 only when stopped or out of
 * memory. */

#include "apply/doctor.h"
#include "apply/findings.h"
#include "apply/server/find.h"
#include "bundle/file/reader.h"
#include "lib/engine/engine.h"

struct dr_visit {
    const struct dr_apply_options *options;
    json_t *findings;
    struct dr_engine *engine; /* NULL: not reached */
    struct dr_server found;   /* inspect NULL: none that can be upgraded */
    struct dr_bundle *bundle; /* NULL: none, or not to be used */
    json_t *target;           /* apply/target.h; NULL likewise */
};

int dr_visit_rancher(struct dr_visit *visit, struct dr_err *err);

#endif

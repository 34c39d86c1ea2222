/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_ONLY_H
#define DROVER_APPLY_ONLY_H

/*
 * Parts of the Rancher half by themselves (drover apply --only): for those who upgraded the server by other means, and to
 * finish hosts that were away. No engine and no container is looked at; the server must already be the bundle's release
 * and tell hosts to run its images. Journal, plan, question, report and resuming are those of an upgrade.
 */

#include "apply/apply.h"
#include "apply/step.h"

enum dr_only {
    DR_ONLY_AGENTS = 1,    /* wait until all hosts are back and stay */
    DR_ONLY_NETWORK = 2,   /* network agents; images are pulled on every host first */
    DR_ONLY_BALANCERS = 4, /* load balancers; likewise */
    DR_ONLY_VERIFY = 8,    /* the proof; follows the others in any case */
};

/* "agents", "network-agents", "load-balancers", "verify", several with commas between. DR_ERR_USAGE with what there is. */
int dr_only_parse(const char *text, unsigned *ret_parts, struct dr_err *err);

/* The same words for `parts`, with commas between. */
#define DR_ONLY_WORDS 64
void dr_only_words(unsigned parts, char ret[DR_ONLY_WORDS]);

/* The steps of `parts`, ended by one with a NULL name. */
#define DR_ONLY_STEPS 7
void dr_only_steps(unsigned parts, struct dr_step ret[DR_ONLY_STEPS]);

/* options->only is not 0. */
int dr_only(const struct dr_apply_options *options, struct dr_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_KEYS_H
#define DROVER_APPLY_RANCHER_KEYS_H

/*
 * Several API keys, since the page of Rancher 1.0 makes keys of single environments only: a file
 * with one ACCESS:SECRET per line; empty lines and lines that begin with '#' do not count. For the
 * modules of this folder only. Which key opens which environment is found out once, by asking with
 * each (dr_rancher_probe()); requests below /projects/ID then carry that environment's key, all
 * others the first one's. An admin's key among them is used alone.
 */

#include <jansson.h>

#include "apply/rancher/rancher.h"

/* Reads the file: [{"access": ..., "authorization": "Authorization: Basic ..."}]. A file that others
 * may read is DR_ERR_REFUSED, a line that is no key DR_ERR_FORMAT. New reference. */
json_t *dr_keys_read(const char *path, struct dr_err *err);

/* "Authorization: Basic ..."; owned. */
char *dr_keys_header(const char *access, const char *secret, struct dr_err *err);

/* The header for a request to `url`, borrowed; NULL: none. */
const char *dr_keys_choose(const struct dr_rancher *rancher, const char *url);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_REMAKE_H
#define DROVER_BUNDLE_REMAKE_H

/*
 * `drover bundle --remake N --like VOLUME`: one volume of a set again, without the others. Any volume of the set tells
 * what the bundle is (a damaged one as well, as long as its label and its frame are good); the layers that touch the
 * slice are fetched again by their digests. What comes out differs from the lost volume in the signature of its label
 * and in nothing else.
 */

#include "bundle/bundle.h"
#include "lib/err.h"
#include "lib/log.h"

/* `options` has remake, like, output and key; base_keys are whom else's signatures are believed. Of a layer that is only
 * in part in the slice all of it is fetched, since only all of it has a digest. DR_ERR_ABSENT: a layer, or a program, is
 * not to be had any more. */
int dr_remake_run(const struct dr_bundle_options *options, const struct dr_log *log,
                  struct dr_err *err);

#endif

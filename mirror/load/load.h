/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_LOAD_LOAD_H
#define DROVER_MIRROR_LOAD_LOAD_H

/*
 * `drover load`: the images of a bundle into a Docker engine, where there is no registry. The whole bundle is verified
 * first; what the engine has already, by identity and name, is not sent; the rest goes in one load call
 * (mirror/load/send.h), and every image is compared afterwards. A bundle from a pipe is verified while it goes through,
 * and the engine does not get the end of it before all was good (mirror/load/relay.h).
 *
 * Results on stdout: one line per name, "NAME  IMAGE-ID  RESULT", or one JSON object. Results are "present" (it was there
 * as it should be), "tagged" (the image was there, the name is new) and "loaded"; with `dry_run` "to tag" and "to load".
 */

#include <stdbool.h>

#include "bundle/file/reader.h"
#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_load_options {
    const char *bundle; /* path; "-": stdin */
    const struct dr_bundle_trust *trust;
    const char *registry;    /* HOST[:PORT][/PREFIX], whose names the images get too; NULL: none */
    const char *const *maps; /* as of mirror/audit/destination.h */
    size_t map_count;
    struct dr_engine_options engine;
    bool dry_run; /* verify and look, change nothing */
    bool json;
};

/* DR_ERR_VERIFY: the bundle is not what was signed, nothing was loaded. DR_ERR_ENGINE: the engine refused; what it took of
 * the images before stays and is complete. DR_ERR_PROOF: what it made is not what was sent. */
int dr_load_run(const struct dr_load_options *options, const struct dr_log *log,
                struct dr_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_APPLY_H
#define DROVER_APPLY_APPLY_H

/*
 * Stage 3: from a verified bundle and a registry that holds it to an upgraded Rancher.
 *
 *   look       bundle verified whole; registry audited; engine, server container, Rancher and all that it runs
 *              (apply/target.h, apply/look.h); everything not understood is refused here, before any change
 *   plan       shown, confirmed, written into the journal (apply/plan.h, apply/journal.h)
 *   steps      one table (apply/steps.h), each step checked, done, proved and recorded (apply/step.h); a run that
 *              was cut off goes on with the journal that it left
 *   undo       a step that fails before the new server was ever started: the old one is put back as it was
 *              (apply/undo.h)
 *   report     before and after, as text, JSON or a page (apply/ending.h)
 */

#include <stdbool.h>
#include <stdint.h>

#include "apply/rancher/rancher.h"
#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"

#define DR_APPLY_STATE_DIR "/var/lib/drover"

struct dr_apply_options {
    const char *bundle; /* path */
    const struct dr_bundle_trust *trust;
    const char *registry;    /* HOST[:PORT][/PREFIX], as the hosts will pull from it */
    const char *const *maps; /* --map, as mirror had them: mirror/audit/destination.h */
    size_t map_count;
    const char *registry_ca; /* --ca-cert; NULL: none */
    bool registry_insecure;  /* --insecure-registry named its host */
    const char *container;   /* the server's name or id; NULL: look for it */
    const char *rancher_url; /* NULL: the container's published port on this machine */
    const char *rancher_ca;
    const char *access_key; /* NULL: access control is off */
    const char *secret_key;
    const char *rancher_keys; /* file with several keys; NULL: none */
    struct dr_rancher_wishes wishes;
    const char *report; /* --report: where the page goes, absolute; NULL: nowhere */
    unsigned only;      /* of apply/only.h; 0: the whole upgrade */
    const char *state_dir;
    const char *backup_dir;       /* NULL: <state_dir>/backups */
    const char *backup_confirmed; /* the operator's word on an external database's dump */
    const char *bind_folder;      /* --to-bind-mount: where the database moves to; NULL: nowhere */
    double settle_seconds;
    bool load;             /* --load: the server's image comes from the bundle, apply/load.h */
    bool clear_lock;       /* --clear-lock: apply/unlock.h */
    uint64_t keep_backups; /* --keep-backups: 0: all */
    bool dry_run;
    bool yes;
    bool json;
    const struct dr_log *log;
};

/* Returns 0 when Rancher is upgraded and proved, when there was nothing to do, and after a dry run. */
int dr_apply(const struct dr_apply_options *options, struct dr_err *err);

#endif

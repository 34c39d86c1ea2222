/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_DAMAGE_H
#define DROVER_BUNDLE_FILE_DAMAGE_H

/*
 * Which bytes of which volume are damaged, by the tables of hashes that volumes carry, and whose bytes these are: so it
 * is known what has to be brought again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/layout.h"
#include "bundle/file/reader.h"
#include "bundle/file/volumes.h"
#include "lib/err.h"
#include "lib/log.h"

/* Neighbouring chunks are one range; of more ranges than fit only the bytes are counted. */
#define DR_DAMAGE_RANGES 32

struct dr_damage {
    struct {
        uint64_t begin; /* bytes of the volume's slice */
        uint64_t end;
    } ranges[DR_DAMAGE_RANGES];
    size_t count;
    uint64_t bytes;
    bool table;        /* its table of hashes is damaged, so nothing is known of the slice */
    bool frame;        /* its copy of the bundle's frame is damaged */
    struct dr_err why; /* of `table` and `frame` */
};

static inline bool dr_damage_is_none(const struct dr_damage *damage)
{
    return damage->count == 0 && !damage->table && !damage->frame;
}

/* All of a volume that is here, by itself: every byte of its file. `progress` (may be NULL) gets the slice's bytes. -1
 * only when it was stopped, or without memory. */
int dr_damage_check(const struct dr_volumes *volumes, uint64_t number, struct dr_damage *ret_damage,
                    struct dr_progress *progress, struct dr_err *err);

/* What of a volume the layers' own hashes do not cover: the copy of the frame, the frame itself, the table. */
int dr_damage_check_rest(const struct dr_volumes *volumes, uint64_t number,
                         struct dr_damage *ret_damage, struct dr_err *err);

/* "bytes 65536 to 131072, where sha256:... of rancher/server:v1.0.2 is"; `from` and `to` are bytes of the bundle for the
 * second part, and `begin` is where its volume begins in it. Returns `ret`. */
#define DR_DAMAGE_TEXT 512
const char *dr_damage_text(const struct dr_bundle *bundle, uint64_t begin, uint64_t from,
                           uint64_t to, char ret[DR_DAMAGE_TEXT]);

/* Fills `err` with where `member`, whose content is not what the list says, is damaged, as far as its volumes are here,
 * and what to bring. DR_ERR_VERIFY. */
int dr_damage_explain(const struct dr_bundle *bundle, const struct dr_member *member,
                      struct dr_err *err);

/* The same of one volume that is here, as far as it has a part of `member`. 0: that is good. */
int dr_damage_look(const struct dr_bundle *bundle, const struct dr_member *member, uint64_t number,
                   struct dr_err *err);

/* What to do about a damaged volume, appended to `err`. */
int dr_damage_advise(uint64_t number, struct dr_err *err);

#endif

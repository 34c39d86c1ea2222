/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RECORD_H
#define DROVER_APPLY_RECORD_H

/*
 * What was found, done and proved, as one JSON document: made once out of the journal's document, and shown in three
 * ways, as text (apply/report.h), as JSON (the same header) and as a page (apply/page.h). Nothing is in one of them that
 * is not in here. Neither the old container's environment nor Rancher's inventory are, which the journal has.
 *
 *     {"outcome": "planned", "nothing to do", "not begun", "unfinished", "stopped", "failed", "undone", "finished" (--only),
 *                 "upgraded", "rolled back"
 *      "headline": the same for people, "ok": true, false, or null where nothing is claimed
 *      "failure": {"text", "status": exit status} or null
 *      "from", "to", "registry", "bundle", "key", "rancher": its address, "access", "started", "ended", "seconds", "journal"
 *      "server": {"container", "needed", "before", "after": images, "database", "sides", "down": apply/timeline.h}
 *      "counts": {"before", "after"} of apply/rancher/inventory.h
 *      "plan", "notes", "steps", "backup", "dbdump", "report": as the journal has them, where there are any
 *      "timeline": apply/timeline.h
 *      "network_agents": [{"environment", "host", "before", "after", "away": seconds, "at_most", "trigger", "old": seconds
 *                          that the old one was under the new server}]
 *      "instances": [{"environment", "service", "name", "from", "to", "moved", "before", "after", "away", "at_most",
 *                     "serving": others that were well, "old"}]
 *      "balancers": [{"environment", "service", "replaced", "longest", "at_most", "dark": seconds without any instance}]
 *      "pinned": [{"environment", "service", "way", "before", "after", "away", "at_most", "old"}]
 *      "window": {"from", "longest": seconds, "who"} of all "old" above, or null
 *      "images": [{"what", "before", "after"}], "settings": [{"name", "before", "after", "source"}]
 *      "changed": ["..."], "left_out": [{"object", "why"}], "unseen": ["..."]
 *      "proof": {"good", "all", "failed": ["..."]} or null
 *      "restore": ["command"], "checks": [{"command", "expect"}]}
 *
 * "away" and "dark" are null while it is not back; "before" and "after" of servers and images are references.
 */

#include <jansson.h>

#include "lib/err.h"

struct dr_record_source {
    const json_t *state; /* the journal's document, or as much of it as there is */
    const char *outcome;
    const char *journal;          /* path of it; NULL: there is none */
    const struct dr_err *failure; /* NULL: none */
};

/* New reference; NULL on failure. */
json_t *dr_record_make(const struct dr_record_source *source, struct dr_err *err);

/* A span of seconds of a row, for people: "7.1s", "at most 1m05s" with "at_most", "not back" for null. */
void dr_record_span(const json_t *row, const char *key, char ret[32]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_AUDIT_DESTINATION_H
#define DROVER_MIRROR_AUDIT_DESTINATION_H

/*
 * Where the images of a bundle lie in a private registry. mirror writes there, audit looks there and
 * apply tells the hosts to pull from there: all three ask here, so they cannot disagree.
 *
 * HOST[:PORT][/PREFIX] puts every image below the prefix under its own path: docker.io/rancher/server:v1
 * in reg:5000/x is reg:5000/x/rancher/server:v1. A map OLD=NEW gives another path to the images whose
 * name is OLD or begins with "OLD/":
 *
 *     rancher=infra/rancher       docker.io/rancher/server:v1  ->  reg:5000/x/infra/rancher/server:v1
 *     quay.io=quay                quay.io/team/app:2           ->  reg:5000/x/quay/team/app:2
 *     docker.io/library=          docker.io/library/busybox:1  ->  reg:5000/x/busybox:1
 *     nginx=web/nginx             docker.io/library/nginx:1    ->  reg:5000/x/web/nginx:1
 *
 * OLD without a host is of docker.io, as everywhere; NEW is a path below the prefix, and may be
 * nothing. Tags and digests stay. Of several maps that fit, the longest OLD counts, whatever their
 * order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"

/* How to get there, as options say it. Borrowed. */
struct dr_destination_options {
    const char *const *maps; /* --map: "OLD=NEW" */
    size_t map_count;
    const char *ca_file;         /* --ca-cert; NULL: none */
    const char *const *insecure; /* hosts that may be plain HTTP or unverified TLS */
    size_t insecure_count;
    uint64_t rate; /* bytes per second; 0: no limit */
};

struct dr_map {
    char host[256];
    char path[256]; /* "": all of the host */
    char to[256];
    const char *text; /* "OLD=NEW", borrowed from the options */
};

struct dr_destination {
    char host[256];
    char prefix[256]; /* "" or "a/b" */
    struct dr_map *maps;
    size_t map_count;
};

#define DR_DESTINATION_INIT                                                                        \
    {                                                                                              \
        .maps = NULL                                                                               \
    }

/* `registry` is HOST[:PORT][/PREFIX]. DR_ERR_USAGE: it is not, a map is malformed, or two maps have
 * one OLD. */
int dr_destination_read(const char *registry, const char *const *maps, size_t map_count,
                        struct dr_destination *ret_destination, struct dr_err *err);
void dr_destination_release(struct dr_destination *destination);
#define dr_auto_destination __attribute__((cleanup(dr_destination_release)))

/* Where that image goes. DR_ERR_USAGE: a name that is too long, or nothing is left of it. */
int dr_destination_place(const struct dr_destination *destination, const struct dr_reference *from,
                         struct dr_reference *ret_reference, struct dr_err *err);

/* Warns of maps that fit no image of the bundle: a slip of the pen, more often than not. */
void dr_destination_warn(const struct dr_destination *destination, const struct dr_bundle *bundle,
                         const struct dr_log *log);

/* A client of that registry; nothing is sent yet. NULL on failure. */
struct dr_registry *dr_destination_connect(const struct dr_destination *destination,
                                           const struct dr_destination_options *options,
                                           const struct dr_log *log, struct dr_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_SERVE_H
#define DROVER_MIRROR_SERVE_SERVE_H

/*
 * `drover serve`: a bundle as a registry that can only be read (OCI distribution-spec 1.1, pull), straight out of the
 * verified file. Nothing is unpacked or copied; without TLS the kernel sends the layers from the file.
 *
 *     struct dr_serve *serve = dr_serve_new(&options, log, err);      all verified, and listening
 *     dr_serve_announce(serve, json, err);
 *     dr_serve_run(serve, err);                                       until SIGINT or SIGTERM
 *     dr_serve_free(serve);
 *
 * Once listening, every byte of the file was verified. That it stays so is watched by its size and time of change; when
 * these change, nothing more is sent and dr_serve_run() ends with DR_ERR_VERIFY. Clients compare digests in any case.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"

#define DR_SERVE_ADDRESS "127.0.0.1:5000"
#define DR_SERVE_TIMEOUT 30
#define DR_SERVE_CONNECTIONS 512

struct dr_serve_options {
    const char *bundle; /* path */
    const struct dr_bundle_trust *trust;
    const char *listen;     /* mirror/serve/address.h */
    const char *cert_file;  /* PEM; NULL: plain HTTP */
    const char *key_file;   /* NULL without cert_file */
    const char *htpasswd;   /* NULL: everybody may pull */
    size_t timeout;         /* seconds that a client may be silent */
    size_t max_connections; /* more wait until there is room */
};

struct dr_serve;

/* DR_ERR_VERIFY: the bundle is not what was signed; DR_ERR_REFUSED: the address cannot be had. Borrows `log`; not the
 * trust. NULL on failure. */
struct dr_serve *dr_serve_new(const struct dr_serve_options *options, const struct dr_log *log,
                              struct dr_err *err);
void dr_serve_free(struct dr_serve *serve);

/* Of the libevent that it runs with: "2.1.12-stable". */
const char *dr_serve_libevent_version(void);

/* Says on stdout what can be pulled from where: a line per image, "NAME  DIGEST", or one line of JSON. */
int dr_serve_announce(const struct dr_serve *serve, bool json, struct dr_err *err);

/* Answers until a stop is wanted, and then for as long as running transfers need, at most 10 seconds. */
int dr_serve_run(struct dr_serve *serve, struct dr_err *err);

#endif

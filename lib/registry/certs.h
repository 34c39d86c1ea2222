/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_CERTS_H
#define DROVER_LIB_REGISTRY_CERTS_H

/*
 * Certificates for one registry, where the docker engine keeps them:
 * /etc/docker/certs.d/HOST[:PORT] holds CAs as *.crt and a client's pair as NAME.cert and NAME.key. A CA that the operator named
 * with --ca-cert is trusted besides these and the system's.
 */

#include "lib/err.h"

struct dr_certs {
    char *ca_pem; /* all CAs in one PEM text; NULL: only the system's */
    char *cert_file;
    char *key_file;
};

/* `ca_file` may be NULL; it must be readable when given. A certs.d folder that is not there is no
 * error, one that can't be read is. `folder` is /etc/docker/certs.d but in tests. */
int dr_certs_find(const char *folder, const char *host, const char *ca_file,
                  struct dr_certs *ret_certs, struct dr_err *err);
void dr_certs_release(struct dr_certs *certs);

#define DR_CERTS_FOLDER "/etc/docker/certs.d"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_HTTP_AUTHORITIES_H
#define DROVER_LIB_HTTP_AUTHORITIES_H

/*
 * Which CAs are trusted: those of this host, and those that the operator gave besides. Where a host keeps its own
 * depends on its distribution, and an executable that runs anywhere cannot be told when it is built. So they are
 * looked for at run time, in the ordinary build too: both trust the same.
 *
 * SSL_CERT_FILE and SSL_CERT_DIR name them, as for OpenSSL and Go; if one is set nothing else is the host's. Else
 * the first of the usual files counts, and the first of the usual folders in which certificates are found by hash.
 *
 * Only for lib/http.
 */

#include "lib/http/http.h"

struct dr_authorities {
    char *file; /* PEM, all that are trusted; NULL: none, or `pem` stands for it */
    char *
        folder; /* certificates named by hash (openssl rehash), one or several with colons; NULL: none */
    char *
        pem; /* text: the operator's, and the host's too where these are only in a file; NULL: none given */
};

/* `root` is "" but in tests: the usual places are below it. Reads options->ca_file and ca_pem: one that is given
 * must be readable, DR_ERR_IO. A host without any CA is no error, it trusts nobody. */
int dr_authorities_find(struct dr_authorities *ret, const char *root,
                        const struct dr_http_options *options, struct dr_err *err);
void dr_authorities_release(struct dr_authorities *authorities);
#define dr_auto_authorities __attribute__((cleanup(dr_authorities_release)))

#endif

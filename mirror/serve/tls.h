/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_TLS_H
#define DROVER_MIRROR_SERVE_TLS_H

/* The server's side of TLS: 1.2 or later, a certificate with its chain, and its key. */

#include <openssl/ssl.h>

#include "lib/err.h"
#include "lib/log.h"

/* Both files are PEM. Files that can't be read are DR_ERR_IO, that hold something else or do not belong together
 * DR_ERR_FORMAT; a certificate that is not valid now is warned of. NULL on failure. */
SSL_CTX *dr_serve_tls_new(const char *cert_file, const char *key_file, const struct dr_log *log,
                          struct dr_err *err);

#endif

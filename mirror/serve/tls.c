/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>
#include <stdbool.h>
#include <unistd.h>

/* OpenSSL's own reason; the file itself was readable. */
static int refuse(const char *what, const char *file, struct dr_err *err)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return dr_fail(err, DR_ERR_FORMAT, "%s '%s': %s", what, file, reason ? reason : "not usable");
}

/* Nobody is there to ask. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)context = true;
    return 0;
}

static int refuse_pair(const char *key_file, const char *cert_file, struct dr_err *err)
{
    ERR_clear_error();
    return dr_fail(err, DR_ERR_FORMAT, "the key '%s' is not that of the certificate '%s'", key_file,
                   cert_file);
}

static int read_key(SSL_CTX *tls, const char *file, const char *cert_file, struct dr_err *err)
{
    bool encrypted = false;

    SSL_CTX_set_default_passwd_cb(tls, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(tls, &encrypted);
    if (SSL_CTX_use_PrivateKey_file(tls, file, SSL_FILETYPE_PEM) == 1) {
        SSL_CTX_set_default_passwd_cb_userdata(tls, NULL);
        SSL_CTX_set_default_passwd_cb(tls, NULL);
        return 0;
    }
    if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH)
        return refuse_pair(file, cert_file, err);
    refuse("read the key", file, err);
    return encrypted ? dr_err_advise(err, "it is encrypted; give one without a passphrase that "
                                          "root alone can read")
                     : -1;
}

static void warn_of_dates(const X509 *certificate, const char *file, const struct dr_log *log)
{
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        dr_log_warn(log, "the certificate '%s' has expired: clients will refuse it", file);
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        dr_log_warn(log, "the certificate '%s' is not valid yet by this machine's clock", file);
}

static int fill(SSL_CTX *tls, const char *cert_file, const char *key_file, const struct dr_log *log,
                struct dr_err *err)
{
    if (access(cert_file, R_OK) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "read the certificate '%s'", cert_file);
    if (access(key_file, R_OK) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "read the key '%s'", key_file);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        return dr_fail(err, DR_ERR_INTERNAL, "set up TLS");
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1)
        return refuse("read the certificate", cert_file, err);
    if (read_key(tls, key_file, cert_file, err) < 0)
        return -1;
    if (SSL_CTX_check_private_key(tls) != 1)
        return refuse_pair(key_file, cert_file, err);
    warn_of_dates(SSL_CTX_get0_certificate(tls), cert_file, log);
    return 0;
}

SSL_CTX *dr_serve_tls_new(const char *cert_file, const char *key_file, const struct dr_log *log,
                          struct dr_err *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    if (!tls) {
        dr_fail_memory(err);
        return NULL;
    }
    if (fill(tls, cert_file, key_file, log, err) == 0)
        return tls;
    SSL_CTX_free(tls);
    return NULL;
}

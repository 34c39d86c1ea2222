/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/reason.h"

#include <string.h>

static const char *advice(CURLcode code, const char *reason, bool registry)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return strstr(reason, "subject name")
                   ? "its certificate is for another name: use one that is in it"
                   : "its certificate is not trusted here: give its CA with %s";
    case CURLE_SSL_CACERT_BADFILE:
        return "no CA is known here: give its CA with %s, or install ca-certificates";
    case CURLE_SSL_CONNECT_ERROR:
        return registry ? "if it speaks plain HTTP on purpose, --insecure-registry HOST[:PORT] "
                          "allows that"
                        : "if it speaks plain HTTP, its address begins with http://";
    case CURLE_COULDNT_RESOLVE_HOST:
        return "check the name, and DNS or /etc/hosts of this machine";
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "check https_proxy and http_proxy; no_proxy names hosts that need none";
    case CURLE_COULDNT_CONNECT:
        return "check that it runs and that no firewall is between";
    case CURLE_OPERATION_TIMEDOUT:
        return "it is silent: check that no firewall is between, and whether a proxy is needed "
               "(https_proxy)";
    case CURLE_SSL_CERTPROBLEM:
        return "check the client certificate and key in /etc/docker/certs.d";
    default:
        return NULL;
    }
}

int dr_http_advise(struct dr_err *err, CURLcode code, const char *reason,
                   const struct dr_http_options *options)
{
    const char *option = options->ca_option ? options->ca_option : "--ca-cert";
    const char *text = advice(code, reason, !options->ca_option);
    const char *gap = text ? strstr(text, "%s") : NULL;

    if (!text)
        return -1;
    return gap ? dr_err_advise(err, "%.*s%s%s", (int)(gap - text), text, option, gap + 2)
               : dr_err_advise(err, "%s", text);
}

bool dr_http_is_hopeless(CURLcode code)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return true;
    default:
        return false;
    }
}

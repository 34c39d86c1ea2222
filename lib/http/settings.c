/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/settings.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define BUFFER_SIZE (512L * 1024)
#define BUFFER_LEAST (16L * 1024)

static int copy_option(const char **ret, const char *option, struct dr_err *err)
{
    if (!option)
        return 0;
    *ret = dr_text_copy(option, err);
    return *ret ? 0 : -1;
}

int dr_http_options_copy(struct dr_http_options *own, const struct dr_http_options *options,
                         struct dr_err *err)
{
    *own = *options;
    own->ca_file = own->ca_pem = own->cert_file = own->key_file = own->unix_socket = NULL;
    if (!own->connect_seconds)
        own->connect_seconds = 15;
    if (!own->stall_seconds)
        own->stall_seconds = 60;
    if (copy_option(&own->cert_file, options->cert_file, err) < 0 ||
        copy_option(&own->key_file, options->key_file, err) < 0)
        return -1;
    return copy_option(&own->unix_socket, options->unix_socket, err);
}

void dr_http_options_release(struct dr_http_options *own)
{
    free((void *)(uintptr_t)own->cert_file);
    free((void *)(uintptr_t)own->key_file);
    free((void *)(uintptr_t)own->unix_socket);
}

/* TLS is always verified but where the operator named this server as an exception. Both places are set, whatever
 * libcurl was built with: NULL is none. */
static void set_trust(CURL *curl, const struct dr_http_options *options,
                      const struct dr_authorities *authorities)
{
    if (options->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    curl_easy_setopt(curl, CURLOPT_CAINFO, authorities->file);
    curl_easy_setopt(curl, CURLOPT_CAPATH, authorities->folder);
    if (authorities->pem) {
        struct curl_blob pem = {
            .data = authorities->pem, .len = strlen(authorities->pem), .flags = CURL_BLOB_NOCOPY};

        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem);
    }
    if (options->cert_file)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, options->cert_file);
    if (options->key_file)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key_file);
}

/* Where there is a limit, a full buffer should not be seconds of it. */
static long buffer_size(const struct dr_http_options *options)
{
    long size = BUFFER_SIZE;

    while (options->rate > 0 && size > BUFFER_LEAST && (uint64_t)size > options->rate / 8)
        size /= 2;
    return size;
}

static void set_limits(CURL *curl, const struct dr_http_options *options,
                       const struct dr_http_request *request)
{
    unsigned stall = request->stall_seconds ? request->stall_seconds : options->stall_seconds;

    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)options->connect_seconds);
    if (!request->endless) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)stall);
    }
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, buffer_size(options));
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, buffer_size(options));
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
}

void dr_http_set_up(CURL *curl, const struct dr_http_options *options,
                    const struct dr_authorities *authorities, const struct dr_http_request *request)
{
    set_limits(curl, options, request);
    set_trust(curl, options, authorities);
    if (options->unix_socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, options->unix_socket);
    if (options->no_proxy || options->unix_socket || dr_http_is_loopback(request->url))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    /* What a proxy says to CONNECT is no answer of the server's. */
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

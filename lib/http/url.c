/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/http/http.h"
#include "lib/text.h"

static void cleanup_url(CURLU **url)
{
    curl_url_cleanup(*url);
}
#define auto_url __attribute__((cleanup(cleanup_url)))

char *dr_http_resolve(const char *base, const char *url, struct dr_err *err)
{
    auto_url CURLU *parsed = curl_url();
    char *whole = NULL;
    char *copy;

    if (!parsed || curl_url_set(parsed, CURLUPART_URL, base, 0) != CURLUE_OK ||
        curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        dr_fail(err, DR_ERR_NET, "'%.200s' is not a usable address", url);
        return NULL;
    }
    copy = dr_text_copy(whole, err);
    curl_free(whole);
    return copy;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *left = NULL;
    char *right = NULL;
    bool same;

    curl_url_get(a, part, &left, CURLU_DEFAULT_PORT);
    curl_url_get(b, part, &right, CURLU_DEFAULT_PORT);
    same = left && right && strcasecmp(left, right) == 0;
    curl_free(left);
    curl_free(right);
    return same;
}

bool dr_http_same_origin(const char *a, const char *b)
{
    auto_url CURLU *left = curl_url();
    auto_url CURLU *right = curl_url();

    return left && right && curl_url_set(left, CURLUPART_URL, a, 0) == CURLUE_OK &&
           curl_url_set(right, CURLUPART_URL, b, 0) == CURLUE_OK &&
           same_part(left, right, CURLUPART_SCHEME) && same_part(left, right, CURLUPART_HOST) &&
           same_part(left, right, CURLUPART_PORT);
}

int dr_http_url_host(const char *url, char *ret_host, size_t room, struct dr_err *err)
{
    auto_url CURLU *parsed = curl_url();
    char *part = NULL;
    int done;

    if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_USER, &part, 0) != CURLUE_NO_USER ||
        curl_url_get(parsed, CURLUPART_HOST, &part, 0) != CURLUE_OK) {
        curl_free(part);
        return dr_fail(err, DR_ERR_NET, "'%.200s' is not a usable address", url);
    }
    done = dr_text_put(ret_host, room, part);
    curl_free(part);
    return done < 0 ? dr_fail(err, DR_ERR_NET, "the host of '%.200s' is too long", url) : 0;
}

bool dr_http_is_loopback(const char *url)
{
    struct in_addr four;
    char host[256];

    if (dr_http_url_host(url, host, sizeof host, NULL) < 0)
        return false;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
}

char *dr_http_escape(const char *text, struct dr_err *err)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *copy = escaped ? dr_text_copy(escaped, err) : NULL;

    if (!escaped)
        dr_fail_memory(err);
    curl_free(escaped);
    return copy;
}

const char *dr_http_display(const char *url, char *ret, size_t room)
{
    const char *scheme = strstr(url, "://");
    const char *authority = scheme ? scheme + 3 : url;
    const char *at = memchr(authority, '@', strcspn(authority, "/?#"));

    /* Queries can hold signatures of a CDN: they are long and nobody's business. */
    snprintf(ret, room, "%.*s%.*s", (int)(at ? authority - url : 0), url,
             (int)strcspn(at ? at + 1 : url, "?"), at ? at + 1 : url);
    return ret;
}

int64_t dr_http_seconds_until(const char *date)
{
    time_t then = curl_getdate(date, NULL);
    time_t now = time(NULL);

    return then > now ? (int64_t)(then - now) : 0;
}

int64_t dr_http_date(const char *date)
{
    return (int64_t)curl_getdate(date, NULL);
}

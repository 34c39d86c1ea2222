/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/http/http.h"
#include "lib/registry/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE "https://registry.example:5000/v2/a/b/blobs/uploads/1"

/* Where a registry sends us. Credentials may go along to the same origin only, and no proxy is asked on loopback. */
static void check_location(const char *value)
{
    dr_autofree char *url = dr_http_resolve(BASE, value, NULL);
    dr_autofree char *again = url ? dr_http_resolve(BASE, url, NULL) : NULL;
    char shown[300];
    char host[256];

    if (!url)
        return;
    assert(again && strstr(url, "://"));
    assert(!strchr(dr_http_display(url, shown, sizeof shown), '?'));
    if (dr_http_url_host(url, host, sizeof host, NULL) < 0)
        return;
    if (dr_http_is_loopback(url))
        assert(strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0 ||
               strcasecmp(host, "localhost") == 0);
    if (dr_http_same_origin(BASE, url))
        assert(strcasecmp(host, "registry.example") == 0);
}

static void check_ranges(const char *value)
{
    uint64_t first;
    uint64_t last;

    if (dr_range_of_content(value, &first, &last) == 0)
        assert(first <= last && last < UINT64_MAX);
    assert(dr_range_of_session(value) != 1);
    assert(dr_http_seconds_until(value) >= 0);
}

/* The headers of an answer, as "name: value\n" lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"Location", "Range", "Content-Range", "Retry-After"};
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1);

    if (size > 0 && dr_buf_add(&response.headers, data, size, NULL) < 0)
        return 0;
    if (dr_buf_add(&response.headers, "\n", 1, NULL) < 0)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char value[2048];

        for (unsigned index = 0; index < 3; index++) {
            if (!dr_http_header(&response, names[i], index, value, sizeof value))
                break;
            assert(!strchr(value, '\n'));
            check_location(value);
            check_ranges(value);
        }
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/version.h"

#include <archive.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <qrencode.h>
#include <string.h>
#include <zlib.h>

#include "lib/json.h"
#include "mirror/serve/serve.h"

/* "libarchive 3.6.2" says its name too. */
static const char *number_of(const char *text)
{
    const char *space = strrchr(text, ' ');

    return space ? space + 1 : text;
}

static const char *version_of_jansson(void)
{
#if JANSSON_VERSION_HEX >= 0x020D00
    return jansson_version_str();
#else
    return JANSSON_VERSION;
#endif
}

int dr_version_print(FILE *out, bool json, struct dr_err *err)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    json_auto_t *version =
        json_pack("{s:s, s:{s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "version",
                  DROVER_VERSION, "libraries", "libcurl", curl->version, "libcurl-tls",
                  curl->ssl_version, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING),
                  "libarchive", number_of(archive_version_string()), "zlib", zlibVersion(),
                  "jansson", version_of_jansson(), "libevent", dr_serve_libevent_version(),
                  "libisal", DROVER_ISAL_VERSION, "libqrencode", QRcode_APIVersionString());

    if (!json) {
        fprintf(out, "drover %s\n", DROVER_VERSION);
        return 0;
    }
    if (!version)
        return dr_fail_memory(err);
    if (curl->ares && dr_json_set(json_object_get(version, "libraries"), "c-ares",
                                  json_string(curl->ares), err) < 0)
        return -1;
    return dr_json_print(version, out, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_HTTP_SETTINGS_H
#define DROVER_LIB_HTTP_SETTINGS_H

/* What the options of a client mean for libcurl. Only for lib/http. */

#include <curl/curl.h>

#include "lib/http/authorities.h"
#include "lib/http/http.h"

/* With strings of our own and the defaults filled in, but for the CAs: these are dr_authorities_find()'s. */
int dr_http_options_copy(struct dr_http_options *own, const struct dr_http_options *options,
                         struct dr_err *err);
void dr_http_options_release(struct dr_http_options *own);

/* Everything for one request that is not the request itself: trust, limits, proxy, buffers. */
void dr_http_set_up(CURL *curl, const struct dr_http_options *options,
                    const struct dr_authorities *authorities,
                    const struct dr_http_request *request);

#endif

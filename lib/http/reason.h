/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_HTTP_REASON_H
#define DROVER_LIB_HTTP_REASON_H

/* What it means for the operator that a transfer failed. Only for lib/http. */

#include <curl/curl.h>
#include <stdbool.h>

/* What can be done about the usual ways to get no answer; `reason` is libcurl's own text. NULL:
 * nothing to say. */
const char *dr_http_advice(CURLcode code, const char *reason);

/* Failures that stay until somebody changes something. */
bool dr_http_is_hopeless(CURLcode code);

#endif

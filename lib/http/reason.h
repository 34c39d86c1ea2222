/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_HTTP_REASON_H
#define DROVER_LIB_HTTP_REASON_H

/* What it means for the operator that a transfer failed. Only for lib/http. */

#include <curl/curl.h>
#include <stdbool.h>

#include "lib/http/http.h"

/* Appends what can be done about the usual ways to get no answer; `reason` is libcurl's own text. Returns -1. */
int dr_http_advise(struct dr_err *err, CURLcode code, const char *reason,
                   const struct dr_http_options *options);

/* Failures that stay until somebody changes something. */
bool dr_http_is_hopeless(CURLcode code);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_RANGE_H
#define DROVER_LIB_REGISTRY_RANGE_H

/* The ranges of bytes in what a registry answers. Digits only, no signs, nothing above 2^64 - 2. */

#include <stdint.h>

/* Content-Range, "bytes FIRST-LAST/TOTAL" or "bytes FIRST-LAST/" and an asterisk (RFC 9110 §14.4). -1: it is of another
 * form, or LAST is before FIRST. */
int dr_range_of_content(const char *value, uint64_t *ret_first, uint64_t *ret_last);

/* Range of an upload's session, "0-LAST" or "bytes=0-LAST" (distribution-spec): how many bytes it has. 0: none, or it
 * is of another form. docker-registry says 0-0 of an empty one, so one byte is none. */
uint64_t dr_range_of_session(const char *value);

#endif

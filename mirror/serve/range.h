/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_RANGE_H
#define DROVER_MIRROR_SERVE_RANGE_H

/* The part of a blob that a client asks for (RFC 9110 §14.2, Range). */

#include <stdint.h>

enum dr_range_kind {
    DR_RANGE_ALL, /* none was asked for, or none that has to be understood: another unit, several at once, nonsense */
    DR_RANGE_PART, /* `first` and `size` say which */
    DR_RANGE_NONE, /* it lies behind the end: 416 */
};

struct dr_range {
    uint64_t first;
    uint64_t size;
};

/* `text` is the header's value, NULL: there is none; `size` the blob's. `ret_range` is the whole blob, but for
 * DR_RANGE_PART. */
enum dr_range_kind dr_range_parse(const char *text, uint64_t size, struct dr_range *ret_range);

#endif

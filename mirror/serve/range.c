/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

/* Digits up to `stop`, or to the end with NUL. False: none, or too large. */
static bool take_number(const char **text, char stop, uint64_t *ret_number)
{
    size_t digits = strspn(*text, "0123456789");
    char number[24];

    if (digits == 0 || digits >= sizeof number || (*text)[digits] != stop)
        return false;
    memcpy(number, *text, digits);
    number[digits] = '\0';
    *text += digits;
    return dr_text_uint64(number, INT64_MAX, ret_number, NULL) == 0;
}

/* "-N": the last N bytes. */
static enum dr_range_kind parse_suffix(const char *text, uint64_t size, struct dr_range *ret_range)
{
    uint64_t wanted;

    if (!take_number(&text, '\0', &wanted))
        return DR_RANGE_ALL;
    if (wanted == 0 || size == 0)
        return DR_RANGE_NONE;
    if (wanted > size)
        wanted = size;
    *ret_range = (struct dr_range){.first = size - wanted, .size = wanted};
    return DR_RANGE_PART;
}

enum dr_range_kind dr_range_parse(const char *text, uint64_t size, struct dr_range *ret_range)
{
    uint64_t first;
    uint64_t last = UINT64_MAX;

    *ret_range = (struct dr_range){.first = 0, .size = size};
    if (!text || strncasecmp(text, "bytes=", 6) != 0)
        return DR_RANGE_ALL;
    text += 6;
    if (*text == '-')
        return parse_suffix(text + 1, size, ret_range);
    if (!take_number(&text, '-', &first))
        return DR_RANGE_ALL;
    text++;
    if (*text && (!take_number(&text, '\0', &last) || last < first))
        return DR_RANGE_ALL;
    if (first >= size)
        return DR_RANGE_NONE;
    if (last >= size)
        last = size - 1;
    *ret_range = (struct dr_range){.first = first, .size = last - first + 1};
    return DR_RANGE_PART;
}

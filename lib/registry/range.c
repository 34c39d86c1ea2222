/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

/* Moves on behind the digits; false: there are none, or they are too many. */
static bool take_number(const char **at, uint64_t *ret)
{
    size_t length = strspn(*at, "0123456789");
    char digits[24];

    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, *at, length);
    digits[length] = '\0';
    *at += length;
    return dr_text_uint64(digits, UINT64_MAX - 1, ret, NULL) == 0;
}

static bool take(const char **at, const char *text)
{
    if (strncasecmp(*at, text, strlen(text)) != 0)
        return false;
    *at += strlen(text);
    return true;
}

int dr_range_of_content(const char *value, uint64_t *ret_first, uint64_t *ret_last)
{
    uint64_t first;
    uint64_t last;
    uint64_t total = UINT64_MAX;

    if (!take(&value, "bytes ") || !take_number(&value, &first) || !take(&value, "-") ||
        !take_number(&value, &last) || !take(&value, "/") ||
        !(take(&value, "*") || take_number(&value, &total)) || *value)
        return -1;
    if (last < first || last >= total)
        return -1;
    *ret_first = first;
    *ret_last = last;
    return 0;
}

uint64_t dr_range_of_session(const char *value)
{
    uint64_t last;

    take(&value, "bytes=");
    if (!take(&value, "0-") || !take_number(&value, &last) || *value || last == 0)
        return 0;
    return last + 1;
}

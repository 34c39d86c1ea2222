/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"

#define HEX_DIGITS "0123456789abcdef"
#define HEX_SIZE 64
#define SEPARATOR "  "

static const char *const fixed[] = {DR_NAME_DOCUMENT, DR_NAME_OCI_LAYOUT, DR_NAME_INDEX,
                                    DR_NAME_DOCKER};
#define FIXED_COUNT (sizeof fixed / sizeof *fixed)

static const char *const whole[] = {DR_NAME_WHOLE_SUMS, DR_NAME_WHOLE_SIGNATURE,
                                    DR_NAME_WHOLE_DOCUMENT};

bool dr_sums_is_blob(const char *name)
{
    const char *hex = name + strlen(DR_NAME_BLOBS);

    return dr_text_starts(name, DR_NAME_BLOBS) && strspn(hex, HEX_DIGITS) == HEX_SIZE &&
           !hex[HEX_SIZE];
}

bool dr_sums_is_program(const char *name)
{
    const char *rest = name + strlen(DR_NAME_PROGRAM);

    return dr_text_starts(name, DR_NAME_PROGRAM) && *rest &&
           !rest[strspn(rest, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

bool dr_sums_is_whole(const char *name)
{
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if (strcmp(name, whole[i]) == 0)
            return true;
    }
    return false;
}

bool dr_sums_is_cosignature(const char *name)
{
    const char *hex = name + strlen(DR_NAME_SUMS ".");

    return dr_text_starts(name, DR_NAME_SUMS ".") && strspn(hex, HEX_DIGITS) == 16 &&
           strcmp(hex + 16, ".sig") == 0;
}

const char *dr_sums_blob_name(const struct dr_digest *digest, char ret[DR_MEMBER_NAME])
{
    char hex[DR_DIGEST_TEXT];

    snprintf(ret, DR_MEMBER_NAME, DR_NAME_BLOBS "%.64s", dr_digest_hex(digest, hex));
    return ret;
}

int dr_sums_add(struct dr_buf *text, const char *name, const struct dr_digest *digest,
                struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];

    return dr_buf_printf(text, err, "%s" SEPARATOR "%s\n", dr_digest_hex(digest, hex), name);
}

/* Where in the fixed order of members a name stands; -1 when no member is called so. */
static int section_of(const char *name)
{
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        if (strcmp(name, fixed[i]) == 0)
            return (int)i;
    }
    if (dr_sums_is_blob(name))
        return (int)FIXED_COUNT;
    if (dr_sums_is_whole(name))
        return (int)FIXED_COUNT + 1;
    if (strcmp(name, DR_NAME_README) == 0)
        return (int)FIXED_COUNT + 2;
    return dr_sums_is_program(name) ? (int)FIXED_COUNT + 3 : -1;
}

/* May `next` stand directly behind `last` (NULL: at the head)? */
static bool in_order(const struct dr_sum *last, const struct dr_sum *next)
{
    int before = last ? section_of(last->name) : -1;
    int now = section_of(next->name);
    const int last_fixed = (int)FIXED_COUNT - 1;

    if (now <= last_fixed || before < last_fixed)
        return now == before + 1;
    if (now == before)
        return now == last_fixed + 1 || strcmp(last->name, next->name) < 0;
    return now > before;
}

/* One line without its newline. */
static int parse_line(const char *line, size_t size, struct dr_sum *ret)
{
    const size_t skip = HEX_SIZE + strlen(SEPARATOR);
    char hex[DR_DIGEST_TEXT];

    if (size <= skip || size - skip >= DR_MEMBER_NAME || memchr(line, '\0', size) ||
        dr_digest_parse_hex(line, &ret->digest) < 0 ||
        memcmp(line + HEX_SIZE, SEPARATOR, strlen(SEPARATOR)) != 0)
        return -1;
    memcpy(ret->name, line + skip, size - skip);
    ret->name[size - skip] = '\0';
    if (dr_sums_is_blob(ret->name) &&
        strcmp(ret->name + strlen(DR_NAME_BLOBS), dr_digest_hex(&ret->digest, hex)) != 0)
        return -1;
    return 0;
}

static size_t count_lines(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += text[i] == '\n';
    return count;
}

int dr_sums_parse(const char *text, size_t size, struct dr_sums *ret_sums, struct dr_err *err)
{
    dr_auto_sums struct dr_sums sums = DR_SUMS_INIT;
    const char *end = text + size;

    if (size > DR_SUMS_MAX)
        return dr_fail(err, DR_ERR_VERIFY, DR_NAME_SUMS " is larger than %u bytes", DR_SUMS_MAX);
    sums.lines = calloc(count_lines(text, size) + 1, sizeof *sums.lines);
    if (!sums.lines)
        return dr_fail_memory(err);
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        struct dr_sum *line = &sums.lines[sums.count];

        if (!stop || parse_line(text, (size_t)(stop - text), line) < 0)
            return dr_fail(err, DR_ERR_VERIFY,
                           "line %zu of " DR_NAME_SUMS " is not of the form "
                           "that bundles have",
                           sums.count + 1);
        if (!in_order(sums.count ? line - 1 : NULL, line))
            return dr_fail(err, DR_ERR_VERIFY,
                           "line %zu of " DR_NAME_SUMS " lists '%s', which has no place there",
                           sums.count + 1, line->name);
        sums.count++;
        text = stop + 1;
    }
    if (sums.count < FIXED_COUNT)
        return dr_fail(err, DR_ERR_VERIFY, DR_NAME_SUMS " ends after %zu lines", sums.count);
    *ret_sums = sums;
    sums.lines = NULL;
    return 0;
}

void dr_sums_release(struct dr_sums *sums)
{
    free(sums->lines);
    sums->lines = NULL;
    sums->count = 0;
}

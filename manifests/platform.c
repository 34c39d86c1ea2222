/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "manifests/rawjson.h"

#define UNKNOWN "unknown"
#define BEST 100u

static bool is_word(const char *text)
{
    return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-")];
}

static void put_word(char to[24], const char *text, const char *otherwise)
{
    if (!text || !is_word(text) || dr_text_put(to, 24, text) < 0)
        dr_text_put(to, 24, otherwise);
}

void dr_platform_set(const char *os, const char *architecture, const char *variant,
                     struct dr_platform *ret_platform)
{
    put_word(ret_platform->os, os, UNKNOWN);
    put_word(ret_platform->architecture, architecture, UNKNOWN);
    put_word(ret_platform->variant, variant, "");
}

void dr_platform_read(const json_t *object, struct dr_platform *ret_platform)
{
    dr_platform_set(dr_json_string_or(object, "os", NULL),
                    dr_json_string_or(object, "architecture", NULL),
                    dr_json_string_or(object, "variant", NULL), ret_platform);
}

/* New reference; NULL: it is not said, or not in a text. */
static json_t *config_text(const struct dr_raw_object *config, const char *key)
{
    struct dr_raw raw = {.data = NULL};

    return dr_raw_find(config, key, &raw, NULL) == 0 && raw.data ? dr_raw_decode(&raw, NULL) : NULL;
}

/* Read like that since configs may hold numbers that fit no parser. */
void dr_platform_of_config(const char *config, size_t size, struct dr_platform *ret_platform)
{
    dr_auto_raw_object struct dr_raw_object object = DR_RAW_OBJECT_INIT;
    json_auto_t *os = NULL;
    json_auto_t *architecture = NULL;
    json_auto_t *variant = NULL;

    if (size > 0 && dr_raw_object_parse(config, size, &object, NULL) == 0) {
        os = config_text(&object, "os");
        architecture = config_text(&object, "architecture");
        variant = config_text(&object, "variant");
    }
    dr_platform_set(json_string_value(os), json_string_value(architecture),
                    json_string_value(variant), ret_platform);
    if (!dr_text_starts(ret_platform->architecture, "arm"))
        *ret_platform->variant = '\0';
}

int dr_platform_parse(const char *text, struct dr_platform *ret_platform, struct dr_err *err)
{
    char words[3][24] = {""};
    size_t count = 0;
    const char *rest = text;

    while (rest && count < 3) {
        size_t size = strcspn(rest, "/");

        if (size >= sizeof *words)
            break;
        memcpy(words[count], rest, size);
        words[count][size] = '\0';
        if (!is_word(words[count]))
            break;
        count++;
        rest = rest[size] ? rest + size + 1 : NULL;
    }
    if (rest || count < 2)
        return dr_fail(err, DR_ERR_USAGE,
                       "'%.60s' is not a platform like linux/amd64 or linux/arm/v7", text);
    dr_platform_set(words[0], words[1], words[2], ret_platform);
    return 0;
}

bool dr_platform_is_known(const struct dr_platform *platform)
{
    return strcmp(platform->os, UNKNOWN) != 0 && strcmp(platform->architecture, UNKNOWN) != 0;
}

const char *dr_platform_text(const struct dr_platform *platform, char ret[DR_PLATFORM_TEXT])
{
    snprintf(ret, DR_PLATFORM_TEXT, "%.23s/%.23s%s%.23s", platform->os, platform->architecture,
             *platform->variant ? "/" : "", platform->variant);
    return ret;
}

/* One name for each architecture, and the variant that is meant when none is said. */
static struct dr_platform normal(const struct dr_platform *platform)
{
    static const struct {
        const char *name, *architecture, *variant;
    } rows[] = {
        {"amd64", "amd64", "v1"}, {"x86_64", "amd64", "v1"},  {"x86-64", "amd64", "v1"},
        {"arm64", "arm64", "v8"}, {"aarch64", "arm64", "v8"}, {"arm", "arm", "v7"},
        {"armhf", "arm", "v7"},   {"armel", "arm", "v6"},     {"i386", "386", ""},
    };
    struct dr_platform result = *platform;
    char number[24];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(platform->architecture, rows[i].name) != 0)
            continue;
        dr_text_put(result.architecture, sizeof result.architecture, rows[i].architecture);
        if (!*result.variant)
            dr_text_put(result.variant, sizeof result.variant, rows[i].variant);
    }
    if (*result.variant >= '0' && *result.variant <= '9') { /* "7" is "v7" */
        memcpy(number, result.variant, sizeof number);
        snprintf(result.variant, sizeof result.variant, "v%.22s", number);
    }
    return result;
}

/* Of "v7" the 7; 0: it is no such variant. */
static unsigned long number_of(const char *variant)
{
    char *end = NULL;
    unsigned long number = *variant == 'v' ? strtoul(variant + 1, &end, 10) : 0;

    return number > 0 && number < BEST && end && !*end ? number : 0;
}

unsigned dr_platform_rank(const struct dr_platform *wanted, const struct dr_platform *offered)
{
    struct dr_platform want = normal(wanted);
    struct dr_platform have = normal(offered);
    unsigned long most = number_of(want.variant);
    unsigned long number = number_of(have.variant);

    if (strcmp(want.os, have.os) != 0 || strcmp(want.architecture, have.architecture) != 0)
        return 0;
    if (strcmp(want.variant, have.variant) == 0)
        return BEST;
    if (most > 0 && number > 0)
        return number < most ? BEST - (unsigned)(most - number) : 0;
    return !*wanted->variant && most == 0 ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/rawjson.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/json.h"
#include "lib/text.h"

#define MEMBERS_MAX 4096

struct scan {
    const char *at;
    const char *end;
};

static void skip_spaces(struct scan *scan)
{
    while (scan->at < scan->end && memchr(" \t\r\n", *scan->at, 4))
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool take_one_of(struct scan *scan, const char *set)
{
    if (scan->at == scan->end || !memchr(set, *scan->at, strlen(set)))
        return false;
    scan->at++;
    return true;
}

static bool skip_escape(struct scan *scan)
{
    if (take_one_of(scan, "\"\\/bfnrt"))
        return true;
    if (!take(scan, 'u'))
        return false;
    for (int i = 0; i < 4; i++) {
        if (!take_one_of(scan, "0123456789abcdefABCDEF"))
            return false;
    }
    return true;
}

static bool skip_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (scan->at < scan->end && *scan->at != '"') {
        unsigned char c = (unsigned char)*scan->at++;

        if (c < ' ' || (c == '\\' && !skip_escape(scan)))
            return false;
    }
    return take(scan, '"');
}

static bool skip_digits(struct scan *scan)
{
    const char *begin = scan->at;

    while (take_one_of(scan, "0123456789"))
        ;
    return scan->at > begin;
}

static bool skip_number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !skip_digits(scan))
        return false;
    if (take(scan, '.') && !skip_digits(scan))
        return false;
    if (!take_one_of(scan, "eE"))
        return true;
    take_one_of(scan, "+-");
    return skip_digits(scan);
}

static bool skip_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return false;
    scan->at += size;
    return true;
}

static bool skip_key(struct scan *scan)
{
    if (!skip_string(scan))
        return false;
    skip_spaces(scan);
    if (!take(scan, ':'))
        return false;
    skip_spaces(scan);
    return true;
}

/* Recursion ends at DR_RAW_DEPTH_MAX. */
static bool skip_value(struct scan *scan, unsigned depth)
{
    char open = scan->at < scan->end ? *scan->at : '\0';
    char close = open == '{' ? '}' : ']';

    if (open == '"')
        return skip_string(scan);
    if (open != '{' && open != '[')
        return skip_word(scan, "true") || skip_word(scan, "false") || skip_word(scan, "null") ||
               skip_number(scan);
    if (depth == DR_RAW_DEPTH_MAX)
        return false;
    scan->at++;
    skip_spaces(scan);
    if (take(scan, close))
        return true;
    do {
        skip_spaces(scan);
        if ((open == '{' && !skip_key(scan)) || !skip_value(scan, depth + 1))
            return false;
        skip_spaces(scan);
    } while (take(scan, ','));
    return take(scan, close);
}

json_t *dr_raw_decode(const struct dr_raw *value, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(value->size + 2);
    json_auto_t *list = NULL;

    /* Bare values are no documents. */
    if (dr_buf_add(&text, "[", 1, err) < 0 ||
        dr_buf_add(&text, value->data, value->size, err) < 0 || dr_buf_add(&text, "]", 1, err) < 0)
        return NULL;
    list = dr_json_parse(text.data, text.size, "a value", err);
    return list ? json_incref(json_array_get(list, 0)) : NULL;
}

static int add_member(struct dr_raw_object *object, const struct dr_raw *key,
                      const struct dr_raw *value, struct dr_err *err)
{
    json_auto_t *name = NULL;
    char *copy;

    /* Room grows at every power of two. */
    if ((object->count & (object->count - 1)) == 0) {
        size_t room = object->count ? 2 * object->count : 1;
        struct dr_raw_member *members =
            reallocarray(object->members, room, sizeof *object->members);

        if (!members)
            return dr_fail_memory(err);
        object->members = members;
    }
    if (object->count == MEMBERS_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "an object has more than %d members", MEMBERS_MAX);
    name = dr_raw_decode(key, err);
    copy = name ? dr_text_copy(json_string_value(name), err) : NULL;
    if (!copy)
        return -1;
    object->members[object->count++] = (struct dr_raw_member){.key = copy, .value = *value};
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct dr_raw_member *one = a;
    const struct dr_raw_member *other = b;

    return strcmp(one->key, other->key);
}

static int fail_json(struct dr_err *err)
{
    return dr_fail(err, DR_ERR_FORMAT, "a text is not the JSON object that was expected");
}

/* `scan` stands behind the opening brace of an object that skip_value() has passed. */
static int take_apart(struct scan *scan, struct dr_raw_object *object, struct dr_err *err)
{
    do {
        struct dr_raw key;
        struct dr_raw value;

        skip_spaces(scan);
        key.data = scan->at;
        if (!skip_string(scan)) /* only of the empty object */
            break;
        key.size = (size_t)(scan->at - key.data);
        scan->at = key.data;
        skip_key(scan);
        value.data = scan->at;
        skip_value(scan, 1);
        value.size = (size_t)(scan->at - value.data);
        if (add_member(object, &key, &value, err) < 0)
            return -1;
        skip_spaces(scan);
    } while (take(scan, ','));
    if (object->count > 0)
        qsort(object->members, object->count, sizeof *object->members, by_key);
    for (size_t i = 1; i < object->count; i++) {
        if (strcmp(object->members[i - 1].key, object->members[i].key) == 0)
            return dr_fail(err, DR_ERR_FORMAT, "the key '%.64s' is there twice",
                           object->members[i].key);
    }
    return 0;
}

int dr_raw_object_parse(const char *text, size_t size, struct dr_raw_object *ret_object,
                        struct dr_err *err)
{
    dr_auto_raw_object struct dr_raw_object object = DR_RAW_OBJECT_INIT;
    struct scan scan = {.at = text, .end = text + size};
    struct scan inside;

    skip_spaces(&scan);
    inside = scan;
    if (!take(&inside, '{') || !skip_value(&scan, 0))
        return fail_json(err);
    skip_spaces(&scan);
    if (scan.at != scan.end)
        return fail_json(err);
    if (take_apart(&inside, &object, err) < 0)
        return -1;
    dr_raw_object_release(ret_object);
    *ret_object = object;
    object = (struct dr_raw_object)DR_RAW_OBJECT_INIT;
    return 0;
}

void dr_raw_object_release(struct dr_raw_object *object)
{
    while (object->count > 0)
        free(object->members[--object->count].key);
    free(object->members);
    object->members = NULL;
}

int dr_raw_find(const struct dr_raw_object *object, const char *name, struct dr_raw *ret_value,
                struct dr_err *err)
{
    const struct dr_raw_member *found = NULL;

    for (size_t i = 0; i < object->count; i++) {
        if (strcasecmp(object->members[i].key, name) != 0)
            continue;
        if (found)
            return dr_fail(err, DR_ERR_FORMAT, "both '%.64s' and '%.64s' are there", found->key,
                           object->members[i].key);
        found = &object->members[i];
    }
    *ret_value = (struct dr_raw){.data = NULL};
    if (found && !(found->value.size == 4 && memcmp(found->value.data, "null", 4) == 0))
        *ret_value = found->value;
    return 0;
}

/* What Go's HTML escaping makes of the bytes at `at`: NULL when they stay. */
static const char *html_escape(const char *at, const char *end, size_t *ret_used)
{
    *ret_used = 1;
    switch (*at) {
    case '<':
        return "\\u003c";
    case '>':
        return "\\u003e";
    case '&':
        return "\\u0026";
    default:
        break;
    }
    *ret_used = 3;
    if (end - at >= 3 && memcmp(at, "\xe2\x80\xa8", 3) == 0)
        return "\\u2028";
    if (end - at >= 3 && memcmp(at, "\xe2\x80\xa9", 3) == 0)
        return "\\u2029";
    return NULL;
}

int dr_raw_add(struct dr_buf *to, const struct dr_raw *value, struct dr_err *err)
{
    const char *end = value->data + value->size;
    const char *from = value->data; /* what is not yet written */
    bool in_string = false;

    for (const char *at = value->data; at < end;) {
        size_t used = 1;
        bool is_space = !in_string && memchr(" \t\r\n", *at, 4);
        const char *instead = is_space ? "" : html_escape(at, end, &used);

        if (instead) {
            if (dr_buf_add(to, from, (size_t)(at - from), err) < 0 ||
                dr_buf_add_text(to, instead, err) < 0)
                return -1;
            from = at + used;
            at = from;
            continue;
        }
        if (*at == '"')
            in_string = !in_string;
        at += in_string && *at == '\\' ? 2 : 1;
    }
    return dr_buf_add(to, from, (size_t)(end - from), err);
}

static const char *string_escape(const char *at, const char *end, char scratch[8], size_t *ret_used)
{
    *ret_used = 1;
    switch (*at) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if ((unsigned char)*at >= ' ')
        return html_escape(at, end, ret_used);
    snprintf(scratch, 8, "\\u%04x", (unsigned)*at);
    return scratch;
}

int dr_raw_add_string(struct dr_buf *to, const char *text, struct dr_err *err)
{
    const char *end = text + strlen(text);
    const char *from = text;

    if (dr_buf_add(to, "\"", 1, err) < 0)
        return -1;
    for (const char *at = text; at < end;) {
        char scratch[8];
        size_t used;
        const char *instead = string_escape(at, end, scratch, &used);

        if (!instead) {
            at++;
            continue;
        }
        if (dr_buf_add(to, from, (size_t)(at - from), err) < 0 ||
            dr_buf_add_text(to, instead, err) < 0)
            return -1;
        from = at + used;
        at = from;
    }
    return dr_buf_add(to, from, (size_t)(end - from), err) < 0 ? -1 : dr_buf_add(to, "\"", 1, err);
}

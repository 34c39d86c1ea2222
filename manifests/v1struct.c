/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/v1struct.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"

/* The types of Go that occur. */
enum kind {
    TEXT,
    FLAG,
    NUMBER,
    NUMBER_POINTER,
    TEXTS,  /* []string */
    WORDS,  /* strslice.StrSlice: []string, or one string */
    SET,    /* map[string]struct{} */
    LABELS, /* map[string]string */
    TIME,
    HEALTH_POINTER,
    CONFIG,
    CONFIG_POINTER,
};

struct field {
    const char *name;
    enum kind kind;
    bool omit_empty;
};

static const struct field image_fields[] = {
    {"id", TEXT, true},
    {"parent", TEXT, true},
    {"comment", TEXT, true},
    {"created", TIME, false},
    {"container", TEXT, true},
    {"container_config", CONFIG, false}, /* a struct is never empty */
    {"docker_version", TEXT, true},
    {"author", TEXT, true},
    {"config", CONFIG_POINTER, true},
    {"architecture", TEXT, true},
    {"variant", TEXT, true},
    {"os", TEXT, true},
    {"Size", NUMBER, true},
    {NULL, TEXT, false},
};

static const struct field config_fields[] = {
    {"Hostname", TEXT, false},
    {"Domainname", TEXT, false},
    {"User", TEXT, false},
    {"AttachStdin", FLAG, false},
    {"AttachStdout", FLAG, false},
    {"AttachStderr", FLAG, false},
    {"ExposedPorts", SET, true},
    {"Tty", FLAG, false},
    {"OpenStdin", FLAG, false},
    {"StdinOnce", FLAG, false},
    {"Env", TEXTS, false},
    {"Cmd", WORDS, false},
    {"Healthcheck", HEALTH_POINTER, true},
    {"ArgsEscaped", FLAG, true},
    {"Image", TEXT, false},
    {"Volumes", SET, false},
    {"WorkingDir", TEXT, false},
    {"Entrypoint", WORDS, false},
    {"NetworkDisabled", FLAG, true},
    {"MacAddress", TEXT, true},
    {"OnBuild", TEXTS, false},
    {"Labels", LABELS, false},
    {"StopSignal", TEXT, true},
    {"StopTimeout", NUMBER_POINTER, true},
    {"Shell", WORDS, true},
    {NULL, TEXT, false},
};

static const struct field health_fields[] = {
    {"Test", TEXTS, true},         {"Interval", NUMBER, true}, {"Timeout", NUMBER, true},
    {"StartPeriod", NUMBER, true}, {"Retries", NUMBER, true},  {NULL, TEXT, false},
};

static int fail_type(const char *wanted, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_FORMAT, "it is not %s", wanted);
}

static int add_text(struct dr_buf *to, const json_t *value, bool *ret_empty, struct dr_err *err)
{
    if (value && !json_is_string(value))
        return fail_type("a text", err);
    *ret_empty = !value || !json_string_length(value);
    return dr_raw_add_string(to, value ? json_string_value(value) : "", err);
}

static int add_flag(struct dr_buf *to, const json_t *value, bool *ret_empty, struct dr_err *err)
{
    if (value && !json_is_boolean(value))
        return fail_type("true or false", err);
    *ret_empty = !json_is_true(value);
    return dr_buf_add_text(to, json_is_true(value) ? "true" : "false", err);
}

static int add_number(struct dr_buf *to, const json_t *value, bool *ret_empty, struct dr_err *err)
{
    if (value && !json_is_integer(value))
        return fail_type("a whole number", err);
    *ret_empty = !json_integer_value(value);
    return dr_buf_printf(to, err, "%lld", (long long)json_integer_value(value));
}

/* null in the place of a string is an empty one to Go. */
static int add_element(struct dr_buf *to, const json_t *value, struct dr_err *err)
{
    bool unused;

    return add_text(to, json_is_null(value) ? NULL : value, &unused, err);
}

static int add_texts(struct dr_buf *to, const json_t *value, bool *ret_empty, struct dr_err *err)
{
    size_t i;
    json_t *item;

    *ret_empty = !json_array_size(value);
    if (!value)
        return dr_buf_add_text(to, "null", err);
    if (!json_is_array(value))
        return fail_type("a list of texts", err);
    json_array_foreach(value, i, item)
    {
        if (dr_buf_add_text(to, i ? "," : "[", err) < 0 || add_element(to, item, err) < 0)
            return -1;
    }
    return dr_buf_add_text(to, *ret_empty ? "[]" : "]", err);
}

static int add_words(struct dr_buf *to, const json_t *value, bool *ret_empty, struct dr_err *err)
{
    json_auto_t *one = NULL;

    if (!json_is_string(value))
        return add_texts(to, value, ret_empty, err);
    one = json_pack("[O]", value);
    return one ? add_texts(to, one, ret_empty, err) : dr_fail_memory(err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go writes the keys of a map in order. New array of borrowed keys. */
static const char **sorted_keys(json_t *object, struct dr_err *err)
{
    const char **keys = calloc(json_object_size(object) + 1, sizeof *keys);
    size_t count = 0;
    const char *key;
    json_t *value;

    if (!keys) {
        dr_fail_memory(err);
        return NULL;
    }
    json_object_foreach(object, key, value) keys[count++] = key;
    qsort(keys, count, sizeof *keys, by_text);
    return keys;
}

static int add_map_value(struct dr_buf *to, const json_t *value, enum kind kind, struct dr_err *err)
{
    if (kind == LABELS)
        return add_element(to, value, err);
    if (!json_is_object(value) && !json_is_null(value))
        return fail_type("a set", err);
    return dr_buf_add_text(to, "{}", err);
}

static int add_map(struct dr_buf *to, json_t *value, enum kind kind, bool *ret_empty,
                   struct dr_err *err)
{
    dr_autofree const char **keys = NULL;
    size_t count = json_object_size(value);

    *ret_empty = !count;
    if (!value)
        return dr_buf_add_text(to, "null", err);
    if (!json_is_object(value))
        return fail_type("an object", err);
    keys = sorted_keys(value, err);
    if (!keys || dr_buf_add(to, "{", 1, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if ((i && dr_buf_add(to, ",", 1, err) < 0) || dr_raw_add_string(to, keys[i], err) < 0 ||
            dr_buf_add(to, ":", 1, err) < 0 ||
            add_map_value(to, json_object_get(value, keys[i]), kind, err) < 0)
            return -1;
    }
    return dr_buf_add(to, "}", 1, err);
}

static int digits(const char *text, size_t count, int low, int high)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = 10 * value + (text[i] - '0');
    }
    return value >= low && value <= high ? value : -1;
}

/* "2016-05-26T18:13:38" */
static bool is_day_and_hour(const char *text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    bool leap;

    if (strlen(text) < 19 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':')
        return false;
    year = digits(text, 4, 0, 9999);
    month = digits(text + 5, 2, 1, 12);
    if (year < 0 || month < 0 || digits(text + 11, 2, 0, 23) < 0 ||
        digits(text + 14, 2, 0, 59) < 0 || digits(text + 17, 2, 0, 59) < 0)
        return false;
    leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return digits(text + 8, 2, 1, days[month - 1] - (month == 2 && !leap)) > 0;
}

/* "Z" or "+02:00", to the end. */
static bool is_zone(const char *text)
{
    if (strcmp(text, "Z") == 0)
        return true;
    return strlen(text) == 6 && (*text == '+' || *text == '-') && text[3] == ':' &&
           digits(text + 1, 2, 0, 23) >= 0 && digits(text + 4, 2, 0, 59) >= 0;
}

int dr_v1_add_time(struct dr_buf *to, const struct dr_raw *raw, struct dr_err *err)
{
    json_auto_t *value = NULL;
    const char *fraction;
    const char *text;
    size_t count = 0;
    const char *zone;

    if (!raw->data)
        return dr_buf_add_text(to, "\"0001-01-01T00:00:00Z\"", err);
    value = dr_raw_decode(raw, err);
    if (!value)
        return -1;
    text = json_string_value(value);
    if (!text || !is_day_and_hour(text))
        return fail_type("a time", err);
    fraction = text + 19;
    if (*fraction == '.')
        count = strspn(fraction + 1, "0123456789");
    zone = count ? fraction + 1 + count : fraction;
    if (!is_zone(zone))
        return fail_type("a time", err);
    /* Nanoseconds, without the zeros at their end. */
    count = count > 9 ? 9 : count;
    while (count > 0 && fraction[count] == '0')
        count--;
    if (strcmp(zone + 1, "00:00") == 0)
        zone = "Z";
    return dr_buf_printf(to, err, "\"%.19s%.*s%s\"", text, count ? (int)count + 1 : 0, fraction,
                         zone);
}

static int add_fields(struct dr_buf *to, const struct dr_raw_object *object,
                      const struct field *fields, struct dr_err *err);

static int add_nested(struct dr_buf *to, const struct dr_raw *raw, const struct field *fields,
                      struct dr_err *err)
{
    dr_auto_raw_object struct dr_raw_object object = DR_RAW_OBJECT_INIT;

    if (raw->data && dr_raw_object_parse(raw->data, raw->size, &object, err) < 0)
        return -1;
    return add_fields(to, &object, fields, err);
}

/* Those that jansson reads as a whole. */
static int add_plain(struct dr_buf *to, const struct dr_raw *raw, enum kind kind, bool *ret_empty,
                     struct dr_err *err)
{
    json_auto_t *value = raw->data ? dr_raw_decode(raw, err) : NULL;

    if (raw->data && !value)
        return -1;
    switch (kind) {
    case TEXT:
        return add_text(to, value, ret_empty, err);
    case FLAG:
        return add_flag(to, value, ret_empty, err);
    case NUMBER:
        return add_number(to, value, ret_empty, err);
    case NUMBER_POINTER:
        if (add_number(to, value, ret_empty, err) < 0)
            return -1;
        *ret_empty = !value;
        return 0;
    case TEXTS:
        return add_texts(to, value, ret_empty, err);
    case WORDS:
        return add_words(to, value, ret_empty, err);
    case SET:
    case LABELS:
        return add_map(to, value, kind, ret_empty, err);
    case TIME:
    case HEALTH_POINTER:
    case CONFIG:
    case CONFIG_POINTER:
        break;
    }
    return dr_fail(err, DR_ERR_INTERNAL, "a field has no type");
}

static int add_value(struct dr_buf *to, const struct dr_raw *raw, enum kind kind, bool *ret_empty,
                     struct dr_err *err)
{
    *ret_empty = false;
    switch (kind) {
    case TIME:
        return dr_v1_add_time(to, raw, err);
    case CONFIG:
        return add_nested(to, raw, config_fields, err);
    case CONFIG_POINTER:
        *ret_empty = !raw->data;
        return add_nested(to, raw, config_fields, err);
    case HEALTH_POINTER:
        *ret_empty = !raw->data;
        return add_nested(to, raw, health_fields, err);
    case TEXT:
    case FLAG:
    case NUMBER:
    case NUMBER_POINTER:
    case TEXTS:
    case WORDS:
    case SET:
    case LABELS:
        break;
    }
    return add_plain(to, raw, kind, ret_empty, err);
}

static int add_fields(struct dr_buf *to, const struct dr_raw_object *object,
                      const struct field *fields, struct dr_err *err)
{
    bool first = true;

    if (dr_buf_add(to, "{", 1, err) < 0)
        return -1;
    for (const struct field *field = fields; field->name; field++) {
        size_t mark = to->size;
        struct dr_raw raw;
        bool empty;

        if (dr_raw_find(object, field->name, &raw, err) < 0 ||
            dr_buf_printf(to, err, "%s\"%s\":", first ? "" : ",", field->name) < 0)
            return -1;
        if (add_value(to, &raw, field->kind, &empty, err) < 0)
            return dr_err_wrap(err, "'%s'", field->name);
        if (empty && field->omit_empty)
            to->size = mark;
        else
            first = false;
    }
    return dr_buf_add(to, "}", 1, err);
}

int dr_v1_add_struct(struct dr_buf *to, const struct dr_raw_object *image, struct dr_err *err)
{
    return add_fields(to, image, image_fields, err);
}

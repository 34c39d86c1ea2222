/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

json_t *dr_json_parse(const char *data, size_t size, const char *what, struct dr_err *err)
{
    json_error_t why;
    json_t *value = json_loadb(data ? data : "", size, JSON_REJECT_DUPLICATES, &why);

    if (!value)
        dr_fail(err, DR_ERR_FORMAT, "%s is not the JSON that was expected: %s (line %d)", what,
                why.text, why.line);
    return value;
}

json_t *dr_json_read(const char *path, size_t max, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(max);

    if (dr_file_read(path, &text, err) < 0)
        return NULL;
    return dr_json_parse(text.data, text.size, path, err);
}

static json_t *get(const json_t *object, const char *key, struct dr_err *err)
{
    json_t *value = json_object_get(object, key);

    if (!value)
        dr_fail(err, DR_ERR_FORMAT, "the field '%s' is missing", key);
    return value;
}

static int wrong_type(const char *key, const char *type, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_FORMAT, "the field '%s' is not %s", key, type);
}

int dr_json_get_string(const json_t *object, const char *key, const char **ret, struct dr_err *err)
{
    json_t *value = get(object, key, err);

    if (!value)
        return -1;
    if (!json_is_string(value))
        return wrong_type(key, "a string", err);
    *ret = json_string_value(value);
    return 0;
}

int dr_json_get_uint64(const json_t *object, const char *key, uint64_t *ret, struct dr_err *err)
{
    json_t *value = get(object, key, err);

    if (!value)
        return -1;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return wrong_type(key, "a whole number", err);
    *ret = (uint64_t)json_integer_value(value);
    return 0;
}

int dr_json_get_array(const json_t *object, const char *key, json_t **ret, struct dr_err *err)
{
    json_t *value = get(object, key, err);

    if (!value)
        return -1;
    if (!json_is_array(value))
        return wrong_type(key, "a list", err);
    *ret = value;
    return 0;
}

int dr_json_get_object(const json_t *object, const char *key, json_t **ret, struct dr_err *err)
{
    json_t *value = get(object, key, err);

    if (!value)
        return -1;
    if (!json_is_object(value))
        return wrong_type(key, "an object", err);
    *ret = value;
    return 0;
}

const char *dr_json_string_or(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : otherwise;
}

int64_t dr_json_int_or(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool dr_json_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

json_t *dr_json_at(const json_t *object, ...)
{
    json_t *value = NULL;
    const char *key;
    va_list keys;

    va_start(keys, object);
    while (object && (key = va_arg(keys, const char *)))
        object = value = json_object_get(object, key);
    va_end(keys);
    return value;
}

static size_t flags_of(bool pretty)
{
    return JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT);
}

char *dr_json_text(const json_t *value, bool pretty, struct dr_err *err)
{
    char *text = json_dumps(value, flags_of(pretty));

    if (!text)
        dr_fail_memory(err);
    return text;
}

int dr_json_print(const json_t *value, FILE *to, struct dr_err *err)
{
    dr_autofree char *text = dr_json_text(value, true, err);

    if (!text)
        return -1;
    fprintf(to, "%s\n", text);
    return 0;
}

json_t *dr_json_name(const char *name)
{
    json_t *string = json_string(name);
    dr_autofree char *copy = string ? NULL : dr_text_copy(name, NULL);

    if (copy)
        dr_text_clean(copy);
    return copy ? json_string(copy) : string;
}

struct saving {
    struct dr_file file;
    char piece[16384];
    size_t used;
    struct dr_err why;
};

static int flush(struct saving *saving)
{
    size_t used = saving->used;

    saving->used = 0;
    return dr_file_write(&saving->file, saving->piece, used, &saving->why);
}

/* jansson gives every word by itself. */
static int save_word(const char *text, size_t size, void *context)
{
    struct saving *saving = context;

    if (size > sizeof saving->piece - saving->used && flush(saving) < 0)
        return -1;
    if (size > sizeof saving->piece)
        return dr_file_write(&saving->file, text, size, &saving->why);
    memcpy(saving->piece + saving->used, text, size);
    saving->used += size;
    return 0;
}

static int save(struct saving *saving, const json_t *value, bool pretty)
{
    if (json_dump_callback(value, save_word, saving, flags_of(pretty)) < 0)
        return saving->why.code == DR_OK ? dr_fail_memory(&saving->why) : -1;
    return flush(saving) < 0 ? -1 : dr_file_commit(&saving->file, &saving->why);
}

int dr_json_save(const char *path, mode_t mode, const json_t *value, bool pretty,
                 struct dr_err *err)
{
    struct saving saving = {.file = DR_FILE_INIT, .why = DR_ERR_INIT};
    int done = dr_file_create(&saving.file, path, mode, &saving.why);

    if (done == 0)
        done = save(&saving, value, pretty);
    dr_file_release(&saving.file);
    if (done < 0 && err)
        *err = saving.why;
    return done;
}

int dr_json_set(json_t *object, const char *key, json_t *value, struct dr_err *err)
{
    return json_object_set_new(object, key, value) < 0 ? dr_fail_memory(err) : 0;
}

int dr_json_append(json_t *array, json_t *value, struct dr_err *err)
{
    return json_array_append_new(array, value) < 0 ? dr_fail_memory(err) : 0;
}

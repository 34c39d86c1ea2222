/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/v1image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "manifests/rawjson.h"
#include "manifests/v1struct.h"

/* Before it, docker wrote all fields of its structs, empty ones too; configs are brought to that form. */
static const unsigned long noted_as_it_is[] = {1, 8, 3};

static const char *string_of(const json_t *value)
{
    return value ? json_string_value(value) : "";
}

/* A field that is text. `ret_value` is a new reference, NULL where there is none. */
static int get_text(const struct dr_raw_object *object, const char *name, json_t **ret_value,
                    struct dr_err *err)
{
    struct dr_raw raw;
    json_t *value = NULL;

    if (dr_raw_find(object, name, &raw, err) < 0)
        return -1;
    if (raw.data) {
        value = dr_raw_decode(&raw, err);
        if (!value)
            return -1;
    }
    if (value && !json_is_string(value)) {
        json_decref(value);
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is no text", name);
    }
    *ret_value = value;
    return 0;
}

static int get_id(const struct dr_raw_object *object, const char *name, char ret[DR_V1_ID],
                  struct dr_err *err)
{
    json_auto_t *value = NULL;

    if (get_text(object, name, &value, err) < 0)
        return -1;
    return dr_text_put(ret, DR_V1_ID, string_of(value)) < 0
               ? dr_fail(err, DR_ERR_FORMAT, "'%s' is longer than an ID", name)
               : 0;
}

static bool is_id(const char *id)
{
    return strlen(id) == DR_V1_ID - 1 && strspn(id, "0123456789abcdef") == DR_V1_ID - 1;
}

/* A string as it is in the item of the history: left out where empty. */
static int add_item_text(struct dr_buf *to, const char *key, const char *text, struct dr_err *err)
{
    if (!*text)
        return 0;
    return dr_buf_printf(to, err, ",\"%s\":", key) < 0 ? -1 : dr_raw_add_string(to, text, err);
}

/* The command that made the layer, its words joined by spaces. */
static int add_created_by(struct dr_buf *to, const struct dr_raw_object *object, struct dr_err *err)
{
    dr_auto_raw_object struct dr_raw_object config = DR_RAW_OBJECT_INIT;
    dr_auto_buf struct dr_buf line = DR_BUF_INIT(to->max);
    json_auto_t *words = NULL;
    struct dr_raw raw;
    size_t i;
    json_t *word;

    if (dr_raw_find(object, "container_config", &raw, err) < 0)
        return -1;
    if (!raw.data)
        return 0;
    if (dr_raw_object_parse(raw.data, raw.size, &config, err) < 0 ||
        dr_raw_find(&config, "Cmd", &raw, err) < 0)
        return -1;
    words = raw.data ? dr_raw_decode(&raw, err) : json_array();
    if (!words)
        return -1;
    if (json_is_string(words))
        return add_item_text(to, "created_by", json_string_value(words), err);
    json_array_foreach(words, i, word)
    {
        if ((i > 0 && dr_buf_add(&line, " ", 1, err) < 0) ||
            (json_is_string(word) && dr_buf_add_text(&line, json_string_value(word), err) < 0))
            return -1;
    }
    return add_item_text(to, "created_by", line.size ? line.data : "", err);
}

static int add_item(struct dr_buf *to, const struct dr_raw_object *object, bool throwaway,
                    struct dr_err *err)
{
    json_auto_t *author = NULL;
    json_auto_t *comment = NULL;
    struct dr_raw created;

    if (dr_raw_find(object, "created", &created, err) < 0 ||
        dr_buf_add_text(to, "{\"created\":", err) < 0 || dr_v1_add_time(to, &created, err) < 0 ||
        get_text(object, "author", &author, err) < 0 ||
        add_item_text(to, "author", string_of(author), err) < 0 ||
        add_created_by(to, object, err) < 0 || get_text(object, "comment", &comment, err) < 0 ||
        add_item_text(to, "comment", string_of(comment), err) < 0)
        return -1;
    return dr_buf_add_text(to, throwaway ? ",\"empty_layer\":true}" : "}", err);
}

static int get_flag(const struct dr_raw_object *object, const char *name, bool *ret_flag,
                    struct dr_err *err)
{
    struct dr_raw raw;

    if (dr_raw_find(object, name, &raw, err) < 0)
        return -1;
    if (raw.data && *raw.data != 't' && *raw.data != 'f')
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is neither true nor false", name);
    *ret_flag = raw.data && *raw.data == 't';
    return 0;
}

int dr_v1_image_read(const char *text, size_t size, struct dr_v1_image *ret_image,
                     struct dr_buf *history, struct dr_err *err)
{
    dr_auto_raw_object struct dr_raw_object object = DR_RAW_OBJECT_INIT;
    dr_auto_buf struct dr_buf unused = DR_BUF_INIT(history->max);
    json_auto_t *version = NULL;
    struct dr_v1_image image;

    if (dr_raw_object_parse(text, size, &object, err) < 0 ||
        dr_v1_add_struct(&unused, &object, err) < 0 || get_id(&object, "id", image.id, err) < 0 ||
        get_id(&object, "parent", image.parent, err) < 0 ||
        get_flag(&object, "throwaway", &image.throwaway, err) < 0 ||
        get_text(&object, "docker_version", &version, err) < 0)
        return -1;
    if (!is_id(image.id))
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is no ID of an image", image.id);
    if (add_item(history, &object, image.throwaway, err) < 0)
        return -1;
    image.has_version = *string_of(version);
    *ret_image = image;
    return 0;
}

/* As strconv.Atoi(): what is no number is 0, what is too large is the largest. */
static long part_value(const char *part, size_t size)
{
    const char *digits = part + (size > 0 && (*part == '-' || *part == '+'));
    size_t count = size - (size_t)(digits - part);

    return count > 0 && strspn(digits, "0123456789") >= count ? strtol(part, NULL, 10) : 0;
}

static bool is_old(const char *version)
{
    for (size_t i = 0; i < 3 || *version; i++) {
        size_t size = strcspn(version, ".");
        long wanted = i < 3 ? (long)noted_as_it_is[i] : 0;
        long part = part_value(version, size);

        if (part != wanted)
            return part < wanted;
        version += size + (version[size] == '.');
    }
    return false;
}

/* The old configs, through docker's struct. `text` and `object` are replaced by the result then. */
static int bring_to_form(struct dr_buf *text, struct dr_raw_object *object, struct dr_err *err)
{
    json_auto_t *version = NULL;

    if (get_text(object, "docker_version", &version, err) < 0)
        return -1;
    if (!is_old(string_of(version)))
        return 0;
    if (dr_v1_add_struct(text, object, err) < 0)
        return -1;
    return dr_raw_object_parse(text->data, text->size, object, err);
}

static bool is_dropped(const char *key)
{
    static const char *const dropped[] = {"id",       "parent",    "Size",   "parent_id",
                                          "layer_id", "throwaway", "rootfs", "history"};

    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
        if (strcmp(key, dropped[i]) == 0)
            return true;
    }
    return false;
}

static int add_key(struct dr_buf *to, const char *key, bool *first, struct dr_err *err)
{
    if (dr_buf_add_text(to, *first ? "{" : ",", err) < 0 || dr_raw_add_string(to, key, err) < 0)
        return -1;
    *first = false;
    return dr_buf_add(to, ":", 1, err);
}

static int add_config(const struct dr_raw_object *object, const char *history, size_t layer_count,
                      struct dr_buf *before, struct dr_buf *after, struct dr_err *err)
{
    /* In the order of all keys, these two stand among the others. */
    const char *const own[] = {"history", "rootfs", NULL};
    const char *const *next = own;
    struct dr_buf *to = before;
    bool first = true;

    for (size_t i = 0; i < object->count || *next;) {
        const struct dr_raw_member *member = i < object->count ? &object->members[i] : NULL;

        if (member && (!*next || strcmp(member->key, *next) <= 0)) {
            i++;
            if (!is_dropped(member->key) && (add_key(to, member->key, &first, err) < 0 ||
                                             dr_raw_add(to, &member->value, err) < 0))
                return -1;
            continue;
        }
        if (add_key(to, *next, &first, err) < 0)
            return -1;
        if (next++ == own) {
            if (dr_buf_add_text(to, history, err) < 0)
                return -1;
            continue;
        }
        if (dr_buf_add_text(to, "{\"type\":\"layers\"", err) < 0 ||
            (layer_count && dr_buf_add_text(to, ",\"diff_ids\":[", err) < 0))
            return -1;
        to = after;
        if (dr_buf_add_text(to, layer_count ? "]}" : "}", err) < 0)
            return -1;
    }
    return dr_buf_add_text(to, "}", err);
}

int dr_v1_config(const char *text, size_t size, const char *history, size_t layer_count,
                 struct dr_buf *before, struct dr_buf *after, struct dr_err *err)
{
    dr_auto_raw_object struct dr_raw_object object = DR_RAW_OBJECT_INIT;
    dr_auto_buf struct dr_buf again = DR_BUF_INIT(before->max);

    if (dr_raw_object_parse(text, size, &object, err) < 0 ||
        bring_to_form(&again, &object, err) < 0)
        return -1;
    return add_config(&object, history, layer_count, before, after, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_RAWJSON_H
#define DROVER_MANIFESTS_RAWJSON_H

/*
 * JSON as text, for where every byte counts: an image's ID is the hash of its config, and the configs of converted
 * schema 1 images have to come out as Go's encoding/json writes them. A parser loses what the ID depends on (1.50
 * becomes 1.5, large numbers do not fit), so values are kept as the pieces of text that they were, and jansson reads
 * only those that are interpreted.
 *
 *     dr_auto_raw_object struct dr_raw_object object = DR_RAW_OBJECT_INIT;
 *     struct dr_raw value;
 *     dr_raw_object_parse(text, size, &object, err);
 *     dr_raw_find(&object, "created", &value, err);     value.data is NULL: not there, or null
 *     dr_raw_add(&buf, &value, err);                    as Go's json.Marshal() of a json.RawMessage
 *
 * Callers bound the text; errors are DR_ERR_FORMAT.
 */

#include <stddef.h>

#include <jansson.h>

#include "lib/buf.h"
#include "lib/err.h"

/* Containers in containers; real configs have 4. */
#define DR_RAW_DEPTH_MAX 64

/* One value as it was written, without spaces around; borrowed from the text. */
struct dr_raw {
    const char *data;
    size_t size;
};

struct dr_raw_member {
    char *key; /* decoded; owned */
    struct dr_raw value;
};

/* An object taken apart at its first level. The pieces point into the text that was parsed. */
struct dr_raw_object {
    struct dr_raw_member *members; /* ascending by key, no key twice; owned */
    size_t count;
};

#define DR_RAW_OBJECT_INIT                                                                         \
    {                                                                                              \
        .members = NULL                                                                            \
    }

/* One whole object and nothing else; all of it is checked to be JSON (RFC 8259). */
int dr_raw_object_parse(const char *text, size_t size, struct dr_raw_object *ret_object,
                        struct dr_err *err);
void dr_raw_object_release(struct dr_raw_object *object);
#define dr_auto_raw_object __attribute__((cleanup(dr_raw_object_release)))

/* The value that Go would decode into a field of this name: case does not matter. `ret_value` is zero where there is
 * none or null. Two that fit are an error, since it would depend on their order. */
int dr_raw_find(const struct dr_raw_object *object, const char *name, struct dr_raw *ret_value,
                struct dr_err *err);

/* The value read by jansson: new reference, NULL on failure. */
json_t *dr_raw_decode(const struct dr_raw *value, struct dr_err *err);

/* Appends it without the spaces between its parts, and with < > & U+2028 U+2029 as \u escapes; all else verbatim. */
int dr_raw_add(struct dr_buf *to, const struct dr_raw *value, struct dr_err *err);

/* Appends UTF-8 text as a JSON string the way Go (to 1.21) writes it. */
int dr_raw_add_string(struct dr_buf *to, const char *text, struct dr_err *err);

#endif

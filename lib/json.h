/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_JSON_H
#define DROVER_LIB_JSON_H

/*
 * The one place for jansson's flags and for reading fields with errors that name them. Values are
 * jansson's own json_t; scopes hold them with json_auto_t. `what` names the document in errors
 * ("bundle.json").
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "lib/err.h"

/* One whole document: duplicate keys, trailing bytes, bare values and bad UTF-8 are DR_ERR_FORMAT.
 * The caller bounds `size` before. New reference. */
json_t *dr_json_parse(const char *data, size_t size, const char *what, struct dr_err *err);

/* Reads and parses a file of at most `max` bytes. New reference. */
json_t *dr_json_read(const char *path, size_t max, struct dr_err *err);

/* A field that must be there and of that type, else DR_ERR_FORMAT naming `key`. Results are
 * borrowed. */
int dr_json_get_string(const json_t *object, const char *key, const char **ret, struct dr_err *err);
int dr_json_get_uint64(const json_t *object, const char *key, uint64_t *ret, struct dr_err *err);
int dr_json_get_array(const json_t *object, const char *key, json_t **ret, struct dr_err *err);
int dr_json_get_object(const json_t *object, const char *key, json_t **ret, struct dr_err *err);

/* A field that may be missing or null or of another type: `otherwise` then. Borrowed. */
const char *dr_json_string_or(const json_t *object, const char *key, const char *otherwise);
int64_t dr_json_int_or(const json_t *object, const char *key, int64_t otherwise);
bool dr_json_true(const json_t *object, const char *key);

/* Follows keys down nested objects, ended by NULL: dr_json_at(o, "Config", "Env", NULL). Borrowed
 * or NULL. */
json_t *dr_json_at(const json_t *object, ...) __attribute__((sentinel));

/* The name of a file: JSON is UTF-8, names are bytes; those that are no UTF-8 are '?'. NULL when memory is out. */
json_t *dr_json_name(const char *name);

/* Serialised: compact, or indented by two spaces with `pretty`; keys in insertion order, so that
 * equal building gives equal bytes. Owned text without final newline. */
char *dr_json_text(const json_t *value, bool pretty, struct dr_err *err);

/* What --json prints: the text, indented, and a newline. */
int dr_json_print(const json_t *value, FILE *to, struct dr_err *err);

/* The same into a file, through a small buffer: whole, flushed and renamed, or the file is as before (lib/file.h). */
int dr_json_save(const char *path, mode_t mode, const json_t *value, bool pretty,
                 struct dr_err *err);

/* json_object_set_new() and json_array_append_new() with our error idiom; `value` is always
 * consumed. */
int dr_json_set(json_t *object, const char *key, json_t *value, struct dr_err *err);
int dr_json_append(json_t *array, json_t *value, struct dr_err *err);

#endif

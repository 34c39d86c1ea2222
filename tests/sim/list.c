/* SPDX-License-Identifier: Apache-2.0 */
// Collections: only columns filter and everything else is silently ignored; removed rows stay for
// five minutes; 100 a page unless told otherwise.
#include "api.h"
#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool row_listed(const struct row *row)
{
    json_int_t removed = row_int(row, "removedTS");
    return !removed || (double)(sim_now_ms() - removed) < sim_scaled(300) * 1000;
}

static void text_of(const json_t *value, char out[512])
{
    if (json_is_string(value))
        snprintf(out, 512, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(out, 512, "%lld", (long long)json_integer_value(value));
    else
        snprintf(out, 512, "%s",
                 json_is_true(value)    ? "true"
                 : json_is_false(value) ? "false"
                                        : "");
}

static int order(const char *a, const char *b)
{
    char *end_a, *end_b;
    long x = strtol(a, &end_a, 10), y = strtol(b, &end_b, 10);
    if (*a && *b && !*end_a && !*end_b)
        return x < y ? -1 : x > y;
    return strcmp(a, b);
}

// SQL's LIKE; only the last % is ever gone back to, so a hostile pattern costs no more than text ×
// pattern.
static bool like(const char *text, const char *pattern)
{
    const char *star = NULL, *mark = NULL;
    while (*text) {
        if (*pattern == '%') {
            star = ++pattern;
            mark = text;
        } else if (*pattern == *text || *pattern == '_') {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '%')
        pattern++;
    return !*pattern;
}

static bool matches(const json_t *value, const char *op, const char *wanted)
{
    bool null = !value || json_is_null(value);
    char text[512];
    text_of(value, text);
    if (!strcmp(op, "null"))
        return null;
    if (!strcmp(op, "notnull"))
        return !null;
    if (!strcmp(op, "ne"))
        return null || strcmp(text, wanted) != 0;
    if (!strcmp(op, "notlike"))
        return null || !like(text, wanted);
    if (null)
        return false;
    if (!strcmp(op, "prefix"))
        return !strncmp(text, wanted, strlen(wanted));
    if (!strcmp(op, "like"))
        return like(text, wanted);
    int o = order(text, wanted);
    if (!strcmp(op, "lt"))
        return o < 0;
    if (!strcmp(op, "lte"))
        return o <= 0;
    if (!strcmp(op, "gt"))
        return o > 0;
    if (!strcmp(op, "gte"))
        return o >= 0;
    return !strcasecmp(text, wanted);
}

// Splits field_op; false when it is no filter on a column.
static bool parse(const struct api *api, const struct api_type *type, const char *key,
                  char field[128], char op[16])
{
    static const char *const ops[] = {"eq",     "ne",   "lt",      "lte",  "gt",     "gte",
                                      "prefix", "like", "notlike", "null", "notnull"};
    snprintf(field, 128, "%s", key);
    snprintf(op, 16, "eq");
    char *dash = strrchr(field, '_');
    for (size_t i = 0; dash && i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(dash + 1, ops[i]) != 0)
            continue;
        snprintf(op, 16, "%s", ops[i]);
        *dash = 0;
        break;
    }
    return api_is_column(api, type, field);
}

static bool passes(const struct api *api, const struct api_type *type, const struct row *row)
{
    for (struct evkeyval *q = api->query.tqh_first; q; q = q->next.tqe_next) {
        char field[128], op[16];
        if (parse(api, type, q->key, field, op) &&
            !matches(json_object_get(row->j, field), op, q->value))
            return false;
    }
    return true;
}

static json_t *filters_of(const struct api *api, const struct api_type *type)
{
    json_t *out = json_object();
    for (struct evkeyval *q = api->query.tqh_first; q; q = q->next.tqe_next) {
        char field[128], op[16];
        if (!parse(api, type, q->key, field, op))
            continue;
        bool none = strstr(op, "null") != NULL;
        json_object_set_new(out, field,
                            json_pack("[{s:s, s:o}]", "modifier", op, "value",
                                      none ? json_null() : json_string(q->value)));
    }
    return out;
}

static const char *sort_key;
static bool sort_down;

static int compare(const void *a, const void *b)
{
    const struct row *const *x = a, *const *y = b;
    if (!sort_key || !strcmp(sort_key, "id"))
        return sort_down ? (*y)->num - (*x)->num : (*x)->num - (*y)->num;
    char left[512], right[512];
    text_of(json_object_get((*x)->j, sort_key), left);
    text_of(json_object_get((*y)->j, sort_key), right);
    int o = order(left, right);
    return o ? (sort_down ? -o : o) : (*x)->num - (*y)->num;
}

static bool belongs(const struct api *api, const struct api_type *type, const struct row *row)
{
    return api_sees(api, row) && row_listed(row) &&
           (type->subtypes || !strcmp(type->name, row_str(row, "type")) ||
            !strcmp(type->name, "instance") || !strcmp(type->name, "account"));
}

static int collect(const struct api *api, const struct api_type *type, list_filter_fn *only,
                   const void *arg, struct row **out)
{
    int count = 0;
    for (int n = 1; n <= db_count(type->table); n++) {
        struct row *row = db_get(type->table, n);
        if (row && belongs(api, type, row) && (!only || only(row, arg)) && passes(api, type, row))
            out[count++] = row;
    }
    return count;
}

static json_t *next_page(const struct api *api, int limit, int marker)
{
    char url[4000];
    int used = snprintf(url, sizeof url, "%s%s?", api->root, api->path);
    for (struct evkeyval *q = api->query.tqh_first; q && used < 3000; q = q->next.tqe_next) {
        if (!strcmp(q->key, "limit") || !strcmp(q->key, "marker"))
            continue;
        used += snprintf(url + used, sizeof url - (size_t)used, "%.200s=%.200s&", q->key, q->value);
    }
    snprintf(url + used, sizeof url - (size_t)used, "limit=%d&marker=m%d", limit, marker);
    return json_string(url);
}

void list_reply(struct api *api, const struct api_type *type, list_filter_fn *only, const void *arg)
{
    struct row **rows = calloc((size_t)db_count(type->table) + 1, sizeof *rows);
    if (!rows) {
        api_error(api, 500, "ServerError", "out of memory", NULL);
        return;
    }
    int count = collect(api, type, only, arg, rows);
    const char *text = api_query(api, "sort"), *down = api_query(api, "order");
    sort_key = text && api_is_column(api, type, text) ? text : NULL;
    sort_down = down && !strcasecmp(down, "desc");
    qsort(rows, (size_t)count, sizeof *rows, compare);
    text = api_query(api, "limit");
    long limit = text ? strtol(text, NULL, 10) : 100;
    limit = limit <= 0 ? 0 : limit > 10000 ? 10000 : limit;
    text = api_query(api, "marker");
    long start = text && text[0] == 'm' ? strtol(text + 1, NULL, 10) : 0;
    start = start < 0 || start > count ? count : start;
    long end = limit && start + limit < count ? start + limit : count;
    json_t *data = json_array();
    for (long n = start; n < end; n++)
        json_array_append_new(data, render_row(api, rows[n]));
    free(rows);
    json_t *out = render_collection(api, type->name, data);
    json_object_set_new(out, "filters", filters_of(api, type));
    if (strcmp(type->name, "project") != 0) // that collection is made in code, without pages
        json_object_set_new(
            out, "pagination",
            json_pack("{s:n, s:n, s:o, s:o, s:n, s:b}", "first", "previous", "next",
                      end < count ? next_page(api, (int)limit, (int)end) : json_null(), "limit",
                      limit ? json_integer(limit) : json_null(), "total", "partial", end < count));
    api_reply(api, 200, out);
}

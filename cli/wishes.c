/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wishes.h"

#include <string.h>
#include <unistd.h>

#include "apply/only.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"

#define PARALLEL_MOST 64
#define ORDER_MAX (1u << 20)

void dr_wishes_release(struct dr_wishes *wishes)
{
    json_decref(wishes->skip_array);
    json_decref(wishes->order_array);
    wishes->skip_array = wishes->order_array = NULL;
}

/* Names between any of `separators`; empty ones do not count. */
static int split(json_t *array, const char *text, const char *separators, struct dr_err *err)
{
    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t size = strcspn(text, separators);

        if (dr_json_append(array, json_stringn(text, size), err) < 0)
            return -1;
        text += size;
    }
    return 0;
}

/* A file if there is one of that name: one host per line; else the names themselves. */
static int read_order(const char *text, json_t *array, struct dr_err *err)
{
    dr_auto_buf struct dr_buf data = DR_BUF_INIT(ORDER_MAX);

    if (access(text, F_OK) < 0)
        return split(array, text, ",", err);
    if (dr_file_read(text, &data, err) < 0)
        return -1;
    return data.data ? split(array, data.data, "\r\n", err) : 0;
}

static int read_pinned(const char *text, enum dr_pinned *ret_pinned, struct dr_err *err)
{
    if (strcmp(text, "report") == 0)
        *ret_pinned = DR_PINNED_REPORT;
    else if (strcmp(text, "recreate") == 0)
        *ret_pinned = DR_PINNED_RECREATE;
    else if (strcmp(text, "upgrade") == 0)
        *ret_pinned = DR_PINNED_UPGRADE;
    else
        return dr_fail(err, DR_ERR_USAGE, "--pinned is report, recreate or upgrade, not '%s'",
                       text);
    return 0;
}

int dr_wishes_read(struct dr_wishes *wishes, struct dr_apply_options *options, struct dr_err *err)
{
    if (wishes->parallel > PARALLEL_MOST)
        return dr_fail(err, DR_ERR_USAGE, "--parallel is at most %d", PARALLEL_MOST);
    if ((wishes->pinned && read_pinned(wishes->pinned, &options->wishes.pinned, err) < 0) ||
        (wishes->only && dr_only_parse(wishes->only, &options->only, err) < 0))
        return -1;
    wishes->skip_array = json_array();
    wishes->order_array = json_array();
    for (size_t i = 0; i < wishes->skip_hosts.count; i++) {
        if (dr_json_append(wishes->skip_array, json_string(wishes->skip_hosts.item[i]), err) < 0)
            return -1;
    }
    if (wishes->host_order && read_order(wishes->host_order, wishes->order_array, err) < 0)
        return -1;
    options->rancher_keys = wishes->keys_file;
    options->wishes.parallel = (unsigned)wishes->parallel;
    options->wishes.recreate = wishes->recreate;
    options->wishes.skip_hosts = wishes->skip_array;
    options->wishes.host_order = wishes->order_array;
    return 0;
}

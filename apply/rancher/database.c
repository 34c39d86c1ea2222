/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/database.h"

#include <stdio.h>

#include "apply/rancher/client.h"
#include "lib/json.h"
#include "lib/text.h"

static int on_lock(void *context, const json_t *row, struct dr_err *err)
{
    struct dr_rancher_database *database = context;

    (void)err;
    if (!dr_json_true(row, "locked"))
        return 0;
    database->locked = true;
    snprintf(database->locked_by, sizeof database->locked_by, "by %.120s since %.80s",
             dr_json_string_or(row, "lockedBy", "?"), dr_json_string_or(row, "lockGranted", "?"));
    snprintf(database->lock_id, sizeof database->lock_id, "%.60s",
             dr_json_string_or(row, "id", "1"));
    dr_text_clean(database->locked_by);
    dr_text_clean(database->lock_id);
    return 0;
}

static int on_config(void *context, const json_t *row, struct dr_err *err)
{
    struct dr_rancher_database *database = context;

    (void)err;
    snprintf(database->host, sizeof database->host, "%.120s", dr_json_string_or(row, "dbHost", ""));
    dr_text_clean(database->host);
    return 0;
}

static int list(struct dr_rancher *rancher, const char *url, dr_client_item_fn *item,
                struct dr_rancher_database *database, const char *what, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    if (dr_client_list(rancher, url, NULL, item, database, what, &why) == 0 ||
        why.code == DR_ERR_ABSENT || why.code == DR_ERR_AUTH)
        return 0;
    if (err)
        *err = why;
    return -1;
}

int dr_rancher_database(struct dr_rancher *rancher, struct dr_rancher_database *ret_database,
                        struct dr_err *err)
{
    struct dr_rancher_database database = {.host = ""};

    if (list(rancher, "/databasechangeloglocks", on_lock, &database,
             "read the lock of the database's change log", err) < 0 ||
        list(rancher, "/haconfigs", on_config, &database, "read where the database is", err) < 0)
        return -1;
    *ret_database = database;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/upgrade.h"

#include "apply/container.h"
#include "apply/server/answer.h"
#include "apply/server/database.h"
#include "apply/target.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/http/http.h"
#include "lib/json.h"

void dr_upgrade_release(struct dr_upgrade *upgrade)
{
    dr_rancher_free(upgrade->rancher);
    dr_engine_free(upgrade->engine);
    dr_claims_release(&upgrade->claims);
    upgrade->rancher = NULL;
    upgrade->engine = NULL;
}

json_t *dr_upgrade_server(const struct dr_upgrade *upgrade)
{
    return json_object_get(upgrade->journal->state, "server");
}

json_t *dr_upgrade_target(const struct dr_upgrade *upgrade)
{
    return json_object_get(upgrade->journal->state, "target");
}

const char *dr_upgrade_text(const struct dr_upgrade *upgrade, const char *part, const char *key)
{
    const json_t *server = dr_upgrade_server(upgrade);

    return dr_json_string_or(part ? json_object_get(server, part) : server, key, "");
}

bool dr_upgrade_has_server(const struct dr_upgrade *upgrade)
{
    return dr_json_true(dr_upgrade_server(upgrade), "needed");
}

int dr_upgrade_old(const struct dr_upgrade *upgrade, json_t **ret_inspect, struct dr_err *err)
{
    return dr_container_find(upgrade, dr_upgrade_server(upgrade), ret_inspect, err);
}

int dr_upgrade_new(const struct dr_upgrade *upgrade, json_t **ret_inspect, struct dr_err *err)
{
    return dr_container_find(upgrade, json_object_get(dr_upgrade_server(upgrade), "candidate"),
                             ret_inspect, err);
}

/* A new server that is gone may have been started, and its successor looks as if nothing ever ran. */
int dr_upgrade_is_committed(const struct dr_upgrade *upgrade, bool *ret_committed,
                            struct dr_err *err)
{
    json_t *server = dr_upgrade_server(upgrade);
    json_auto_t *created = NULL;
    bool committed = dr_json_true(server, "committed");

    if (!committed) {
        if (dr_upgrade_new(upgrade, &created, err) < 0)
            return -1;
        committed =
            created ? !dr_docker_is_new(created) : dr_journal_is_begun(upgrade->journal, "start");
    }
    if (committed && dr_json_set(server, "committed", json_true(), err) < 0)
        return -1;
    *ret_committed = committed;
    return 0;
}

int dr_upgrade_check_alone(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    json_auto_t *then = json_copy(json_object_get(dr_upgrade_server(upgrade), "inspect"));
    json_auto_t *old = NULL;

    if (!then)
        return dr_fail_memory(err);
    if (dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    /* As it was seen while it ran, under the name that it has now. */
    if (old && json_object_set(then, "Name", json_object_get(old, "Name")) < 0)
        return dr_fail_memory(err);
    return dr_database_alone(upgrade->engine, then, dr_upgrade_text(upgrade, "candidate", "id"),
                             err);
}

static int save(void *context, struct dr_err *err)
{
    return dr_journal_save(context, err);
}

int dr_upgrade_connect(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    const json_t *target = dr_upgrade_target(upgrade);
    json_t *state = upgrade->journal->state;
    struct dr_rancher_options rancher = {
        .url = options->rancher_url ? options->rancher_url
                                    : dr_json_string_or(state, "rancher_url", ""),
        .access_key = options->access_key,
        .secret_key = options->secret_key,
        .keys_file = options->rancher_keys,
        .ca_file = options->rancher_ca,
        .log = options->log,
    };

    if (!upgrade->rancher)
        upgrade->rancher = dr_rancher_new(&rancher, err);
    upgrade->job = (struct dr_rancher_job){
        .rancher = upgrade->rancher,
        .inventory = json_object_get(state, "inventory"),
        .agent = dr_target_text(target, "agent"),
        .agent_instance = dr_target_text(target, "agent_instance"),
        .wishes = &options->wishes,
        .settle_seconds = options->settle_seconds,
        .report = json_object_get(state, "report"),
        .changed = save,
        .context = upgrade->journal,
        .log = options->log,
    };
    return upgrade->rancher ? 0 : -1;
}

int dr_upgrade_wait(const struct dr_upgrade *upgrade, const char *container, const char *who,
                    struct dr_err *err)
{
    /* ".../v1" and "ping" make ".../ping". */
    dr_autofree char *url = dr_http_resolve(dr_rancher_url(upgrade->rancher), "ping", err);
    struct dr_answer answer = {
        .engine = upgrade->engine,
        .container = container,
        .who = who,
        .url = url,
        .ca_file = upgrade->options->rancher_ca,
        .log = upgrade->log,
    };

    return url ? dr_answer_wait(&answer, err) : -1;
}

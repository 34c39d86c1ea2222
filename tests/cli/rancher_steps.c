/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rancher_steps FOLDER URL AGENT AGENT_INSTANCE STEP...: the steps of drover's Rancher half by
 * themselves, as `drover apply` runs them, for tests against the simulator without an engine.
 * FOLDER keeps inventory.json and report.json between calls, as the journal does. Keys come from
 * RANCHER_ACCESS_KEY and RANCHER_SECRET_KEY or the file RANCHER_KEYS, wishes from WISHES, a JSON object
 * {"parallel", "recreate", "pinned": "recreate"|"upgrade", "skip": [], "order": []}. Steps: version inventory show plan same settings
 * prepull agents netagents balancers prove.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/rancher/agents.h"
#include "apply/rancher/balancers.h"
#include "apply/rancher/inventory.h"
#include "apply/rancher/netagents.h"
#include "apply/rancher/prepull.h"
#include "apply/rancher/prove.h"
#include "apply/rancher/settings.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/stop.h"

struct steps {
    struct dr_rancher_job job;
    struct dr_rancher_wishes wishes;
    const char *folder;
    json_t *inventory;
};

static int save(const char *folder, const char *name, const json_t *value, struct dr_err *err)
{
    dr_autofree char *path = dr_file_join(folder, name, err);
    dr_autofree char *text = dr_json_text(value, true, err);

    return path && text ? dr_file_save(path, 0600, text, strlen(text), err) : -1;
}

static json_t *load(const char *folder, const char *name)
{
    dr_autofree char *path = dr_file_join(folder, name, NULL);

    return path ? dr_json_read(path, 256u << 20, NULL) : NULL;
}

static int on_change(void *context, struct dr_err *err)
{
    const struct steps *steps = context;

    return save(steps->folder, "report.json", steps->job.report, err);
}

static int take(struct steps *steps, struct dr_err *err)
{
    json_decref(steps->inventory);
    steps->inventory = dr_inventory_take(steps->job.rancher, err);
    steps->job.inventory = steps->inventory;
    return steps->inventory ? save(steps->folder, "inventory.json", steps->inventory, err) : -1;
}

static int plan(const struct steps *steps, struct dr_err *err)
{
    json_auto_t *rows = json_array();
    dr_autofree char *text = NULL;

    if (dr_settings_plan(&steps->job, rows, err) < 0 ||
        dr_prepull_plan(&steps->job, rows, err) < 0 || dr_agents_plan(&steps->job, rows, err) < 0 ||
        dr_netagents_plan(&steps->job, rows, err) < 0 ||
        dr_balancers_plan(&steps->job, rows, err) < 0)
        return -1;
    text = dr_json_text(rows, true, err);
    return text && puts(text) >= 0 ? 0 : -1;
}

static int show(const struct steps *steps, struct dr_err *err)
{
    json_auto_t *rows = json_array();
    dr_autofree char *text = NULL;

    if (dr_inventory_rows(steps->inventory, rows, err) < 0)
        return -1;
    text = dr_json_text(rows, true, err);
    return text && puts(text) >= 0 ? 0 : -1;
}

static int version(const struct steps *steps, struct dr_err *err)
{
    enum dr_rancher_access access;
    char text[64];

    if (dr_rancher_probe(steps->job.rancher, &access, err) < 0 ||
        dr_rancher_version(steps->job.rancher, text, err) < 0)
        return -1;
    printf("%s %s %s\n", dr_rancher_url(steps->job.rancher), text, dr_rancher_access_name(access));
    return 0;
}

static int run(struct steps *steps, const char *step, struct dr_err *err)
{
    static const struct {
        const char *name;
        int (*run)(const struct dr_rancher_job *job, struct dr_err *err);
    } table[] = {
        {"settings", dr_settings_check},
        {"prepull", dr_prepull_run},
        {"agents", dr_agents_run},
        {"netagents", dr_netagents_run},
        {"prove", dr_prove},
        {"balancers", dr_balancers_run},
    };

    if (strcmp(step, "inventory") == 0)
        return take(steps, err);
    if (strcmp(step, "plan") == 0)
        return plan(steps, err);
    if (strcmp(step, "show") == 0)
        return show(steps, err);
    if (strcmp(step, "version") == 0)
        return version(steps, err);
    if (strcmp(step, "same") == 0)
        return dr_inventory_check(&steps->job, NULL, err);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(step, table[i].name) == 0)
            return table[i].run(&steps->job, err);
    }
    return dr_fail(err, DR_ERR_USAGE, "no step '%s'", step);
}

/* `ret_keep` holds what the wishes borrow. */
static int read_wishes(struct dr_rancher_wishes *wishes, json_t **ret_keep, struct dr_err *err)
{
    const char *text = getenv("WISHES");
    const char *pinned;

    *ret_keep = text ? dr_json_parse(text, strlen(text), "WISHES", err) : json_object();
    if (!*ret_keep)
        return -1;
    pinned = dr_json_string_or(*ret_keep, "pinned", "");
    wishes->parallel = (unsigned)dr_json_int_or(*ret_keep, "parallel", 0);
    wishes->recreate = dr_json_true(*ret_keep, "recreate");
    wishes->skip_hosts = json_object_get(*ret_keep, "skip");
    wishes->host_order = json_object_get(*ret_keep, "order");
    wishes->pinned = strcmp(pinned, "recreate") == 0  ? DR_PINNED_RECREATE
                     : strcmp(pinned, "upgrade") == 0 ? DR_PINNED_UPGRADE
                                                      : DR_PINNED_REPORT;
    return 0;
}

int main(int argc, char **argv)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_log log;
    struct steps steps = {.folder = argc > 1 ? argv[1] : "."};
    json_auto_t *report = NULL;
    json_auto_t *keep = NULL;
    dr_auto_rancher struct dr_rancher *rancher = NULL;
    int done = argc > 5 ? 0 : dr_fail(&err, DR_ERR_USAGE, "see the head of rancher_steps.c");

    dr_stop_install();
    dr_log_init(&log, getenv("VERBOSE") ? 1 : 0, DR_LOG_AUTO);
    if (done == 0) {
        const struct dr_rancher_options options = {.url = argv[2],
                                                   .access_key = getenv("RANCHER_ACCESS_KEY"),
                                                   .secret_key = getenv("RANCHER_SECRET_KEY"),
                                                   .keys_file = getenv("RANCHER_KEYS"),
                                                   .log = &log};

        rancher = dr_rancher_new(&options, &err);
        report = load(steps.folder, "report.json");
        report = report ? report : json_object();
        steps.inventory = load(steps.folder, "inventory.json");
        steps.job = (struct dr_rancher_job){.rancher = rancher,
                                            .inventory = steps.inventory,
                                            .agent = argv[3],
                                            .agent_instance = argv[4],
                                            .report = report,
                                            .wishes = &steps.wishes,
                                            .changed = on_change,
                                            .context = &steps,
                                            .log = &log};
        done = rancher ? read_wishes(&steps.wishes, &keep, &err) : -1;
    }
    for (int i = 5; done == 0 && i < argc; i++)
        done = run(&steps, argv[i], &err);
    if (done < 0)
        fprintf(stderr, "rancher_steps: %s\n", err.text);
    json_decref(steps.inventory);
    return done == 0 ? 0 : dr_code_status(err.code);
}

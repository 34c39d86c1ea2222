/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback_report.h"

#include "lib/json.h"
#include "lib/text.h"

static const char *text_of(const json_t *object, const char *part, const char *key)
{
    return dr_json_string_or(part ? json_object_get(object, part) : object, key, "-");
}

static const char *place_of(const json_t *rollback)
{
    const json_t *database = json_object_get(rollback, "database");

    return dr_json_string_or(database, "volume", dr_json_string_or(database, "folder", "-"));
}

/* What Rancher has replaced on its hosts is not the server's container, and stays. */
static void print_left(FILE *out, const json_t *state)
{
    const json_t *report = json_object_get(state, "report");
    size_t agents = json_array_size(json_object_get(report, "network_agents"));
    size_t balancers = json_array_size(json_object_get(report, "balancers"));

    if (agents + balancers > 0)
        fprintf(out,
                "left      %zu network agents and %zu load balancer instances were replaced "
                "already, and stay:\n"
                "          the old server runs with the new containers. Its database knows the "
                "ones of before,\n"
                "          so it may show some as stopped, and may bring back its own\n",
                agents, balancers);
}

void dr_report_rollback(FILE *out, const json_t *state, const json_t *rollback)
{
    const json_t *backup = json_object_get(state, "backup");
    char size[16];

    dr_text_size((uint64_t)dr_json_int_or(backup, "bytes", 0), size);
    fprintf(out, "Rancher   %s -> %s, back from the upgrade that was begun at %s\n",
            text_of(state, "target", "release"), text_of(state, "server", "version"),
            text_of(state, NULL, "started"));
    fprintf(out, "server    container '%s' once more, of image '%s', with its old settings\n",
            text_of(state, "server", "name"), text_of(rollback, NULL, "image"));
    fprintf(out, "database  of %s, from %s (%s, read and whole)\n",
            text_of(backup, NULL, "finished_at"), text_of(backup, NULL, "file"), size);
    fprintf(out, "          into the fresh %s '%s'\n",
            json_object_get(json_object_get(rollback, "database"), "volume") ? "volume" : "folder",
            place_of(rollback));
    fprintf(out,
            "lost      what was changed in Rancher since then. It is kept aside, and never "
            "deleted: the\n"
            "          migrated database, and container '%s' on it, stopped\n",
            text_of(rollback, "kept", "name"));
    print_left(out, state);
}

void dr_report_rollback_end(FILE *out, const json_t *state, const char *journal)
{
    const json_t *rollback = json_object_get(state, "rollback");
    const char *kept = text_of(rollback, "kept", "name");

    fprintf(out, "\nRancher   %s again, on the database of %s\n",
            text_of(state, "server", "version"), text_of(state, "backup", "finished_at"));
    fprintf(out, "server    container '%s', its database is '%s'\n",
            text_of(state, "server", "name"), place_of(rollback));
    fprintf(out,
            "kept      container '%s' with the migrated database. If nobody will ever need it:\n"
            "          docker rm %s            its volumes stay, drover never deletes one\n",
            kept, kept);
    print_left(out, state);
    fprintf(out, "The whole record: %s\n", journal);
}

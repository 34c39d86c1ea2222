/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/doctor.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apply/doctor_parts.h"
#include "apply/journal.h"
#include "apply/look.h"
#include "apply/preflight.h"
#include "apply/server/version.h"
#include "apply/target.h"
#include "bundle/file/state.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/engine/storage.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"
#include "lib/stop.h"
#include "lib/text.h"

/* 2024-01-01: no machine that runs this has a clock of before. */
#define TIME_MIN INT64_C(1704067200)

/* What ends within a week may end before the window. */
#define SOON_SECONDS (7 * 86400)

/* A layer of an image takes about so many times its compressed size when it is unpacked. */
#define UNPACKED 3
#define IMAGES_BYTES (UINT64_C(2) << 30)

/* ---- this machine */

static int visit_clock(struct dr_visit *visit, struct dr_err *err)
{
    const struct dr_bundle_trust *trust = visit->options->trust;
    int64_t taken =
        trust && trust->state ? dr_state_imported_at(trust->state, trust->channel) : INT64_MIN;
    int64_t now = time(NULL);
    char then[32];
    char text[32];

    dr_text_time(now, text);
    if (now < TIME_MIN)
        return dr_findings_add(visit->findings, DR_FINDING_PROBLEM, "clock", err,
                               "this machine says that it is %s; set its clock, or bundles that "
                               "expired look good (or --ignore-clock)",
                               text);
    if (taken != INT64_MIN && taken > now + (int64_t)trust->max_clock_skew) {
        dr_text_time(taken, then);
        return dr_findings_add(visit->findings, DR_FINDING_PROBLEM, "clock", err,
                               "this machine says that it is %s, but the last bundle was taken at "
                               "%s; set its clock (or --ignore-clock)",
                               text, then);
    }
    return dr_findings_add(visit->findings, DR_FINDING_OK, "clock", err, "%s", text);
}

static int visit_state(struct dr_visit *visit, struct dr_err *err)
{
    const char *folder = visit->options->state_dir;
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    struct dr_err why = DR_ERR_INIT;

    if (dr_journal_peek(&journal, folder, &why) < 0)
        return dr_findings_fail(visit->findings, "state", &why, err);
    if (access(folder, F_OK) == 0 && access(folder, W_OK) < 0)
        return dr_findings_add(visit->findings, DR_FINDING_PROBLEM, "state", err,
                               "'%s' can't be written: %s; run drover as root, or name another "
                               "folder with --state-dir",
                               folder, strerror(errno));
    if (dr_journal_is_locked(&journal))
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "state", err,
                               "another drover is at work with '%s' now", folder);
    if (journal.state)
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "state", err,
                               "an upgrade that was begun at %s is not finished; 'drover status' "
                               "tells how to go on",
                               dr_json_string_or(journal.state, "started", "?"));
    return dr_findings_add(visit->findings, DR_FINDING_OK, "state", err,
                           "no upgrade is under way in '%s'", folder);
}

static int visit_user(struct dr_visit *visit, struct dr_err *err)
{
    if (geteuid() == 0)
        return 0;
    return dr_findings_add(visit->findings, DR_FINDING_WARNING, "user", err,
                           "drover does not run as root: it may not read the database's folder or "
                           "write its state");
}

/* ---- the bundle and the registry */

/* By its maker's word and by the site's: whichever ends first, if that is soon. */
static int visit_expiry(struct dr_visit *visit, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(visit->bundle);
    const struct dr_bundle_trust *trust = visit->options->trust;
    int64_t end = about->expires ? about->expires_at : INT64_MAX;
    char text[32];

    if (trust->max_age > 0 && about->created_at + (int64_t)trust->max_age < end)
        end = about->created_at + (int64_t)trust->max_age;
    if (trust->ignore_clock || end == INT64_MAX || end > trust->now + SOON_SECONDS)
        return 0;
    dr_text_time(end, text);
    return dr_findings_add(visit->findings, DR_FINDING_WARNING, "bundle", err,
                           "it is taken until %s only: be done by then, or have a new one made",
                           text);
}

static int visit_bundle(struct dr_visit *visit, struct dr_err *err)
{
    const struct dr_apply_options *options = visit->options;
    struct dr_err why = DR_ERR_INIT;
    const struct dr_bundle_about *about;
    char expires[64] = "";

    if (!options->bundle)
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "bundle", err,
                               "not looked at: none was named");
    if (!options->trust)
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "bundle", err,
                               "not looked at: nobody is trusted");
    visit->target = dr_target_read(options, &visit->bundle, &why);
    if (!visit->target)
        return dr_findings_fail(visit->findings, "bundle", &why, err);
    about = dr_bundle_about(visit->bundle);
    if (visit_expiry(visit, err) < 0)
        return -1;
    if (about->expires)
        snprintf(expires, sizeof expires, ", expires %.30s", about->expires);
    return dr_findings_add(visit->findings, DR_FINDING_OK, "bundle", err,
                           "Rancher %s, created %.30s%s; signature and every byte are good",
                           about->release, about->created, expires);
}

static int visit_registry(struct dr_visit *visit, struct dr_err *err)
{
    const struct dr_apply_options *options = visit->options;
    struct dr_registry_options where = {.ca_file = options->registry_ca,
                                        .insecure = options->registry_insecure,
                                        .log = options->log};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err why = DR_ERR_INIT;
    char host[256];
    char prefix[256];

    if (!options->registry)
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "registry", err,
                               "not looked at: none was named (--registry HOST[:PORT][/PREFIX])");
    if (dr_reference_parse_registry(options->registry, host, prefix, &why) < 0)
        return dr_findings_fail(visit->findings, "registry", &why, err);
    where.host = host;
    registry = dr_registry_new(&where, &why);
    if (!registry || dr_registry_ping(registry, &why) < 0)
        return dr_findings_fail(visit->findings, "registry", &why, err);
    if (options->registry_insecure &&
        dr_findings_add(visit->findings, DR_FINDING_WARNING, "registry", err,
                        "'%s' is talked to without a verified certificate; every host's engine "
                        "must allow that too",
                        host) < 0)
        return -1;
    if (!visit->bundle)
        return dr_findings_add(visit->findings, DR_FINDING_OK, "registry", err,
                               "'%s' answers, and takes the login if it wants one", host);
    if (dr_target_audit(options, visit->bundle, &why) < 0)
        return dr_findings_fail(visit->findings, "registry", &why, err);
    return dr_findings_add(visit->findings, DR_FINDING_OK, "registry", err,
                           "'%s' holds everything that the bundle holds", options->registry);
}

/* ---- the engine and the server */

static int visit_room(struct dr_visit *visit, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    dr_autofree char *folder = dr_engine_folder(visit->engine, &why);
    uint64_t packed = visit->bundle ? dr_bundle_about(visit->bundle)->layer_bytes : 0;
    uint64_t need = visit->bundle ? packed * UNPACKED : IMAGES_BYTES;
    uint64_t room;
    char left[16];
    char wanted[16];

    if (!folder)
        return dr_findings_fail(visit->findings, "images", &why, err);
    if (!dr_engine_local(visit->engine) || access(folder, F_OK) < 0)
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "images", err,
                               "the engine's folder '%s' is not on this machine, so its room is "
                               "not known",
                               folder);
    if (dr_file_space(folder, &room, &why) < 0)
        return dr_findings_fail(visit->findings, "images", &why, err);
    dr_text_size(room, left);
    dr_text_size(need, wanted);
    return dr_findings_add(visit->findings,
                           room < packed ? DR_FINDING_PROBLEM
                           : room < need ? DR_FINDING_WARNING
                                         : DR_FINDING_OK,
                           "images", err,
                           room < need ? "%s are free in the engine's folder '%s', and unpacked "
                                         "images may take %s; make room there"
                                       : "%s are free in the engine's folder '%s'; %s are enough",
                           left, folder, wanted);
}

static int visit_engine(struct dr_visit *visit, struct dr_err *err)
{
    const struct dr_engine_options where = dr_engine_options_from_environment();
    struct dr_err why = DR_ERR_INIT;

    visit->engine = dr_engine_new(&where, &why);
    if (!visit->engine)
        return dr_findings_fail(visit->findings, "engine", &why, err);
    if (dr_findings_add(visit->findings, DR_FINDING_OK, "engine", err, "Docker %s at %s, API 1.%u",
                        dr_engine_version(visit->engine), dr_engine_host(visit->engine),
                        dr_engine_api(visit->engine)) < 0)
        return -1;
    return visit_room(visit, err);
}

/* What apply's own preflight says: names, networks, links, and room for the copy. */
static int visit_database(struct dr_visit *visit, json_t *server, struct dr_err *err)
{
    json_auto_t *notes = json_array();
    struct dr_err why = DR_ERR_INIT;
    const json_t *database;
    bool volume;
    json_t *note;
    size_t i;
    char size[16];
    char room[16];

    if (dr_preflight(visit->options, visit->engine, &visit->found, server, notes, &why) < 0)
        return dr_findings_fail(visit->findings, "database", &why, err);
    json_array_foreach(notes, i, note)
    {
        if (dr_findings_add(visit->findings, DR_FINDING_WARNING, "database", err, "%s",
                            json_string_value(note)) < 0)
            return -1;
    }
    database = json_object_get(server, "database");
    if (!json_object_get(database, "bytes"))
        return dr_findings_add(visit->findings, DR_FINDING_OK, "database", err,
                               "outside of the container: %s",
                               dr_json_string_or(database, "place", "?"));
    volume = json_is_string(json_object_get(database, "volume"));
    dr_text_size((uint64_t)dr_json_int_or(database, "bytes", 0), size);
    dr_text_size((uint64_t)dr_json_int_or(database, "room", 0), room);
    return dr_findings_add(visit->findings, DR_FINDING_OK, "database", err,
                           "%s in %s '%.*s'; its copy goes to %.300s, where %s are free", size,
                           volume ? "volume" : "folder", volume ? 16 : 200,
                           dr_json_string_or(database, "place", "?"),
                           dr_json_string_or(server, "backup_file", "?"), room);
}

static int visit_server(struct dr_visit *visit, struct dr_err *err)
{
    json_auto_t *server = NULL;
    struct dr_err why = DR_ERR_INIT;
    char version[64] = "of unknown version";
    bool known;

    if (!visit->engine)
        return 0;
    if (dr_server_find(visit->engine, visit->options->container, &visit->found, &why) < 0 ||
        dr_server_check(visit->engine, &visit->found, &why) < 0) {
        dr_server_release(&visit->found);
        visit->found = (struct dr_server){0};
        return dr_findings_fail(visit->findings, "server", &why, err);
    }
    known = dr_server_version(&visit->found, version);
    server = json_pack("{s:s, s:s}", "name", dr_docker_name(visit->found.inspect), "version",
                       known ? version : "old");
    if (!server)
        return dr_fail_memory(err);
    if (dr_findings_add(
            visit->findings, DR_FINDING_OK, "server", err, "container '%s', Rancher %s from %s",
            dr_docker_name(visit->found.inspect), version,
            dr_json_string_or(json_object_get(visit->found.inspect, "Config"), "Image", "?")) < 0)
        return -1;
    return visit_database(visit, server, err);
}

/* ---- all of it, as apply looks at it */

static int visit_plan(struct dr_visit *visit, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_auto_t *state = NULL;

    if (!visit->target || !visit->engine ||
        dr_findings_count(visit->findings, DR_FINDING_PROBLEM) > 0)
        return 0;
    state = dr_look(visit->options, visit->engine, visit->target, &why);
    if (!state)
        return dr_findings_fail(visit->findings, "plan", &why, err);
    if (!dr_json_true(state, "busy"))
        return dr_findings_add(visit->findings, DR_FINDING_OK, "plan", err,
                               "everything runs this release already: there is nothing to do");
    return dr_findings_add(visit->findings, DR_FINDING_OK, "plan", err,
                           "%s to %s in %zu lines, which 'drover apply --dry-run' shows",
                           dr_json_string_or(json_object_get(state, "server"), "version", "?"),
                           dr_target_text(visit->target, "release"),
                           json_array_size(json_object_get(state, "plan")));
}

int dr_doctor(const struct dr_apply_options *options, json_t *findings, struct dr_err *err)
{
    static int (*const parts[])(struct dr_visit *, struct dr_err *) = {
        visit_clock,  visit_user,   visit_state,      visit_bundle, visit_registry,
        visit_engine, visit_server, dr_visit_rancher, visit_plan};
    struct dr_visit visit = {.options = options, .findings = findings};
    int done = 0;

    for (size_t i = 0; done == 0 && i < sizeof parts / sizeof *parts; i++)
        done = dr_stop_check(err, "looking at this host") < 0 ? -1 : parts[i](&visit, err);
    dr_server_release(&visit.found);
    json_decref(visit.target);
    dr_bundle_free(visit.bundle);
    dr_engine_free(visit.engine);
    return done;
}

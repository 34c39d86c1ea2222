/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/state.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/text.h"

#define STATE_MAX (1u << 20)
#define STATE_FORMAT 1

static const json_t *entry_of(const struct dr_state *state, const char *channel)
{
    return json_object_get(json_object_get(state->json, "channels"), channel);
}

static int check_entry(const json_t *entry, struct dr_err *err)
{
    struct dr_digest sums;
    const char *text;
    uint64_t serial;
    int64_t time;

    if (dr_json_get_uint64(entry, "serial", &serial, err) < 0 ||
        dr_json_get_string(entry, "sums", &text, err) < 0 ||
        dr_digest_parse(text, &sums, err) < 0 ||
        dr_json_get_string(entry, "imported", &text, err) < 0)
        return -1;
    return dr_text_untime(text, &time) < 0 ? dr_fail(err, DR_ERR_FORMAT, "'%.40s' is no time", text)
                                           : 0;
}

static int check_document(const json_t *document, struct dr_err *err)
{
    json_t *channels;
    uint64_t format;
    const char *name;
    json_t *entry;

    if (dr_json_get_uint64(document, "format", &format, err) < 0 ||
        dr_json_get_object(document, "channels", &channels, err) < 0)
        return -1;
    if (format != STATE_FORMAT)
        return dr_fail(err, DR_ERR_FORMAT, "it is of format %llu, of a newer drover",
                       (unsigned long long)format);
    json_object_foreach(channels, name, entry)
    {
        if (check_entry(entry, err) < 0)
            return dr_err_wrap(err, "channel '%s'", name);
    }
    return 0;
}

static int read_document(struct dr_state *state, struct dr_err *err)
{
    struct stat info;

    if (lstat(state->path, &info) < 0 && errno == ENOENT)
        return 0;
    if (dr_file_check_owned(state->path, err) < 0)
        return -1;
    state->json = dr_json_read(state->path, STATE_MAX, err);
    if (state->json && check_document(state->json, err) == 0)
        return 0;
    dr_err_wrap(err, "read '%s', which says what was taken here before", state->path);
    return dr_err_advise(err, "see docs/trust.md, \"When the state is lost\"");
}

int dr_state_open(struct dr_state *state, const char *folder, bool record, struct dr_err *err)
{
    dr_autofree char *lock = dr_file_join(folder, "state.lock", err);

    state->folder = dr_text_copy(folder, err);
    state->path = state->folder ? dr_file_join(folder, "state.json", err) : NULL;
    if (!lock || !state->path)
        return -1;
    if (record &&
        (dr_file_make_folder(folder, 0755, err) < 0 || dr_file_check_owned(folder, err) < 0 ||
         dr_file_lock(lock, &state->lock, err) < 0))
        return -1;
    return read_document(state, err);
}

void dr_state_release(struct dr_state *state)
{
    dr_cleanup_close(&state->lock);
    json_decref(state->json);
    json_decref(state->accepted);
    free(state->channel);
    free(state->path);
    free(state->folder);
    *state = (struct dr_state)DR_STATE_INIT;
}

int64_t dr_state_imported_at(const struct dr_state *state, const char *channel)
{
    int64_t when = INT64_MIN;

    dr_text_untime(dr_json_string_or(entry_of(state, channel), "imported", ""), &when);
    return when;
}

/* The entry that the bundle would have; its time is added when it is written. */
static json_t *make_entry(const struct dr_bundle_about *about, struct dr_err *err)
{
    char sums[DR_DIGEST_TEXT];
    json_auto_t *entry =
        json_pack("{s:I, s:s, s:s, s:[]}", "serial", (json_int_t)about->serial, "sums",
                  dr_digest_text(&about->whole, sums), "imported", "", "keys");

    for (size_t i = 0; i < about->signers.count; i++) {
        char hex[DR_DIGEST_TEXT];

        if (dr_json_append(json_object_get(entry, "keys"),
                           json_string(dr_digest_hex(&about->signers.ids[i], hex)), err) < 0)
            return NULL;
    }
    if (!entry)
        dr_fail_memory(err);
    return json_incref(entry);
}

static int accept_bundle(struct dr_state *state, const struct dr_bundle_about *about,
                         struct dr_err *err)
{
    json_decref(state->accepted);
    free(state->channel);
    state->channel = dr_text_copy(about->channel, err);
    state->accepted = state->channel ? make_entry(about, err) : NULL;
    return state->accepted ? 0 : -1;
}

static int accept_older(const struct dr_state *state, const struct dr_bundle_about *about,
                        uint64_t last, const struct dr_bundle_trust *trust, struct dr_err *err)
{
    if (!state->allow_downgrade)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the bundle has the serial %llu (created %s), and one with %llu was taken "
                       "here before, at %s: an older bundle brings back what newer ones mended; if "
                       "that is what you want, say --allow-downgrade",
                       (unsigned long long)about->serial, about->created, (unsigned long long)last,
                       dr_json_string_or(entry_of(state, about->channel), "imported", "?"));
    if (trust->log)
        dr_log_warn(trust->log,
                    "an OLDER bundle is taken, as --allow-downgrade says: serial %llu after %llu, "
                    "which stays the last one",
                    (unsigned long long)about->serial, (unsigned long long)last);
    return 0;
}

int dr_state_check(struct dr_state *state, const struct dr_bundle_about *about,
                   const struct dr_bundle_trust *trust, struct dr_err *err)
{
    const json_t *entry = entry_of(state, about->channel);
    uint64_t last = (uint64_t)dr_json_int_or(entry, "serial", 0);
    char sums[DR_DIGEST_TEXT];

    if (!entry && !state->first_import && trust->min_serial == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' knows of no bundle of the channel '%s', so nobody can say whether "
                       "this one is older than the last; if it is the first here, say "
                       "--first-import",
                       state->path, about->channel);
    if (entry && about->serial < last)
        return accept_older(state, about, last, trust, err);
    dr_digest_text(&about->whole, sums);
    if (entry && about->serial == last && strcmp(sums, dr_json_string_or(entry, "sums", "")) != 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "TWO BUNDLES with the serial %llu of the channel '%s': the one taken here "
                       "at %s is %s, this one is %s. Somebody with a trusted key signed both: find "
                       "out who, and why, before you use either",
                       (unsigned long long)last, about->channel,
                       dr_json_string_or(entry, "imported", "?"),
                       dr_json_string_or(entry, "sums", "?"), sums);
    return accept_bundle(state, about, err);
}

int dr_state_record(struct dr_state *state, int64_t now, struct dr_err *err)
{
    dr_autofree char *text = NULL;
    char time[32];

    if (!state->accepted)
        return 0;
    dr_text_time(now, time);
    if (!state->json)
        state->json = json_pack("{s:i, s:{}}", "format", STATE_FORMAT, "channels");
    if (dr_json_set(state->accepted, "imported", json_string(time), err) < 0 ||
        dr_json_set(json_object_get(state->json, "channels"), state->channel,
                    json_incref(state->accepted), err) < 0)
        return -1;
    text = dr_json_text(state->json, true, err);
    if (!text || dr_file_save(state->path, 0644, text, strlen(text), err) < 0)
        return dr_err_wrap(err, "all is done, but write down which bundle was taken");
    return 0;
}

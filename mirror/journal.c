/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/journal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/text.h"

#define FORMAT 1
#define JOURNAL_MAX (16u << 20)
/* With ".json" and the draft's name behind it, below what file systems take. */
#define NAME_ROOM 200

void dr_mirror_journal_release(struct dr_mirror_journal *journal)
{
    dr_cleanup_close(&journal->lock);
    dr_mirror_uploads_release(&journal->uploads);
    json_decref(journal->json);
    free(journal->path);
    *journal = (struct dr_mirror_journal)DR_MIRROR_JOURNAL_INIT;
}

/* Hosts know no case; '+' is in no name of a repository. */
static char *name_of(const struct dr_destination *destination, struct dr_err *err)
{
    char *name = dr_text_format(err, "%s%s%s", destination->host, *destination->prefix ? "/" : "",
                                destination->prefix);
    struct dr_digest digest;
    char hex[DR_DIGEST_TEXT];

    for (char *c = name; c && *c; c++)
        *c = *c == '/' ? '+' : (char)tolower((unsigned char)*c);
    if (!name || strlen(name) < NAME_ROOM)
        return name;
    dr_digest_of(name, strlen(name), &digest);
    free(name);
    return dr_text_copy(dr_digest_hex(&digest, hex), err);
}

static int check_document(const struct dr_mirror_journal *journal, struct dr_err *err)
{
    struct dr_mirror_move move;
    const char *text;
    uint64_t format;
    json_t *tags;

    if (dr_json_get_uint64(journal->json, "format", &format, err) < 0 ||
        dr_json_get_string(journal->json, "state", &text, err) < 0 ||
        dr_json_get_array(journal->json, "tags", &tags, err) < 0)
        return -1;
    if (format != FORMAT)
        return dr_fail(err, DR_ERR_FORMAT, "it is of format %llu, of a newer drover",
                       (unsigned long long)format);
    for (size_t i = 0; i < json_array_size(tags); i++) {
        if (dr_mirror_journal_move(journal, i, &move, err) < 0)
            return -1;
    }
    return 0;
}

static int read_document(struct dr_mirror_journal *journal, struct dr_err *err)
{
    struct stat info;

    if (lstat(journal->path, &info) < 0 && errno == ENOENT)
        return 0;
    if (dr_file_check_owned(journal->path, err) < 0)
        return -1;
    journal->json = dr_json_read(journal->path, JOURNAL_MAX, err);
    if (journal->json && check_document(journal, err) == 0)
        return 0;
    dr_err_wrap(err, "read '%s', which says what tags were before the last run", journal->path);
    return dr_err_advise(err, "when you remove it, that run can't be rolled back any more");
}

int dr_mirror_journal_open(struct dr_mirror_journal *journal, const char *folder,
                           const struct dr_destination *destination, struct dr_err *err)
{
    dr_autofree char *own = dr_file_join(folder, "mirror", err);
    dr_autofree char *name = own ? name_of(destination, err) : NULL;
    dr_autofree char *lock = name ? dr_text_format(err, "%s/%s.lock", own, name) : NULL;

    journal->path = lock ? dr_text_format(err, "%s/%s.json", own, name) : NULL;
    if (!journal->path)
        return -1;
    if (dr_file_make_folder(own, 0755, err) < 0) {
        dr_err_wrap(err, "make the folder for what tags were before");
        return dr_err_advise(err, "--state-dir names another one");
    }
    if (dr_file_check_owned(own, err) < 0 || dr_file_lock(lock, &journal->lock, err) < 0)
        return -1;
    dr_mirror_uploads_open(&journal->uploads, dr_text_format(NULL, "%s/%s.uploads", own, name));
    return read_document(journal, err);
}

static int save(const struct dr_mirror_journal *journal, struct dr_err *err)
{
    dr_autofree char *text = dr_json_text(journal->json, true, err);

    if (!text)
        return -1;
    if (dr_file_save(journal->path, 0644, text, strlen(text), err) == 0)
        return 0;
    return dr_err_wrap(err, "write down what tags were before");
}

static json_t *move_json(const struct dr_mirror_move *move)
{
    char before[DR_DIGEST_TEXT];
    char after[DR_DIGEST_TEXT];

    return json_pack(
        "{s:s, s:s, s:o, s:s}", "repository", move->repository, "tag", move->tag, "before",
        move->existed ? json_string(dr_digest_text(&move->before, before)) : json_null(), "after",
        dr_digest_text(&move->after, after));
}

static bool is_same_tag(const json_t *entry, const struct dr_mirror_move *move)
{
    return strcmp(dr_json_string_or(entry, "repository", ""), move->repository) == 0 &&
           strcmp(dr_json_string_or(entry, "tag", ""), move->tag) == 0;
}

/* What a run that was cut off had moved, and this one need not. */
static int keep_earlier(const json_t *earlier, const struct dr_mirror_move *moves, size_t count,
                        json_t *tags, struct dr_err *err)
{
    json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(earlier, "tags"), i, entry)
    {
        bool again = false;

        for (size_t j = 0; j < count && !again; j++)
            again = is_same_tag(entry, &moves[j]);
        if (!again && dr_json_append(tags, json_incref(entry), err) < 0)
            return -1;
    }
    return 0;
}

bool dr_mirror_journal_is_unfinished(const struct dr_mirror_journal *journal,
                                     const struct dr_bundle_about *about)
{
    const json_t *bundle = json_object_get(journal->json, "bundle");
    char sums[DR_DIGEST_TEXT];

    return strcmp(dr_json_string_or(journal->json, "state", ""), DR_MIRROR_MOVING) == 0 &&
           strcmp(dr_json_string_or(bundle, "sums", ""), dr_digest_text(&about->sums, sums)) == 0;
}

int dr_mirror_journal_begin(struct dr_mirror_journal *journal, const char *bundle,
                            const struct dr_bundle_about *about, const struct dr_mirror_move *moves,
                            size_t count, struct dr_err *err)
{
    json_auto_t *tags = json_array();
    json_t *document;
    char sums[DR_DIGEST_TEXT];
    char now[32];

    dr_text_time(time(NULL), now);
    dr_digest_text(&about->sums, sums);
    if (!tags)
        return dr_fail_memory(err);
    if (dr_mirror_journal_is_unfinished(journal, about) &&
        keep_earlier(journal->json, moves, count, tags, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (dr_json_append(tags, move_json(&moves[i]), err) < 0)
            return -1;
    }
    document = json_pack("{s:i, s:s, s:{s:o, s:s}, s:s, s:O}", "format", FORMAT, "state",
                         DR_MIRROR_MOVING, "bundle", "path", dr_json_name(bundle), "sums", sums,
                         "started", now, "tags", tags);
    if (!document)
        return dr_fail_memory(err);
    json_decref(journal->json);
    journal->json = document;
    return save(journal, err);
}

int dr_mirror_journal_set(struct dr_mirror_journal *journal, const char *state, struct dr_err *err)
{
    if (dr_json_set(journal->json, "state", json_string(state), err) < 0)
        return -1;
    return save(journal, err);
}

size_t dr_mirror_journal_count(const struct dr_mirror_journal *journal)
{
    return json_array_size(json_object_get(journal->json, "tags"));
}

int dr_mirror_journal_move(const struct dr_mirror_journal *journal, size_t index,
                           struct dr_mirror_move *ret_move, struct dr_err *err)
{
    const json_t *entry = json_array_get(json_object_get(journal->json, "tags"), index);
    struct dr_mirror_move move = {.existed = !json_is_null(json_object_get(entry, "before"))};
    const char *before = "";
    const char *after;

    if (dr_json_get_string(entry, "repository", &move.repository, err) < 0 ||
        dr_json_get_string(entry, "tag", &move.tag, err) < 0 ||
        dr_json_get_string(entry, "after", &after, err) < 0 ||
        dr_digest_parse(after, &move.after, err) < 0 ||
        (move.existed && (dr_json_get_string(entry, "before", &before, err) < 0 ||
                          dr_digest_parse(before, &move.before, err) < 0)))
        return -1;
    if (!dr_reference_is_path(move.repository) || strpbrk(move.tag, "/?#%"))
        return dr_fail(err, DR_ERR_FORMAT, "'%.200s:%.100s' is no tag", move.repository, move.tag);
    *ret_move = move;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/rollback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/registry.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "mirror/journal.h"
#include "mirror/whole.h"

/* Questions without a body. */
#define PARALLEL 16

enum fate {
    PUT_BACK,  /* it names what the run made of it */
    AS_BEFORE, /* it names what it did before the run */
    STAYS,     /* there was none before */
    REFUSED,   /* it still names what the run made of it: `failure` says why */
};

struct tag {
    struct dr_mirror_move move;
    enum fate fate;
    struct dr_err failure;
};

/* One registry. */
struct way_back {
    const struct dr_rollback_options *options;
    const struct dr_log *log;
    const char *name;
    struct dr_destination destination;
    struct dr_registry *registry;
    struct dr_mirror_journal journal;
    struct tag *tags;
    size_t count;
    size_t refused;
};

static void way_back_release(struct way_back *way)
{
    free(way->tags);
    dr_mirror_journal_release(&way->journal);
    dr_registry_free(way->registry);
    dr_destination_release(&way->destination);
}

static const char *tag_text(const struct way_back *way, const struct tag *tag,
                            char ret[DR_REFERENCE_TEXT])
{
    snprintf(ret, DR_REFERENCE_TEXT, "%s/%s:%s", way->destination.host, tag->move.repository,
             tag->move.tag);
    return ret;
}

static int read_tags(struct way_back *way, struct dr_err *err)
{
    way->count = dr_mirror_journal_count(&way->journal);
    if (way->count == 0)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "no run from this machine has moved a tag in '%s' ('%s' would tell); say the "
            "registry and prefix as the run was told, and its --state-dir",
            way->name, way->journal.path);
    way->tags = calloc(way->count, sizeof *way->tags);
    if (!way->tags)
        return dr_fail_memory(err);
    for (size_t i = 0; i < way->count; i++) {
        if (dr_mirror_journal_move(&way->journal, i, &way->tags[i].move, err) < 0)
            return -1;
    }
    return 0;
}

/* What is to be done with a tag that names `now`. -1: somebody else has moved it. */
static int decide(const struct way_back *way, struct tag *tag, const struct dr_registry_look *now)
{
    const struct dr_mirror_move *move = &tag->move;
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    if (now->there && dr_digest_equal(&now->digest, &move->after))
        tag->fate = move->existed ? PUT_BACK : STAYS;
    else if (move->existed ? now->there && dr_digest_equal(&now->digest, &move->before)
                           : !now->there)
        tag->fate = AS_BEFORE;
    else {
        dr_log_warn(way->log, "%s was moved by somebody else since that run: %s%s",
                    tag_text(way, tag, name), now->there ? "it names " : "it is gone",
                    now->there ? dr_digest_text(&now->digest, digest) : "");
        return -1;
    }
    return 0;
}

static int look(struct way_back *way, struct dr_err *err)
{
    dr_autofree struct dr_registry_look *looks = calloc(way->count + 1, sizeof *looks);
    size_t moved = 0;

    if (!looks)
        return dr_fail_memory(err);
    for (size_t i = 0; i < way->count; i++)
        looks[i] = (struct dr_registry_look){.repository = way->tags[i].move.repository,
                                             .manifest = way->tags[i].move.tag};
    if (dr_registry_look(way->registry, looks, way->count, PARALLEL, err) < 0)
        return -1;
    for (size_t i = 0; i < way->count; i++)
        moved += decide(way, &way->tags[i], &looks[i]) < 0;
    return moved == 0 ? 0
                      : dr_fail(err, DR_ERR_REFUSED,
                                "%zu of %zu tags in '%s' were moved by somebody else since that "
                                "run, so none was changed; look who needs them",
                                moved, way->count, way->name);
}

/* No tag may name something of which a part is gone. */
static int check_whole(struct way_back *way, struct dr_err *err)
{
    size_t gone = 0;

    for (size_t i = 0; i < way->count; i++) {
        struct dr_err why = DR_ERR_INIT;
        char name[DR_REFERENCE_TEXT];

        if (way->tags[i].fate != PUT_BACK ||
            dr_mirror_check_whole(way->registry, way->tags[i].move.repository,
                                  &way->tags[i].move.before, &why) == 0)
            continue;
        if (why.code != DR_ERR_ABSENT) {
            if (err)
                *err = why;
            return -1;
        }
        dr_log_warn(way->log, "%s: what it named before is not whole any more: %s",
                    tag_text(way, &way->tags[i], name), why.text);
        gone++;
    }
    return gone == 0 ? 0
                     : dr_fail(err, DR_ERR_ABSENT,
                               "%zu tags in '%s' cannot be put back, so none was changed", gone,
                               way->name);
}

/* And asks what it names then: of a schema 1 document the registry's answer to the writing would not tell. */
static int put_back(struct way_back *way, const struct dr_mirror_move *move, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    char digest[DR_DIGEST_TEXT];
    struct dr_digest now;
    bool there = false;

    if (dr_registry_get_manifest(way->registry, move->repository,
                                 dr_digest_text(&move->before, digest), &manifest, err) < 0 ||
        dr_registry_put_manifest(way->registry, move->repository, move->tag, manifest.media_type,
                                 manifest.body.data, manifest.body.size, err) < 0 ||
        dr_registry_head_manifest(way->registry, move->repository, move->tag, &there, &now, err) <
            0)
        return -1;
    return there && dr_digest_equal(&now, &move->before)
               ? 0
               : dr_fail(err, DR_ERR_PROOF, "the registry took it, and the tag names %s",
                         there ? dr_digest_text(&now, digest) : "nothing");
}

/* One that is refused bars the way of no other. */
static int put_all_back(struct way_back *way, struct dr_err *err)
{
    for (size_t i = 0; i < way->count; i++) {
        struct tag *tag = &way->tags[i];
        char name[DR_REFERENCE_TEXT];

        if (tag->fate != PUT_BACK)
            continue;
        if (dr_stop_check(err, "putting tags back") < 0)
            return dr_err_advise(err, "run the same command again");
        if (put_back(way, &tag->move, &tag->failure) == 0)
            continue;
        tag->fate = REFUSED;
        way->refused++;
        dr_log_warn(way->log, "%s was not put back: %s", tag_text(way, tag, name),
                    tag->failure.text);
    }
    return way->refused > 0 ? 0 : dr_mirror_journal_set(&way->journal, DR_MIRROR_BACK, err);
}

static int conclude(const struct way_back *way, struct dr_err *err)
{
    size_t i = 0;

    if (way->refused == 0)
        return 0;
    while (way->tags[i].fate != REFUSED)
        i++;
    return dr_fail(err, way->tags[i].failure.code,
                   "%zu of %zu tags in '%s' were not put back, as said above; run the same command "
                   "again",
                   way->refused, way->count, way->name);
}

static const char *word_of(const struct way_back *way, const struct tag *tag)
{
    switch (tag->fate) {
    case PUT_BACK:
        return way->options->dry_run ? "to be put back" : "put back";
    case AS_BEFORE:
        return "as before";
    case REFUSED:
        return "not put back";
    case STAYS:
        break;
    }
    return "stays";
}

static void print_lines(const struct way_back *way)
{
    size_t stay = 0;
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    for (size_t i = 0; i < way->count; i++) {
        const struct tag *tag = &way->tags[i];

        stay += tag->fate == STAYS;
        printf("%s  %s  %s\n", tag_text(way, tag, name),
               dr_digest_text(tag->fate == STAYS ? &tag->move.after : &tag->move.before, digest),
               word_of(way, tag));
    }
    if (stay > 0)
        dr_log_warn(way->log,
                    "%zu tag%s did not exist before that run and stay%s: a registry can delete an "
                    "image, with all tags that it has, but seldom a tag alone",
                    stay, stay == 1 ? "" : "s", stay == 1 ? "s" : "");
}

static int add_json(const struct way_back *way, json_t *to, struct dr_err *err)
{
    json_t *tags = json_array();

    if (dr_json_append(
            to,
            json_pack("{s:s, s:s, s:o}", "registry", way->name, "bundle",
                      dr_json_string_or(json_object_get(way->journal.json, "bundle"), "path", ""),
                      "tags", tags),
            err) < 0)
        return -1;
    for (size_t i = 0; i < way->count; i++) {
        const struct tag *tag = &way->tags[i];
        char name[DR_REFERENCE_TEXT];
        char before[DR_DIGEST_TEXT];
        char after[DR_DIGEST_TEXT];

        if (dr_json_append(
                tags,
                json_pack(
                    "{s:s, s:o, s:s, s:s, s:s*}", "target", tag_text(way, tag, name), "before",
                    tag->move.existed ? json_string(dr_digest_text(&tag->move.before, before))
                                      : json_null(),
                    "after", dr_digest_text(&tag->move.after, after), "result", word_of(way, tag),
                    "error", tag->fate == REFUSED ? tag->failure.text : NULL),
                err) < 0)
            return -1;
    }
    return 0;
}

/* Not always the last that was tried: one that moved no tag leaves none to be put back. */
static void tell_run(const struct way_back *way)
{
    const json_t *journal = way->journal.json;

    dr_log_say(way->log, "%s: the last run that moved tags was begun at %s, with '%s'", way->name,
               dr_json_string_or(journal, "started", "?"),
               dr_json_string_or(json_object_get(journal, "bundle"), "path", "?"));
}

static int go_back(struct way_back *way, json_t *report, struct dr_err *err)
{
    const struct dr_rollback_options *options = way->options;

    if (dr_destination_read(way->name, NULL, 0, &way->destination, err) < 0 ||
        dr_mirror_journal_open(&way->journal, options->state_dir, &way->destination, err) < 0 ||
        read_tags(way, err) < 0)
        return -1;
    tell_run(way);
    way->registry = dr_destination_connect(&way->destination, &options->reach, way->log, err);
    if (!way->registry || dr_registry_ping(way->registry, err) < 0 || look(way, err) < 0 ||
        check_whole(way, err) < 0 || (!options->dry_run && put_all_back(way, err) < 0))
        return -1;
    if (!options->json)
        print_lines(way);
    else if (add_json(way, report, err) < 0)
        return -1;
    return conclude(way, err);
}

static int print_json(const json_t *report, struct dr_err *err)
{
    return dr_json_print(report, stdout, err);
}

int dr_mirror_rollback(const struct dr_rollback_options *options, const struct dr_log *log,
                       struct dr_err *err)
{
    json_auto_t *report = json_pack("{s:b, s:[]}", "dry_run", options->dry_run, "targets");
    struct dr_err first = DR_ERR_INIT;

    if (!report)
        return dr_fail_memory(err);
    for (size_t i = 0; i < options->registry_count; i++) {
        struct way_back way = {.options = options,
                               .log = log,
                               .name = options->registries[i],
                               .journal = DR_MIRROR_JOURNAL_INIT};
        struct dr_err why = DR_ERR_INIT;

        if (go_back(&way, json_object_get(report, "targets"), &why) < 0) {
            if (options->registry_count > 1)
                dr_log_warn(log, "'%s' failed: %s", way.name, why.text);
            if (first.code == DR_OK)
                first = why;
        }
        way_back_release(&way);
    }
    if (options->json && print_json(report, err) < 0)
        return -1;
    if (first.code == DR_OK)
        return 0;
    if (err)
        *err = first;
    return -1;
}

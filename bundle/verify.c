/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/verify.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/file/asking.h"
#include "bundle/file/damage.h"
#include "bundle/file/volumes.h"
#include "lib/json.h"
#include "lib/text.h"

struct verify {
    struct dr_bundle *bundle;
    struct dr_volumes *volumes;
    const struct dr_verify_options *options;
    struct dr_progress progress;
    json_t *list; /* what was found, in its order */
    bool good[DR_VOLUMES_MAX];
    bool damaged[DR_VOLUMES_MAX];
};

static unsigned long long count_of(const struct verify *verify)
{
    return dr_volumes_set(verify->volumes)->count;
}

/* ---- what one is told to be */

static int add(struct verify *verify, json_t *entry, struct dr_err *err)
{
    return dr_json_append(verify->list, entry, err);
}

static json_t *ranges_of(const struct dr_damage *damage)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < damage->count; i++)
        json_array_append_new(list, json_pack("[I, I]", (json_int_t)damage->ranges[i].begin,
                                              (json_int_t)damage->ranges[i].end));
    return list;
}

static void print_damage(const struct verify *verify, uint64_t number,
                         const struct dr_damage *damage)
{
    uint64_t begin = dr_slice_offset(dr_volumes_set(verify->volumes), number);

    printf("damaged");
    if (damage->table || damage->frame)
        printf(": %s", damage->why.text);
    printf("\n");
    for (size_t i = 0; i < damage->count; i++) {
        char text[DR_DAMAGE_TEXT];

        dr_damage_text(verify->bundle, begin, begin + damage->ranges[i].begin,
                       begin + damage->ranges[i].end, text);
        printf("  %s\n", text);
    }
    if (damage->count == DR_DAMAGE_RANGES)
        printf("  and perhaps more: at most %llu bytes in all\n",
               (unsigned long long)damage->bytes);
}

static int tell(struct verify *verify, uint64_t number, const struct dr_damage *damage,
                struct dr_err *err)
{
    const char *path = dr_volumes_item(verify->volumes, number)->path;
    bool good = dr_damage_is_none(damage);

    (good ? verify->good : verify->damaged)[number - 1] = true;
    dr_progress_end(&verify->progress); /* off the line that is written now */
    if (verify->options->json)
        return add(verify,
                   json_pack("{s:I, s:o, s:s, s:o}", "volume", (json_int_t)number, "path",
                             dr_json_name(path), "state", good ? "good" : "damaged", "damage",
                             ranges_of(damage)),
                   err);
    dr_text_print(path, stdout);
    printf(": volume %llu of %llu: ", (unsigned long long)number, count_of(verify));
    if (good)
        printf("good\n");
    else
        print_damage(verify, number, damage);
    return 0;
}

static int check_one(struct verify *verify, uint64_t number, struct dr_err *err)
{
    struct dr_damage damage;

    if (dr_damage_check(verify->volumes, number, &damage, &verify->progress, err) < 0)
        return -1;
    return tell(verify, number, &damage, err);
}

/* --alone, and of a volume that is named: what lies beside it does not matter. */
static bool is_single(const struct verify *verify)
{
    return verify->options->alone && dr_volumes_named(verify->volumes) > 0;
}

static int tell_strays(struct verify *verify, struct dr_err *err)
{
    static const char *const kinds[] = {"bad", "foreign", "copy", "parity"};
    static const char *const words[] = {"cannot be used: ", "not of this bundle: ", "a copy: ", ""};
    size_t count;
    const struct dr_stray *strays = dr_volumes_strays(verify->volumes, &count);

    for (size_t i = 0; i < count; i++) {
        if (!verify->options->json) {
            dr_text_print(strays[i].path, stdout);
            printf(": %s", words[strays[i].kind]);
            dr_text_print(strays[i].text, stdout);
            printf("\n");
        } else if (add(verify,
                       json_pack("{s:o, s:s, s:o}", "path", dr_json_name(strays[i].path), "state",
                                 kinds[strays[i].kind], "text", dr_json_name(strays[i].text)),
                       err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- the end of it */

static bool mark_missing(const struct verify *verify, bool *ret_missing)
{
    bool any = false;

    for (uint64_t i = 0; i < count_of(verify); i++) {
        ret_missing[i] = !verify->good[i] && !verify->damaged[i];
        any |= ret_missing[i];
    }
    return any;
}

static int print_json(const struct verify *verify, struct dr_err *err)
{
    const struct dr_volume_set *set = dr_volumes_set(verify->volumes);
    char sums[DR_DIGEST_TEXT];
    json_auto_t *json =
        json_pack("{s:s, s:s?, s:I, s:O}", "sums", dr_digest_text(&set->sums, sums), "release",
                  set->release, "volumes", (json_int_t)set->count, "found", verify->list);

    return json ? dr_json_print(json, stdout, err) : dr_fail_memory(err);
}

static bool any_of(const struct verify *verify, const bool *is)
{
    for (uint64_t i = 0; i < count_of(verify); i++) {
        if (is[i])
            return true;
    }
    return false;
}

/* Something that was to be a volume; NULL: there is none. */
static const char *bad_file(const struct verify *verify)
{
    size_t count;
    const struct dr_stray *strays = dr_volumes_strays(verify->volumes, &count);

    for (size_t i = 0; i < count; i++) {
        if (strays[i].kind == DR_STRAY_BAD)
            return strays[i].path;
    }
    return NULL;
}

static bool has_parity(const struct verify *verify)
{
    size_t count;
    const struct dr_stray *strays = dr_volumes_strays(verify->volumes, &count);

    for (size_t i = 0; i < count; i++) {
        if (strays[i].kind == DR_STRAY_PARITY)
            return true;
    }
    return false;
}

static int conclude(const struct verify *verify, struct dr_err *err)
{
    bool missing[DR_VOLUMES_MAX] = {false};
    bool is_missing = mark_missing(verify, missing);
    bool is_damaged = any_of(verify, verify->damaged);
    bool is_wanted = is_missing && !verify->options->alone;
    char set[DR_VOLUME_SET_TEXT];
    char bad[DR_VOLUMES_TEXT];
    char absent[DR_VOLUMES_TEXT];

    dr_volume_set_text(dr_volumes_set(verify->volumes), set);
    dr_volumes_list(verify->volumes, verify->damaged, bad);
    dr_volumes_list(verify->volumes, missing, absent);
    if (verify->options->json
            ? print_json(verify, err) < 0
            : is_missing &&
                  printf("%s: volume%s %s of %llu of %s\n",
                         is_single(verify) ? "not looked at" : "not here",
                         strpbrk(absent, " ") ? "s" : "", absent, count_of(verify), set) < 0)
        return -1;
    if (is_damaged)
        return dr_fail(
            err, DR_ERR_VERIFY,
            "of the volumes of %.300s, %s %s damaged%s%s; bring what is damaged%s again, "
            "mend it where there is parity (drover repair), or have it made again (drover bundle "
            "--remake NUMBER)",
            set, bad, strpbrk(bad, " ") ? "are" : "is", is_wanted ? ", not here: " : "",
            is_wanted ? absent : "", is_wanted ? " or missing" : "");
    if (is_wanted && bad_file(verify))
        return dr_fail(
            err, DR_ERR_VERIFY,
            "'%.200s' cannot be used, and of the %llu volumes of %.300s, %s %s not here; "
            "bring what is missing again, mend it where there is parity (drover repair), or have "
            "it made again (drover bundle --remake NUMBER)",
            bad_file(verify), count_of(verify), set, absent, strpbrk(absent, " ") ? "are" : "is");
    if (is_wanted)
        return dr_fail(err, DR_ERR_REFUSED,
                       "of the %llu volumes of %.300s, %s %s not here; name more folders with "
                       "--media, or --alone if the others are not to be missed%s",
                       count_of(verify), set, absent, strpbrk(absent, " ") ? "are" : "is",
                       has_parity(verify)
                           ? "; 'drover repair' can perhaps make it again: parity is "
                             "here"
                           : "");
    return 0;
}

/* ---- all at once */

static int check_rest(const struct verify *verify, struct dr_err *err)
{
    for (uint64_t i = 1; i <= count_of(verify); i++) {
        struct dr_damage damage;

        if (dr_damage_check_rest(verify->volumes, i, &damage, err) < 0)
            return -1;
        if (!dr_damage_is_none(&damage))
            return dr_fail(err, DR_ERR_VERIFY, "volume %llu: %s", (unsigned long long)i,
                           damage.why.text);
    }
    return 0;
}

static int check_whole(struct verify *verify, struct dr_err *err)
{
    int done;

    dr_progress_start(&verify->progress, verify->options->log, "verify",
                      dr_bundle_about(verify->bundle)->layer_bytes);
    done = dr_bundle_hash_layers(verify->bundle, &verify->progress, err);
    if (done == 0)
        done = check_rest(verify, err);
    dr_progress_end(&verify->progress);
    return done;
}

static bool is_asked_for(const struct verify *verify, uint64_t number)
{
    return dr_volumes_is_here(verify->volumes, number) &&
           (!is_single(verify) || dr_volumes_named(verify->volumes) == number);
}

static int check_each(struct verify *verify, struct dr_err *err)
{
    uint64_t bytes = 0;
    int done = 0;

    for (uint64_t i = 1; i <= count_of(verify); i++)
        bytes += is_asked_for(verify, i) ? dr_slice_size(dr_volumes_set(verify->volumes), i) : 0;
    dr_progress_start(&verify->progress, verify->options->log, "verify", bytes);
    for (uint64_t i = 1; i <= count_of(verify) && done == 0; i++) {
        if (is_asked_for(verify, i))
            done = check_one(verify, i, err);
    }
    dr_progress_end(&verify->progress);
    if (done < 0 || (!is_single(verify) && tell_strays(verify, err) < 0))
        return -1;
    return conclude(verify, err);
}

int dr_verify_volumes(struct dr_bundle *bundle, const struct dr_verify_options *options,
                      bool *ret_whole, struct dr_err *err)
{
    json_auto_t *list = json_array();
    struct verify verify = {
        .bundle = bundle, .volumes = dr_bundle_volumes(bundle), .options = options, .list = list};
    struct dr_err why = DR_ERR_INIT;

    *ret_whole = false;
    if (!list)
        return dr_fail_memory(err);
    if (options->alone || dr_volumes_count_here(verify.volumes) < count_of(&verify))
        return check_each(&verify, err);
    if (check_whole(&verify, &why) == 0) {
        *ret_whole = true;
        return 0;
    }
    /* What no table shows was labelled as it is: then the list is right. */
    if (why.code == DR_ERR_VERIFY && check_each(&verify, err) < 0)
        return -1;
    if (err)
        *err = why;
    return -1;
}

/* ---- one after the other */

static int check_as_they_come(struct verify *verify, struct dr_asking *asking, struct dr_err *err)
{
    bool wanted[DR_VOLUMES_MAX];

    for (;;) {
        for (uint64_t i = 1; i <= count_of(verify); i++) {
            if (dr_volumes_is_here(verify->volumes, i) && !verify->good[i - 1] &&
                !verify->damaged[i - 1] && check_one(verify, i, err) < 0)
                return -1;
        }
        fflush(stdout);
        if (!mark_missing(verify, wanted))
            return 0;
        if (dr_asking_volume(asking, verify->volumes, wanted, 0, err) < 0)
            return -1;
    }
}

int dr_verify_media(const char *path, const struct dr_bundle_trust *trust,
                    const struct dr_verify_options *options, struct dr_err *err)
{
    struct dr_asking asking = {.log = options->log};
    dr_auto_volumes struct dr_volumes *volumes =
        dr_volumes_await(path, trust, dr_asking_first, &asking, err);
    dr_auto_bundle struct dr_bundle *bundle =
        volumes ? dr_bundle_open_volumes(volumes, trust, err) : NULL;
    json_auto_t *list = json_array();
    struct verify verify = {.bundle = bundle, .volumes = volumes, .options = options, .list = list};
    int done;

    if (!bundle)
        return -1;
    volumes = NULL;
    if (!list)
        return dr_fail_memory(err);
    asking.progress = &verify.progress;
    dr_progress_start(&verify.progress, options->log, "verify",
                      dr_volumes_set(verify.volumes)->total);
    done = check_as_they_come(&verify, &asking, err);
    dr_progress_end(&verify.progress);
    return done < 0 ? -1 : conclude(&verify, err);
}

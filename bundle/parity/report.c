/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/report.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/parity/naming.h"
#include "lib/json.h"
#include "lib/text.h"

#define MAP 64
#define LINES_MAX 20
#define MEMBERS_MAX 3

static const char *kind_words(const struct dr_pool_file *file)
{
    static const char *const words[] = {"bundle", "volume", "parity"};

    return words[file->kind];
}

struct dr_tally dr_report_count(const struct dr_pool *pool)
{
    struct dr_tally tally = {.data_whole = true};

    for (size_t i = 0; i < pool->count; i++) {
        const struct dr_pool_file *file = &pool->files[i];
        unsigned ends = (unsigned)__builtin_popcount(file->ends);
        unsigned fixed = (unsigned)__builtin_popcount(file->ends & file->ends_fixed);

        tally.bad += file->bad + ends;
        tally.restored += file->restored + fixed;
        tally.missing += file->missing;
        if (file->kind == DR_KIND_PARITY)
            continue;
        tally.lost += file->bad - file->restored;
        tally.data_whole = tally.data_whole && dr_pool_is_whole(file);
    }
    return tally;
}

/* ---- the map */

/* Each character stands for some blocks: '.' good, 'x' restored (or could be), '!' not. */
static void draw_map(const struct dr_pool_file *file, char ret[MAP + 1])
{
    uint64_t width = file->count < MAP ? file->count : MAP;

    for (uint64_t i = 0; i < width; i++) {
        ret[i] = '.';
        for (uint64_t j = i * file->count / width; j < (i + 1) * file->count / width; j++) {
            if (file->blocks[j] == DR_BLOCK_BAD)
                ret[i] = '!';
            else if (file->blocks[j] == DR_BLOCK_RESTORED && ret[i] == '.')
                ret[i] = 'x';
        }
    }
    ret[width] = '\0';
}

static const char *state_words(const struct dr_pool_file *file, bool done)
{
    if (file->missing && !dr_pool_is_whole(file))
        return done && file->restored > 0 ? "was missing, made again in part"
                                          : "missing, cannot be made again";
    if (file->missing)
        return done ? "was missing, made again" : "missing, can be made again";
    if (!dr_pool_is_damaged(file))
        return "good";
    if (!dr_pool_is_whole(file))
        return file->restored == 0 && !(file->ends & file->ends_fixed) ? "damaged, not restored"
               : done                                                  ? "damaged, restored in part"
                      : "damaged, can be restored in part";
    return done ? "damaged, restored" : "damaged, can be restored";
}

static void print_ends(const struct dr_pool_file *file, FILE *out)
{
    static const struct {
        unsigned bit;
        const char *words;
    } ends[] = {
        {DR_END_LABEL, "label"},
        {DR_END_TABLE, "table of hashes"},
        {DR_END_FRAME, "copy of the bundle's list"},
        {DR_END_SIZE, "length"},
    };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (file->ends & ends[i].bit)
            fprintf(out, "  its %s%s\n", ends[i].words,
                    file->ends_fixed & ends[i].bit ? "" : ": not restored");
    }
}

/* ---- what was hit */

/* Where a spot is in the bundle. */
static uint64_t bundle_offset(const struct dr_pool_file *file, uint64_t offset)
{
    return file->first * DR_VOLUME_CHUNK + (offset - file->at);
}

static void print_named(const struct dr_named *named, FILE *out)
{
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];
    char size[16];

    fputs(named->what, out);
    if (!named->has_digest)
        return;
    dr_text_size(named->size, size);
    fprintf(out, " %s (%s)", dr_digest_text(&named->digest, digest), size);
    if (named->image)
        fprintf(out, " of %s", dr_reference_familiar(named->image, name));
    if (named->more)
        fprintf(out, " and %zu more", named->more);
}

static void print_members(const struct dr_bundle *bundle, uint64_t from, uint64_t to, FILE *out)
{
    unsigned count = 0;

    while (from < to) {
        struct dr_named named;

        dr_naming_next(bundle, &from, &named);
        if (++count > MEMBERS_MAX) {
            fputs(", and what is behind that", out);
            return;
        }
        fputs(count > 1 ? ", " : "", out);
        print_named(&named, out);
    }
}

static void print_spots(const struct dr_pool_file *file, const struct dr_bundle *bundle, FILE *out)
{
    for (size_t i = 0; i < file->spot_count && i < LINES_MAX; i++) {
        const struct dr_spot *spot = &file->spots[i];

        fprintf(out, "  bytes %llu to %llu%s%s: ", (unsigned long long)spot->offset,
                (unsigned long long)(spot->offset + spot->size - 1),
                spot->unreadable ? ", unreadable" : "", spot->restored ? "" : ", not restored");
        if (file->kind == DR_KIND_PARITY)
            fputs("parity", out);
        else
            print_members(bundle, bundle_offset(file, spot->offset),
                          bundle_offset(file, spot->offset + spot->size), out);
        fputs("\n", out);
    }
    if (file->spot_count > LINES_MAX || file->spots_left_out)
        fprintf(out, "  and %llu more places (--json tells all)\n",
                (unsigned long long)(file->spot_count + file->spots_left_out - LINES_MAX));
}

/* Of a file that is missing: what of the bundle is lost with it, if it is. */
static void print_lost(const struct dr_pool_file *file, const struct dr_bundle *bundle, FILE *out)
{
    uint64_t from = file->first * DR_VOLUME_CHUNK;

    if (file->kind == DR_KIND_PARITY || dr_pool_is_whole(file))
        return;
    fputs("  it has ", out);
    print_members(bundle, from, from + file->count * DR_VOLUME_CHUNK, out);
    fputs("\n", out);
}

static void print_file(const struct dr_pool_file *file, const struct dr_bundle *bundle, bool done,
                       FILE *out)
{
    char map[MAP + 1];
    char size[16];

    draw_map(file, map);
    dr_text_size(file->size, size);
    dr_text_print(file->path, out);
    fprintf(out, "  %s, %s\n  [%s]\n", size, state_words(file, done), map);
    if (file->missing) {
        print_lost(file, bundle, out);
        return;
    }
    print_ends(file, out);
    print_spots(file, bundle, out);
}

/* How much parity is missing, because a file of it is. */
static uint64_t count_absent(const struct dr_pool *pool)
{
    uint64_t absent = 0;

    for (uint64_t block = pool->scheme.chunks; block < dr_scheme_blocks(&pool->scheme); block++) {
        bool is_there = false;

        for (size_t i = 0; i < pool->count && !is_there; i++)
            is_there = dr_pool_has(&pool->files[i], block);
        absent += !is_there;
    }
    return absent;
}

static void print_parity(const struct dr_pool *pool, FILE *out)
{
    uint64_t absent = count_absent(pool);

    if (pool->scheme.rows == 0)
        return;
    fprintf(out, "parity: of every %u chunks that belong together any %u may be lost",
            pool->scheme.columns + pool->scheme.rows, pool->scheme.rows);
    if (absent > 0)
        fprintf(out, "; %llu of the %llu chunks of parity are in a file that is not here",
                (unsigned long long)absent, (unsigned long long)dr_scheme_parity(&pool->scheme));
    fputs("\n", out);
}

void dr_report_print(const struct dr_pool *pool, bool done, FILE *out)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_naming_open(pool->frame);
    char text[DR_VOLUME_SET_TEXT];

    fprintf(out, "%s\n", dr_volume_set_text(&pool->set, text));
    print_parity(pool, out);
    fprintf(out, "  . good   x %s   ! %s\n", done ? "restored" : "can be restored",
            done ? "not restored" : "cannot be restored");
    for (size_t i = 0; i < pool->count; i++)
        print_file(&pool->files[i], bundle, done, out);
}

/* ---- JSON */

static json_t *describe_members(const struct dr_bundle *bundle, uint64_t from, uint64_t to,
                                struct dr_err *err)
{
    json_auto_t *list = json_array();

    while (from < to) {
        struct dr_named named;
        char digest[DR_DIGEST_TEXT];
        char name[DR_REFERENCE_TEXT];

        dr_naming_next(bundle, &from, &named);
        if (dr_json_append(
                list,
                json_pack("{s:s, s:s*, s:s*}", "what", named.what, "digest",
                          named.has_digest ? dr_digest_text(&named.digest, digest) : NULL, "image",
                          named.image ? dr_reference_text(named.image, name) : NULL),
                err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *describe_spots(const struct dr_pool_file *file, const struct dr_bundle *bundle,
                              struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < file->spot_count; i++) {
        const struct dr_spot *spot = &file->spots[i];
        json_t *members = NULL;

        if (file->kind != DR_KIND_PARITY) {
            members = describe_members(bundle, bundle_offset(file, spot->offset),
                                       bundle_offset(file, spot->offset + spot->size), err);
            if (!members)
                return NULL;
        }
        if (dr_json_append(list,
                           json_pack("{s:I, s:I, s:b, s:b, s:o*}", "offset",
                                     (json_int_t)spot->offset, "size", (json_int_t)spot->size,
                                     "unreadable", spot->unreadable, "restored", spot->restored,
                                     "members", members),
                           err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *describe_file(const struct dr_pool_file *file, const struct dr_bundle *bundle,
                             struct dr_err *err)
{
    json_t *spots = describe_spots(file, bundle, err);
    char map[MAP + 1];

    draw_map(file, map);
    return spots ? json_pack("{s:o, s:s, s:I, s:b, s:b, s:I, s:I, s:I, s:b, s:b, s:s, s:o}", "path",
                             dr_json_name(file->path), "kind", kind_words(file), "bytes",
                             (json_int_t)file->size, "missing", file->missing, "damaged",
                             dr_pool_is_damaged(file), "chunks", (json_int_t)file->count, "bad",
                             (json_int_t)file->bad, "restored", (json_int_t)file->restored,
                             "ends_damaged", file->ends != 0, "whole", dr_pool_is_whole(file),
                             "map", map, "damage", spots)
                 : NULL;
}

int dr_report_print_json(const struct dr_pool *pool, bool done, bool verified, FILE *out,
                         struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_naming_open(pool->frame);
    struct dr_tally tally = dr_report_count(pool);
    json_t *files = json_array();
    char sums[DR_DIGEST_TEXT];
    json_auto_t *json =
        json_pack("{s:s, s:s*, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:o}", "sums",
                  dr_digest_text(&pool->set.sums, sums), "release", pool->set.release, "channel",
                  pool->set.channel, "serial", (json_int_t)pool->set.serial, "bytes",
                  (json_int_t)pool->set.total, "columns", (json_int_t)pool->scheme.columns, "rows",
                  (json_int_t)pool->scheme.rows, "lost_chunks", (json_int_t)tally.lost, "whole",
                  tally.data_whole, "written", done, "verified", verified, "files", files);

    for (size_t i = 0; json && i < pool->count; i++) {
        if (dr_json_append(files, describe_file(&pool->files[i], bundle, err), err) < 0)
            return -1;
    }
    return json ? dr_json_print(json, out, err) : dr_fail_memory(err);
}

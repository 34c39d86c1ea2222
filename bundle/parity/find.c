/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/find.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle/file/media.h"
#include "bundle/parity/candidates.h"
#include "bundle/parity/learn.h"
#include "bundle/parity/recognise.h"
#include "lib/cleanup.h"
#include "lib/text.h"

struct search {
    const struct dr_find_options *options;
    struct dr_pool *pool;
    struct dr_candidates candidates;
    struct dr_parity *parities; /* of each candidate; a label without text: it is none */
    struct dr_volume *volumes;
    bool *taken;
    struct dr_err why; /* of a label that was not believed */
};

static void release(struct search *search)
{
    for (size_t i = 0; i < search->candidates.count; i++) {
        if (search->parities)
            dr_parity_release(&search->parities[i]);
        if (search->volumes)
            dr_volume_release(&search->volumes[i]);
    }
    free(search->parities);
    free(search->volumes);
    free(search->taken);
    dr_candidates_release(&search->candidates);
}

/* ---- labels */

static int read_labels(struct search *search, struct dr_err *err)
{
    size_t count = search->candidates.count + 1;

    search->parities = calloc(count, sizeof *search->parities);
    search->volumes = calloc(count, sizeof *search->volumes);
    search->taken = calloc(count, sizeof *search->taken);
    if (!search->parities || !search->volumes || !search->taken)
        return dr_fail_memory(err);
    for (size_t i = 0; i < search->candidates.count; i++) {
        int fd = search->candidates.items[i].fd;
        struct dr_err why = DR_ERR_INIT;

        if (dr_parity_read(fd, search->options->trust, &search->parities[i], NULL) < 0 &&
            dr_volume_read(fd, search->options->trust, &search->volumes[i], &why) < 0 &&
            search->why.code == DR_OK && dr_label_is_there(fd)) {
            search->why = why;
            dr_err_wrap(&search->why, "'%s'", search->candidates.items[i].path);
        }
    }
    return 0;
}

static const struct dr_volume_set *set_of(const struct search *search, size_t i)
{
    if (search->parities[i].label.text)
        return &search->parities[i].set;
    return search->volumes[i].label.text ? &search->volumes[i].set : NULL;
}

/* Is that file called like what was named? */
static bool is_called_so(const struct search *search, size_t i)
{
    return dr_candidates_is_called_so(&search->candidates, search->candidates.items[i].path);
}

/* The file that says which bundle it is about: one that was named, else one that is called so, else the first in a
 * folder that was named. */
static size_t find_first(const struct search *search)
{
    size_t count = search->candidates.count;
    size_t best = count;
    int best_rank = -1;

    for (size_t i = 0; i < count; i++) {
        const struct dr_candidate *candidate = &search->candidates.items[i];
        int rank = candidate->named * 8 + is_called_so(search, i) * 4 + candidate->asked * 2 +
                   (search->parities[i].label.text != NULL);

        if (set_of(search, i) && rank > best_rank && rank > 1) {
            best = i;
            best_rank = rank;
        }
    }
    return best;
}

static int fail_empty(const struct search *search, struct dr_err *err)
{
    const char *name =
        search->candidates.output ? search->candidates.output : search->options->paths[0];

    if (search->why.code != DR_OK)
        return dr_fail(err, search->why.code, "nothing that may belong to '%s' can be used: %s",
                       name, search->why.text);
    return dr_fail(err, DR_ERR_ABSENT,
                   "there is neither a parity file nor a volume of '%s' there; nothing can be "
                   "restored without (bundle --parity makes them, and so does drover parity "
                   "as long as the bundle is good)",
                   name);
}

/* How the bundle is cut in that set. */
static const char *form_of(const struct dr_volume_set *set, char ret[32])
{
    if (set->count == 1)
        return "one file";
    snprintf(ret, 32, "%llu volumes", (unsigned long long)set->count);
    return ret;
}

/* A folder was named, and what lies there does not belong together. */
static int fail_several(const struct search *search, size_t first, size_t other, struct dr_err *err)
{
    const struct dr_volume_set *one = set_of(search, first);
    const struct dr_volume_set *another = set_of(search, other);
    const char *path = search->candidates.items[first].path;
    const char *other_path = search->candidates.items[other].path;
    char text[DR_VOLUME_SET_TEXT];
    char form[32];
    char other_form[32];

    if (dr_digest_equal(&one->sums, &another->sums))
        return dr_fail(err, DR_ERR_REFUSED,
                       "%s is here twice: '%s' is of it in %s, '%s' of it in %s; name a file of "
                       "those that are meant instead of the folder",
                       dr_volume_set_text(one, text), path, form_of(one, form), other_path,
                       form_of(another, other_form));
    return dr_fail(err, DR_ERR_REFUSED,
                   "there are files of several bundles, '%s' and '%s': name a file of the one that "
                   "is meant",
                   path, other_path);
}

/* Which bundle, how it is cut, and how many rows of parity there are. */
static int choose(struct search *search, struct dr_err *err)
{
    struct dr_pool *pool = search->pool;
    size_t first = find_first(search);

    if (first == search->candidates.count)
        return fail_empty(search, err);
    if (dr_volume_set_copy(set_of(search, first), &pool->set, err) < 0 ||
        dr_scheme_make(&pool->scheme, pool->set.total, 0, err) < 0)
        return -1;
    for (size_t i = 0; i < search->candidates.count; i++) {
        const struct dr_volume_set *set = set_of(search, i);
        char text[DR_VOLUME_SET_TEXT];

        if (set && !dr_volume_set_is_same(set, &pool->set)) {
            if (!search->candidates.output)
                return fail_several(search, first, i, err);
            if (search->candidates.items[i].named)
                return dr_fail(err, DR_ERR_REFUSED,
                               "'%s' is of another bundle than '%s', or of one that was cut "
                               "otherwise: it is of %s",
                               search->candidates.items[i].path,
                               search->candidates.items[first].path, dr_volume_set_text(set, text));
            search->taken[i] = true;
            continue;
        }
        if (search->volumes[i].label.text || search->parities[i].labels_size > 0)
            pool->split = true;
        if (search->parities[i].scheme.rows > pool->scheme.rows)
            pool->scheme.rows = search->parities[i].scheme.rows;
    }
    return dr_pool_reserve(pool, err);
}

/* ---- parity files and volumes */

static struct dr_pool_file *take(struct search *search, size_t i, enum dr_file_kind kind,
                                 struct dr_err *err)
{
    struct dr_candidate *candidate = &search->candidates.items[i];

    search->taken[i] = true;
    return dr_pool_add(search->pool, kind, candidate->path, dr_steal_fd(&candidate->fd), err);
}

/* It contradicts what is known. If nobody has named it, it may well lie there for another bundle's sake. */
static int drop(struct search *search, size_t i, struct dr_err *why, struct dr_err *err)
{
    if (why->code != DR_ERR_REFUSED || search->candidates.items[i].named || is_called_so(search, i))
        return dr_fail(err, why->code, "%s", why->text);
    dr_log_detail(search->pool->log, "%s", why->text);
    dr_pool_remove_last(search->pool);
    return 0;
}

static int take_labelled(struct search *search, size_t i, struct dr_err *err)
{
    bool is_parity = search->parities[i].label.text != NULL;
    struct dr_err why = DR_ERR_INIT;
    struct dr_pool_file *file;

    if (search->taken[i] || !set_of(search, i))
        return 0;
    file = take(search, i, is_parity ? DR_KIND_PARITY : DR_KIND_VOLUME, err);
    if (!file)
        return -1;
    file->parity = search->parities[i];
    search->parities[i] = (struct dr_parity)DR_PARITY_INIT;
    file->volume = search->volumes[i];
    search->volumes[i] = (struct dr_volume)DR_VOLUME_INIT;
    file->number = file->volume.number;
    if (dr_pool_place(search->pool, file, err) < 0)
        return -1;
    return (is_parity ? dr_learn_parity(search->pool, file, &why)
                      : dr_learn_volume(search->pool, file, &why)) < 0
               ? drop(search, i, &why, err)
               : 0;
}

/* Those that were named first: what they say counts. */
static int take_all_labelled(struct search *search, struct dr_err *err)
{
    for (int others = 0; others < 2; others++) {
        for (size_t i = 0; i < search->candidates.count; i++) {
            bool first = search->candidates.items[i].named || is_called_so(search, i);

            if (first != others && take_labelled(search, i, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- files without a label */

/* May a file without label be what is looked for, by its name? A volume is never called like the bundle. */
static bool may_be(const struct search *search, size_t i)
{
    const struct dr_pool *pool = search->pool;
    const struct dr_candidate *candidate = &search->candidates.items[i];
    size_t length = strlen(candidate->path);

    for (size_t j = 0; !pool->split && j < pool->count; j++) {
        const char *path = pool->files[j].path;

        if (pool->files[j].kind == DR_KIND_PARITY && strncmp(path, candidate->path, length) == 0 &&
            strcmp(path + length, ".parity") == 0)
            return true;
    }
    if (pool->split && is_called_so(search, i) && !dr_media_is_named(candidate->path))
        return false;
    return candidate->named || is_called_so(search, i);
}

/* The label of that volume, out of the copy, if there is a good one. */
static int give_label(const struct search *search, struct dr_pool_file *file, uint64_t number,
                      struct dr_err *err)
{
    const struct dr_label *copy = &search->pool->labels[number - 1];
    dr_auto_label struct dr_label label = *copy;

    file->number = number;
    if (!copy->text)
        return dr_pool_place(search->pool, file, err);
    label.text = dr_text_copy(copy->text, err);
    if (!label.text)
        return -1;
    if (dr_volume_open_label(&label, search->options->trust, &file->volume, err) < 0)
        return dr_err_wrap(err, "the copy of the label of volume %llu", (unsigned long long)number);
    if (file->volume.number != number ||
        !dr_volume_set_is_same(&file->volume.set, &search->pool->set))
        return dr_fail(err, DR_ERR_VERIFY, "the copy of the label of volume %llu is of another one",
                       (unsigned long long)number);
    return dr_pool_place(search->pool, file, err);
}

static int take_unlabelled(struct search *search, size_t i, unsigned char *data, struct dr_err *err)
{
    const struct dr_candidate *candidate = &search->candidates.items[i];
    struct dr_pool_file *file;
    struct dr_err why = DR_ERR_INIT;
    char text[DR_VOLUME_SET_TEXT];
    struct stat info;
    uint64_t number;

    if (fstat(candidate->fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at '%s'", candidate->path);
    if (!may_be(search, i))
        return 0;
    if (!dr_recognise(search->pool, candidate->fd, (uint64_t)info.st_size, data, &number)) {
        if (candidate->named)
            return dr_fail(err, DR_ERR_REFUSED,
                           "'%s' has no label, and little in it is of this bundle, %s: it is "
                           "another bundle or file ('drover parity --force' makes parity of a good "
                           "one), or damaged all over; move it away to have it made anew",
                           candidate->path, dr_volume_set_text(&search->pool->set, text));
        dr_log_warn(search->pool->log,
                    "'%s' is passed over: it has no label that is believed, and little in it is of "
                    "this bundle",
                    candidate->path);
        return 0;
    }
    file = take(search, i, search->pool->split ? DR_KIND_VOLUME : DR_KIND_BUNDLE, err);
    if (!file)
        return -1;
    if (search->pool->split)
        return give_label(search, file, number, err);
    if (dr_pool_place(search->pool, file, err) < 0)
        return -1;
    return dr_recognise_signatures(search->pool, file, search->options->trust, &why) < 0
               ? drop(search, i, &why, err)
               : 0;
}

static int take_rest(struct search *search, struct dr_err *err)
{
    dr_autofree unsigned char *data = malloc(DR_VOLUME_CHUNK);

    if (!data)
        return dr_fail_memory(err);
    for (size_t i = 0; i < search->candidates.count; i++) {
        if (!search->taken[i] && take_unlabelled(search, i, data, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- what is missing */

static bool is_found(const struct dr_pool *pool, enum dr_file_kind kind, uint64_t number)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->files[i].kind == kind && pool->files[i].number == number)
            return true;
    }
    return false;
}

static int add_missing(struct search *search, uint64_t number, struct dr_err *err)
{
    struct dr_pool *pool = search->pool;
    enum dr_file_kind kind = number ? DR_KIND_VOLUME : DR_KIND_BUNDLE;
    dr_autofree char *path =
        number ? dr_volume_path(pool->output, number, err) : dr_text_copy(pool->output, err);
    struct dr_pool_file *file = path ? dr_pool_add(pool, kind, path, -1, err) : NULL;

    if (!file)
        return -1;
    return number ? give_label(search, file, number, err) : dr_pool_place(pool, file, err);
}

static int name_output(struct search *search, struct dr_err *err)
{
    struct dr_pool *pool = search->pool;

    pool->output = dr_text_copy(
        search->candidates.output ? search->candidates.output : pool->files[0].path, err);
    if (!pool->output)
        return -1;
    dr_candidates_strip(pool->output);
    return 0;
}

/* The bundle or its volumes, in their order, then parity files in theirs. */
static int compare_files(const void *a, const void *b)
{
    const struct dr_pool_file *one = a;
    const struct dr_pool_file *other = b;

    if (one->kind != other->kind)
        return one->kind < other->kind ? -1 : 1;
    if (one->first != other->first)
        return one->first < other->first ? -1 : 1;
    return strcmp(one->path, other->path);
}

int dr_find_files(const struct dr_find_options *options, struct dr_pool *pool, struct dr_err *err)
{
    __attribute__((cleanup(release))) struct search search = {
        .options = options, .pool = pool, .candidates = DR_CANDIDATES_INIT, .why = DR_ERR_INIT};
    uint64_t first;

    for (size_t i = 0; i < options->path_count; i++) {
        if (dr_candidates_add(&search.candidates, options->paths[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < options->media_count; i++) {
        if (dr_candidates_add_folder(&search.candidates, options->media[i], err) < 0)
            return -1;
    }
    if (read_labels(&search, err) < 0 || choose(&search, err) < 0 ||
        take_all_labelled(&search, err) < 0 || take_rest(&search, err) < 0 ||
        name_output(&search, err) < 0)
        return -1;
    pool->doubt = search.why;
    first = pool->split ? 1 : 0;
    for (uint64_t number = first; number < first + pool->set.count; number++) {
        if (!is_found(pool, pool->split ? DR_KIND_VOLUME : DR_KIND_BUNDLE, number) &&
            add_missing(&search, number, err) < 0)
            return -1;
    }
    qsort(pool->files, pool->count, sizeof *pool->files, compare_files);
    return 0;
}

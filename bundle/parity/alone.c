/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/alone.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "bundle/parity/learn.h"
#include "bundle/parity/pool.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

#define LINES_MAX 20

/* NONBLOCK: a pipe of that name would never open. */
static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

bool dr_parity_is_at(const char *path)
{
    dr_autoclose int fd = open_file(path);
    struct stat info;

    return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
           dr_label_is_called(fd, DR_PARITY_FORMAT);
}

/* A pool of that file alone: it has the hashes of its own blocks. */
static int fill(struct dr_pool *pool, const char *path, const struct dr_bundle_trust *trust,
                struct dr_err *err)
{
    dr_auto_parity struct dr_parity parity = DR_PARITY_INIT;
    dr_autoclose int fd = open_file(path);
    struct dr_pool_file *file;

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open it");
    if (dr_parity_read(fd, trust, &parity, err) < 0 ||
        dr_volume_set_copy(&parity.set, &pool->set, err) < 0)
        return -1;
    pool->scheme = parity.scheme;
    if (dr_pool_reserve(pool, err) < 0)
        return -1;
    file = dr_pool_add(pool, DR_KIND_PARITY, path, dr_steal_fd(&fd), err);
    if (!file)
        return -1;
    file->parity = parity;
    parity = (struct dr_parity)DR_PARITY_INIT;
    return dr_pool_place(pool, file, err) < 0 ? -1 : dr_learn_parity(pool, file, err);
}

/* The next row of bad blocks from `*block` on, which moves behind it. False: there is none. */
static bool next_range(const struct dr_pool_file *file, uint64_t *block, uint64_t *ret_from,
                       uint64_t *ret_to)
{
    while (*block < file->count && file->blocks[*block] == DR_BLOCK_GOOD)
        ++*block;
    *ret_from = file->at + *block * DR_VOLUME_CHUNK;
    if (*block == file->count)
        return false;
    while (*block < file->count && file->blocks[*block] != DR_BLOCK_GOOD)
        ++*block;
    *ret_to = file->at + *block * DR_VOLUME_CHUNK;
    return true;
}

static void print_damage(const struct dr_pool_file *file, FILE *out)
{
    uint64_t block = 0;
    uint64_t from;
    uint64_t to;

    if (file->ends & DR_END_SIZE)
        fprintf(out, "  it has %llu bytes, not %llu\n", (unsigned long long)file->found,
                (unsigned long long)file->size);
    if (file->ends & DR_END_LABEL)
        fputs("  one of its two labels\n", out);
    if (file->ends & DR_END_TABLE)
        fputs("  its table of hashes, of which it has two\n", out);
    for (unsigned lines = 0; next_range(file, &block, &from, &to); lines++) {
        if (lines == LINES_MAX) {
            fputs("  and more\n", out);
            return;
        }
        fprintf(out, "  bytes %llu to %llu\n", (unsigned long long)from, (unsigned long long)to);
    }
}

static void print_text(const struct dr_pool *pool, FILE *out)
{
    const struct dr_pool_file *file = &pool->files[0];
    char set[DR_VOLUME_SET_TEXT];

    dr_volume_set_text(&pool->set, set);
    dr_text_print(file->path, out);
    if (!dr_pool_is_damaged(file)) {
        fprintf(out, ": good: parity of %s, every byte checked\n", set);
        return;
    }
    fprintf(out, ": damaged: parity of %s\n", set);
    print_damage(file, out);
}

static int print_json(const struct dr_pool *pool, FILE *out, struct dr_err *err)
{
    const struct dr_pool_file *file = &pool->files[0];
    json_t *ranges = json_array();
    char sums[DR_DIGEST_TEXT];
    json_auto_t *json = json_pack(
        "{s:s, s:s?, s:[{s:s, s:o, s:s, s:b, s:o}]}", "sums", dr_digest_text(&pool->set.sums, sums),
        "release", pool->set.release, "found", "kind", "parity", "path", dr_json_name(file->path),
        "state", dr_pool_is_damaged(file) ? "damaged" : "good", "ends_damaged", file->ends != 0,
        "damage", ranges);
    uint64_t block = 0;
    uint64_t from;
    uint64_t to;

    while (json && next_range(file, &block, &from, &to)) {
        if (dr_json_append(ranges, json_pack("[I, I]", (json_int_t)from, (json_int_t)to), err) < 0)
            return -1;
    }
    return json ? dr_json_print(json, out, err) : dr_fail_memory(err);
}

int dr_parity_check_alone(const char *path, const struct dr_bundle_trust *trust, bool json,
                          FILE *out, const struct dr_log *log, struct dr_err *err)
{
    dr_auto_pool struct dr_pool pool = DR_POOL_INIT;

    pool.log = log;
    if (fill(&pool, path, trust, err) < 0 || dr_pool_scan(&pool, err) < 0)
        return dr_err_wrap(err, "verify the parity file '%s'", path);
    if (!json)
        print_text(&pool, out);
    else if (print_json(&pool, out, err) < 0)
        return -1;
    if (!dr_pool_is_damaged(&pool.files[0]))
        return 0;
    return dr_fail(err, DR_ERR_VERIFY,
                   "the parity file '%s' is damaged: copy or burn it again; what is good of it "
                   "still repairs, and 'drover parity --force' makes it anew where the bundle is "
                   "good",
                   path);
}

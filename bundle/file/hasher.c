/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/hasher.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/stop.h"

#define WORKERS_MAX 8
#define CHUNK ((size_t)256 << 10)

/* What the workers share; everything below `lock` only under it. */
struct hasher {
    const struct dr_bytes *bytes;
    const struct dr_member **members; /* largest first, so that the last to end is a small one */
    size_t count;
    pthread_mutex_t lock;
    size_t next;
    struct dr_progress *progress;
    bool failed;
    const struct dr_member *bad;
    struct dr_err *err;
};

static int by_size(const void *a, const void *b)
{
    const struct dr_member *one = *(const struct dr_member *const *)a;
    const struct dr_member *other = *(const struct dr_member *const *)b;

    if (one->size != other->size)
        return one->size > other->size ? -1 : 1;
    return one->offset < other->offset ? -1 : one->offset > other->offset;
}

/* The next member to do; NULL: there is none, or another worker has failed. */
static const struct dr_member *take(struct hasher *hasher)
{
    const struct dr_member *member = NULL;

    pthread_mutex_lock(&hasher->lock);
    if (!hasher->failed && hasher->next < hasher->count)
        member = hasher->members[hasher->next++];
    pthread_mutex_unlock(&hasher->lock);
    return member;
}

/* `member` NULL: none is bad. */
static void fail(struct hasher *hasher, const struct dr_member *member, const struct dr_err *why)
{
    pthread_mutex_lock(&hasher->lock);
    if (!hasher->failed && hasher->err)
        *hasher->err = *why;
    if (!hasher->failed && why->code == DR_ERR_VERIFY)
        hasher->bad = member;
    hasher->failed = true;
    pthread_mutex_unlock(&hasher->lock);
}

/* Adds to the progress; false: stop. */
static bool go_on(struct hasher *hasher, size_t bytes)
{
    bool failed;

    pthread_mutex_lock(&hasher->lock);
    if (hasher->progress)
        dr_progress_add(hasher->progress, bytes);
    failed = hasher->failed;
    pthread_mutex_unlock(&hasher->lock);
    return !failed;
}

static int check_member(struct hasher *hasher, const struct dr_member *member, struct dr_hash *hash,
                        char *chunk, struct dr_err *err)
{
    struct dr_digest digest;

    if (!hasher->bytes->volumes)
        posix_fadvise(hasher->bytes->file, (off_t)member->offset, (off_t)member->size,
                      POSIX_FADV_SEQUENTIAL);
    for (uint64_t done = 0; done < member->size;) {
        uint64_t left = member->size - done;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;

        if (dr_stop_check(err, "the bundle was checked") < 0 ||
            dr_bytes_read(hasher->bytes, chunk, size, member->offset + done, err) < 0)
            return -1;
        dr_hash_add(hash, chunk, size);
        if (!go_on(hasher, size))
            return 0;
        done += size;
    }
    dr_hash_end(hash, &digest);
    if (!dr_digest_equal(&digest, &member->digest))
        return dr_fail(
            err, DR_ERR_VERIFY, "the content of '%s' (%llu bytes from byte %llu on) was changed",
            member->name, (unsigned long long)member->size, (unsigned long long)member->offset);
    return 0;
}

static void *work(void *context)
{
    struct hasher *hasher = context;
    struct dr_err why = DR_ERR_INIT;
    dr_auto_hash struct dr_hash *hash = dr_hash_new(&why);
    dr_autofree char *chunk = malloc(CHUNK);
    const struct dr_member *member;

    if (!chunk)
        dr_fail_memory(&why);
    if (!hash || !chunk) {
        fail(hasher, NULL, &why);
        return NULL;
    }
    while ((member = take(hasher))) {
        if (check_member(hasher, member, hash, chunk, &why) < 0)
            fail(hasher, member, &why);
    }
    return NULL;
}

/* The calling thread works too, so one that cannot be started is only help that does not come. */
static void run_workers(struct hasher *hasher)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t helpers[WORKERS_MAX];
    size_t count = 0;

    while (count + 1 < hasher->count && (long)count + 1 < processors && count < WORKERS_MAX &&
           pthread_create(&helpers[count], NULL, work, hasher) == 0)
        count++;
    work(hasher);
    while (count > 0)
        pthread_join(helpers[--count], NULL);
}

int dr_hasher_run(const struct dr_bytes *bytes, const struct dr_member *const *members,
                  size_t count, struct dr_progress *progress, const struct dr_member **ret_bad,
                  struct dr_err *err)
{
    dr_autofree const struct dr_member **sorted = calloc(count + 1, sizeof *sorted);
    struct hasher hasher = {
        .bytes = bytes,
        .members = sorted,
        .count = count,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .progress = progress,
        .err = err,
    };

    if (!sorted)
        return dr_fail_memory(err);
    if (count == 0)
        return 0;
    memcpy(sorted, members, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_size);
    run_workers(&hasher);
    pthread_mutex_destroy(&hasher.lock);
    if (ret_bad)
        *ret_bad = hasher.bad;
    return hasher.failed ? -1 : 0;
}

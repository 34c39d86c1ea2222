/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/repair.h"

#include <stdio.h>

#include "bundle/parity/pool.h"
#include "bundle/parity/report.h"
#include "bundle/parity/restore.h"
#include "lib/text.h"

static bool is_damaged(const struct dr_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (dr_pool_is_damaged(&pool->files[i]))
            return true;
    }
    return false;
}

static int report(const struct dr_pool *pool, const struct dr_repair_options *options, bool done,
                  bool verified, struct dr_err *err)
{
    if (options->json)
        return dr_report_print_json(pool, done, verified, options->out, err);
    dr_report_print(pool, done, options->out);
    return 0;
}

static int fail_lost(const struct dr_pool *pool, const struct dr_tally *tally, struct dr_err *err)
{
    char size[16];

    dr_text_size(tally->lost * DR_VOLUME_CHUNK, size);
    if (tally->lost == 0)
        return dr_fail(err, DR_ERR_VERIFY,
                       "the end of a volume (table, list or label) cannot be restored, see above; "
                       "bring a parity file that is whole");
    if (pool->scheme.rows == 0)
        dr_fail(err, DR_ERR_VERIFY,
                "%llu chunks (%s) of the bundle are bad and there is no parity file here: "
                "bring it, or another copy of what is marked above",
                (unsigned long long)tally->lost, size);
    else
        dr_fail(err, DR_ERR_VERIFY,
                "%llu chunks (%s) of the bundle cannot be restored: up to %llu chunks too many "
                "are gone of those that belong together; bring a parity file that is missing "
                "here, another copy of what is marked above, or the bundle anew",
                (unsigned long long)tally->lost, size, (unsigned long long)pool->lacking);
    return pool->doubt.code == DR_OK ? -1
                                     : dr_err_advise(err, "passed over was %s", pool->doubt.text);
}

static int conclude(const struct dr_pool *pool, const struct dr_repair_options *options,
                    struct dr_err *err)
{
    struct dr_tally tally = dr_report_count(pool);

    if (!tally.data_whole)
        return fail_lost(pool, &tally, err);
    if (options->json)
        return 0;
    if (tally.bad == 0 && tally.missing == 0)
        fputs("nothing is damaged: every byte was read, and is as it was signed for\n",
              options->out);
    else if (options->dry_run)
        fputs("all of the bundle can be restored: the same command without --dry-run does it\n",
              options->out);
    else
        fputs("restored: every byte of the bundle was read again, and is as it was signed for\n",
              options->out);
    if (tally.restored < tally.bad)
        dr_log_warn(pool->log, "a parity file is damaged and can't be restored as a whole; 'drover "
                               "parity --force' makes parity anew");
    return 0;
}

static int write_all(struct dr_pool *pool, const struct dr_repair_options *options,
                     struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    if (dr_restore_begin(pool, options->folder, &why) < 0) {
        /* Then at least what could be done is told. */
        dr_restore_cancel(pool);
        if (why.code != DR_ERR_STOPPED && dr_restore_blocks(pool, NULL) == 0)
            report(pool, options, false, false, NULL);
        return dr_fail(err, why.code, "%s", why.text);
    }
    if (dr_restore_blocks(pool, err) < 0 || dr_restore_end(pool, err) < 0)
        return -1;
    return 0;
}

int dr_repair_run(const struct dr_repair_options *options, const struct dr_log *log,
                  struct dr_err *err)
{
    dr_auto_pool struct dr_pool pool = DR_POOL_INIT;
    bool damaged;
    bool done;

    pool.log = log;
    if (dr_find_files(&options->find, &pool, err) < 0 || dr_pool_scan(&pool, err) < 0)
        return -1;
    damaged = is_damaged(&pool);
    done = damaged && !options->dry_run;
    if (done && (write_all(&pool, options, err) < 0 || dr_pool_verify(&pool, err) < 0))
        return -1;
    if (damaged && !done && dr_restore_blocks(&pool, err) < 0)
        return -1;
    if (report(&pool, options, done, done, err) < 0)
        return -1;
    return conclude(&pool, options, err);
}

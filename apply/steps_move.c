/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/types.h>

#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/server/account.h"
#include "apply/server/restore.h"
#include "apply/steps.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

/* The database goes from its volume into a folder of the host (--to-bind-mount), out of the copy that was just made and
 * proved. It is put together beside the folder and renamed when it is whole. */

static bool holds_database(const char *folder)
{
    static const char *const parts[] = {"ibdata1", "mysql"};
    bool all = true;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        dr_autofree char *path = dr_file_join(folder, parts[i], NULL);

        all &= path && access(path, F_OK) == 0;
    }
    return all;
}

/* Where the new server was started the folder is its own, whatever it holds by now. */
DR_STEP_CHECK(move)
{
    bool committed = false;

    if (dr_upgrade_is_committed(upgrade, &committed, err) < 0)
        return -1;
    *ret_done = committed || (dr_journal_is_done(upgrade->journal, "move") &&
                              holds_database(dr_upgrade_text(upgrade, "move", "folder")));
    return 0;
}

/* `owner` NULL: remove everything instead. Neither follows a link. */
static int walk(const char *folder, const struct dr_account *owner, struct dr_err *err)
{
    dr_autofree char *top = dr_text_copy(folder, err);
    FTSENT *entry;
    FTS *tree;
    int done = 0;

    if (!top)
        return -1;
    tree = fts_open((char *[]){top, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return dr_fail_errno(err, DR_ERR_IO, "walk through '%s'", folder);
    while (done == 0 && (entry = fts_read(tree))) {
        bool after = entry->fts_info == FTS_DP;

        if (owner && !after)
            done = lchown(entry->fts_accpath, owner->uid, owner->gid);
        else if (!owner && entry->fts_info != FTS_D)
            done = remove(entry->fts_accpath);
    }
    if (done < 0)
        dr_fail_errno(err, DR_ERR_IO, "%s '%s'", owner ? "give to mysql" : "remove", folder);
    fts_close(tree);
    return done;
}

static int clear(const char *draft, struct dr_err *err)
{
    struct stat st;

    if (lstat(draft, &st) < 0 && errno == ENOENT)
        return 0;
    return walk(draft, NULL, err);
}

DR_STEP_DO(move)
{
    const char *folder = dr_upgrade_text(upgrade, "move", "folder");
    const char *draft = dr_upgrade_text(upgrade, "move", "draft");
    struct dr_account owner = {0};

    if (dr_account_find(upgrade->engine, dr_upgrade_text(upgrade, "candidate", "id"), "mysql",
                        &owner, err) < 0)
        return -1;
    if (holds_database(folder)) /* a kill came between the renaming and its record */
        return 0;
    if (clear(draft, err) < 0 || dr_file_make_folder(draft, 0700, err) < 0 ||
        dr_restore(json_object_get(upgrade->journal->state, "backup"), draft, err) < 0 ||
        walk(draft, &owner, err) < 0)
        return -1;
    dr_log_detail(upgrade->log, "'%s' belongs to mysql of the new image, %u:%u", folder, owner.uid,
                  owner.gid);
    /* Over an empty folder, or nothing: rename(2) refuses everything else. */
    if (rename(draft, folder) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "rename '%s' to '%s'", draft, folder);
    return dr_file_sync_folder(folder, err);
}

DR_STEP_PROVE(move)
{
    const char *folder = dr_upgrade_text(upgrade, "move", "folder");
    bool committed = false;

    if (dr_upgrade_is_committed(upgrade, &committed, err) < 0)
        return -1;
    if (committed || holds_database(folder))
        return 0;
    return dr_fail(err, DR_ERR_PROOF, "there is no database in '%.200s'", folder);
}

int dr_undo_move(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const char *folder = dr_upgrade_text(upgrade, "move", "folder");
    const char *draft = dr_upgrade_text(upgrade, "move", "draft");

    if (!dr_journal_is_begun(upgrade->journal, "move"))
        return 0;
    /* Only a copy, since the new server was never started. */
    if (holds_database(folder) && access(draft, F_OK) < 0 && rename(folder, draft) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "take back '%s'", folder);
    return clear(draft, err);
}

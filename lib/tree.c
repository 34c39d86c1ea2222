/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tree.h"

#include <errno.h>
#include <sys/types.h>

#include <fts.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/text.h"

static int see(struct dr_tree *tree, const FTSENT *entry, struct dr_err *err)
{
    switch (entry->fts_info) {
    case FTS_F:
        tree->bytes += (uint64_t)entry->fts_statp->st_size;
        tree->linked |= entry->fts_statp->st_nlink > 1;
        tree->entries++;
        return 0;
    case FTS_D:
    case FTS_SL:
        tree->entries++;
        return 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        if (entry->fts_level > 0 && entry->fts_errno == ENOENT)
            return 0;
        errno = entry->fts_errno;
        return dr_fail_errno(err, DR_ERR_IO, "count what is in '%s'", entry->fts_path);
    default:
        return 0;
    }
}

int dr_tree_measure(const char *path, struct dr_tree *ret_tree, struct dr_err *err)
{
    dr_autofree char *top = dr_text_copy(path, err);
    struct dr_tree tree = {0};
    const FTSENT *entry;
    int done = 0;
    FTS *walk;

    if (!top)
        return -1;
    walk = fts_open((char *[]){top, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return dr_fail_errno(err, DR_ERR_IO, "count what is in '%s'", path);
    while (done == 0 && (entry = fts_read(walk)))
        done = see(&tree, entry, err);
    fts_close(walk);
    if (done < 0)
        return -1;
    *ret_tree = tree;
    return 0;
}

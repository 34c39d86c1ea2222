/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/dbdump.h"

#include <string.h>
#include <unistd.h>

#include "apply/rancher/dump.h"
#include "apply/server/dump.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

static int take(struct dr_upgrade *upgrade, const char *file, uint64_t *ret_bytes,
                struct dr_err *err)
{
    dr_autofree char *folder = dr_file_folder(file, err);

    if (!folder || dr_file_make_folder(folder, 0700, err) < 0 ||
        dr_dump_fetch(upgrade->rancher, file, err) < 0)
        return -1;
    if (dr_dump_check(file, ret_bytes, err) < 0) {
        unlink(file);
        return -1;
    }
    return dr_json_set(upgrade->journal->state, "dbdump",
                       json_pack("{s:s, s:I}", "file", file, "bytes", (json_int_t)*ret_bytes), err);
}

void dr_dbdump_take(struct dr_upgrade *upgrade)
{
    const char *copy = dr_upgrade_text(upgrade, NULL, "backup_file");
    dr_autofree char *file = *copy ? dr_text_format(NULL, "%s.dbdump.zip", copy) : NULL;
    struct dr_err why = DR_ERR_INIT;
    uint64_t bytes = 0;
    char size[16];

    if (!file)
        return;
    if (take(upgrade, file, &bytes, &why) == 0) {
        dr_text_size(bytes, size);
        dr_log_say(upgrade->log, "  Rancher's own dump of its database, %s, is in %s", size, file);
    } else if (why.code == DR_ERR_ABSENT || why.code == DR_ERR_AUTH) {
        dr_log_detail(upgrade->log, "  Rancher gives no dump of its database to this key: %s",
                      why.text);
    } else {
        dr_log_warn(upgrade->log,
                    "Rancher's own dump of its database failed, the copy after the stop is what "
                    "counts: %s",
                    why.text);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trusted.h"

#include <string.h>
#include <time.h>

int dr_trusted_read(const struct dr_list *files, struct dr_trusted *ret_trusted, struct dr_err *err)
{
    memset(ret_trusted, 0, sizeof *ret_trusted);
    if (files->count == 0)
        return dr_fail(
            err, DR_ERR_USAGE,
            "--pubkey FILE is needed: the public half of the key that signed the bundle");
    for (size_t i = 0; i < files->count; i++) {
        ret_trusted->keys[i] = dr_key_read_public(files->item[i], err);
        if (!ret_trusted->keys[i])
            return -1;
        ret_trusted->trust.key_count++;
    }
    ret_trusted->trust.keys = (const struct dr_key *const *)ret_trusted->keys;
    ret_trusted->trust.now = time(NULL);
    return 0;
}

void dr_trusted_release(struct dr_trusted *trusted)
{
    for (size_t i = 0; i < DR_LIST_MAX; i++)
        dr_key_free(trusted->keys[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_TRUST_FOLDER_H
#define DROVER_BUNDLE_FILE_TRUST_FOLDER_H

/*
 * Whom a site believes, as files (docs/trust.md):
 *
 *     /etc/drover/trust.d/NAME.pub       public keys in PEM
 *     /etc/drover/revoked.d/KEYID        empty; a key with this id (64 hex digits) counts for nothing, wherever it is
 *     /etc/drover/channel.conf           what is demanded (bundle/file/channel.h)
 *
 * Everything here is refused (DR_ERR_REFUSED) when others than root or this process's user may write it, and whatever
 * cannot be read or understood ends the run: nobody is less protected because of a typing error.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/channel.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/key.h"

#define DR_TRUST_FOLDER "/etc/drover"

#define DR_TRUST_KEYS_MAX 64

struct dr_trust_folder {
    struct dr_key *keys[DR_TRUST_KEYS_MAX]; /* each once, none of them revoked; owned */
    size_t key_count;
    struct dr_key *revoked[DR_TRUST_KEYS_MAX]; /* those of trust.d that are; owned */
    size_t revoked_count;
    struct dr_channel channel;
};

/* `ret_folder` is zeroed memory before. No key that counts, or fewer than the threshold: DR_ERR_REFUSED. */
int dr_trust_folder_read(const char *path, struct dr_trust_folder *ret_folder, struct dr_err *err);
void dr_trust_folder_release(struct dr_trust_folder *folder);
#define dr_auto_trust_folder __attribute__((cleanup(dr_trust_folder_release)))

/* Is the key with this id revoked there? A folder that is not there revokes nothing. */
int dr_trust_folder_revokes(const char *path, const struct dr_digest *id, bool *ret_revoked,
                            struct dr_err *err);

#endif

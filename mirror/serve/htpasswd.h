/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_HTPASSWD_H
#define DROVER_MIRROR_SERVE_HTPASSWD_H

/*
 * Who may pull: Apache's htpasswd file with bcrypt hashes (`htpasswd -B`), as docker-registry takes it. A hash is slow on
 * purpose, and a client sends its password with every request: one that was right is remembered (as a keyed SHA-256, in
 * memory only), and no more than a few new ones are tried in a second, so that guessing does not hold up the transfers.
 */

#include "lib/err.h"

struct dr_htpasswd;

enum dr_login {
    DR_LOGIN_GOOD,
    DR_LOGIN_NONE,  /* no credentials, or none that can be read */
    DR_LOGIN_WRONG, /* unknown user or wrong password; takes the same time */
    DR_LOGIN_LATER, /* too many were tried just now */
};

/* With its NUL. */
#define DR_HTPASSWD_USER 256

/* DR_ERR_IO: can't be read; DR_ERR_FORMAT: holds no user, a line that is none, or a hash other than bcrypt or dearer than
 * a server can bear. NULL on failure. */
struct dr_htpasswd *dr_htpasswd_read(const char *path, struct dr_err *err);
void dr_htpasswd_free(struct dr_htpasswd *htpasswd);

/* `authorization` is the header's value, NULL: there is none. `ret_user` gets the name that was given, "" for none. */
enum dr_login dr_htpasswd_check(struct dr_htpasswd *htpasswd, const char *authorization,
                                char ret_user[DR_HTPASSWD_USER]);

#endif

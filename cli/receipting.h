/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_RECEIPTING_H
#define DROVER_CLI_RECEIPTING_H

/*
 * The options by which mirror and audit write a receipt:
 *
 *     dr_auto_receipting struct dr_receipting receipting = DR_RECEIPTING_INIT;
 *     table: DR_RECEIPTING_OPTIONS(receipting)
 *     dr_receipting_read(&receipting, &wish, err);      before the work: a wrong passphrase is told at once
 */

#include "cli/cli.h"
#include "lib/err.h"
#include "lib/key.h"
#include "mirror/audit/receipt.h"

struct dr_receipting {
    const char *path;
    const char *key_path;
    const char *passphrase_file;
    struct dr_key *key; /* owned */
};

#define DR_RECEIPTING_INIT                                                                         \
    {                                                                                              \
        .key = NULL                                                                                \
    }

/* Rows for a table of options. */
#define DR_RECEIPTING_OPTIONS(receipting)                                                          \
    {"receipt", 0, DR_OPTION_TEXT, &(receipting).path},                                            \
        {"receipt-key", 0, DR_OPTION_TEXT, &(receipting).key_path},                                \
    {                                                                                              \
        "passphrase-file", 0, DR_OPTION_TEXT, &(receipting).passphrase_file                        \
    }

/* The wish borrows. DR_ERR_USAGE: no key was named; DR_ERR_REFUSED: the file exists and is something else. */
int dr_receipting_read(struct dr_receipting *receipting, struct dr_receipt_wish *ret_wish,
                       struct dr_err *err);
void dr_receipting_release(struct dr_receipting *receipting);
#define dr_auto_receipting __attribute__((cleanup(dr_receipting_release)))

/* A receipt may take the place of an older one, never that of a key or a bundle. */
int dr_receipting_check_place(const char *path, struct dr_err *err);

#endif

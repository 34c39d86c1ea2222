/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/receipting.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bundle/receipt/text.h"
#include "lib/cleanup.h"
#include "lib/text.h"

/* It is written when all else is done, perhaps hours later: told before. */
static int check_folder(const char *path, struct dr_err *err)
{
    const char *slash = strrchr(path, '/');
    dr_autofree char *folder =
        slash ? dr_text_format(err, "%.*s/", (int)(slash - path), path) : dr_text_copy(".", err);

    if (!folder)
        return -1;
    return access(folder, W_OK) == 0
               ? 0
               : dr_fail_errno(err, DR_ERR_IO, "look at '%s', where the receipt goes", folder);
}

int dr_receipting_check_place(const char *path, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char begin[64];
    ssize_t size;

    if (strcmp(path, "-") == 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "a receipt goes into a file, and '-' is none; "
                       "'drover receipt code' prints one");
    if (fd < 0)
        return errno == ENOENT
                   ? check_folder(path, err)
                   : dr_fail_errno(err, DR_ERR_IO, "look at '%s', where the receipt goes", path);
    size = read(fd, begin, sizeof begin);
    if (size == 0 || (size > 0 && dr_receipt_is_text(begin, (size_t)size)))
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "'%s' exists and is no receipt; it is left as it is: choose another name", path);
}

int dr_receipting_read(struct dr_receipting *receipting, struct dr_receipt_wish *ret_wish,
                       struct dr_err *err)
{
    if (!receipting->path)
        return 0;
    if (!receipting->key_path)
        return dr_fail(err, DR_ERR_USAGE,
                       "--receipt needs --receipt-key FILE: the private key of this side that "
                       "signs receipts; 'drover key new' makes one");
    if (dr_receipting_check_place(receipting->path, err) < 0)
        return -1;
    receipting->key = dr_key_read_private(receipting->key_path, dr_ask_passphrase,
                                          (void *)(uintptr_t)receipting->passphrase_file, err);
    if (!receipting->key)
        return -1;
    *ret_wish = (struct dr_receipt_wish){.path = receipting->path, .key = receipting->key};
    return 0;
}

void dr_receipting_release(struct dr_receipting *receipting)
{
    dr_key_free(receipting->key);
    receipting->key = NULL;
}

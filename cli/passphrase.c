/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

/* The first line of the file. */
static int from_file(const char *path, char *ret, size_t size, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(4096);
    int done;

    if (dr_file_read(path, &text, err) < 0)
        return dr_err_wrap(err, "read the passphrase");
    text.data[strcspn(text.data, "\r\n")] = '\0';
    done = dr_text_put(ret, size, text.data);
    OPENSSL_cleanse(text.data, text.size);
    return done < 0 ? dr_fail(err, DR_ERR_USAGE, "the passphrase in '%s' is too long", path) : 0;
}

/* Asks on the terminal itself, whatever stdin and stderr are, without echo. */
static int prompt(int terminal, const char *question, char *ret, size_t size, struct dr_err *err)
{
    struct termios before;
    struct termios quiet;
    ssize_t got;

    if (tcgetattr(terminal, &before) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "ask for the passphrase");
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (write(terminal, question, strlen(question)) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "ask for the passphrase");
    tcsetattr(terminal, TCSAFLUSH, &quiet);
    got = read(terminal, ret, size - 1);
    tcsetattr(terminal, TCSAFLUSH, &before);
    if (write(terminal, "\n", 1) < 0 || got <= 0)
        return dr_fail(err, DR_ERR_STOPPED, "no passphrase was given");
    ret[got] = '\0';
    ret[strcspn(ret, "\r\n")] = '\0';
    return 0;
}

int dr_ask_passphrase(void *passphrase_file, bool confirm, char *ret, size_t size,
                      struct dr_err *err)
{
    const char *value = getenv("DROVER_PASSPHRASE");
    dr_autoclose int terminal = -1;
    char again[1024];
    int same;

    if (passphrase_file)
        return from_file(passphrase_file, ret, size, err);
    if (value)
        return dr_text_put(ret, size, value) < 0
                   ? dr_fail(err, DR_ERR_USAGE, "DROVER_PASSPHRASE is too long")
                   : 0;
    terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0)
        return dr_fail(err, DR_ERR_AUTH,
                       "a passphrase is needed and there is no terminal to ask on; give "
                       "--passphrase-file FILE or DROVER_PASSPHRASE");
    if (prompt(terminal, "passphrase of the key: ", ret, size, err) < 0)
        return -1;
    if (!confirm)
        return 0;
    if (prompt(terminal, "the same again: ", again, sizeof again, err) < 0)
        return -1;
    same = strcmp(ret, again) == 0;
    OPENSSL_cleanse(again, sizeof again);
    return same ? 0 : dr_fail(err, DR_ERR_USAGE, "the two passphrases differ");
}

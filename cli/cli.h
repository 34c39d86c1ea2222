/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_CLI_H
#define DROVER_CLI_CLI_H

/*
 * The command line: one table of commands (cli/commands.c), one file per command (cli/cmd_<name>.c)
 * that only turns options into a stage's options struct and calls the stage, and one way to read
 * options.
 *
 * Results go to stdout, talk to stderr, errors through `err` to main(), which prints "drover
 * <command>: <text>" and exits with the status of the code (docs/exit-status.md).
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/log.h"

/* `argv[0]` is the command's name. Returns 0 or -1. */
typedef int dr_command_fn(int argc, char **argv, struct dr_err *err);

struct dr_command {
    const char *name;
    dr_command_fn *run;
    const char *summary; /* one line for `drover --help` */
};

/* Ends with a row whose name is NULL. */
extern const struct dr_command dr_commands[];

/* A repeatable option's values; borrowed from argv, or from the settings that dr_common keeps. */
#define DR_LIST_MAX 64
struct dr_list {
    const char *item[DR_LIST_MAX];
    size_t count;
    bool is_set; /* by settings: nobody has typed these for this run */
};

enum dr_option_kind {
    DR_OPTION_FLAG, /* bool *: set to true */
    DR_OPTION_TEXT, /* const char **: the value, borrowed likewise */
    DR_OPTION_LIST, /* struct dr_list *: each value appended */
    DR_OPTION_OPTIONAL, /* the same, and "" where no value was given: --NAME or --NAME=VALUE; has no letter */
    DR_OPTION_NUMBER, /* uint64_t * */
    DR_OPTION_RATE,   /* uint64_t *: bytes per second, "500k", "2M" as with curl; not 0 */
};

struct dr_option {
    const char *name; /* without the dashes; NULL ends the table */
    char letter;      /* 0: none */
    enum dr_option_kind kind;
    void *target;
};

/* What every command understands: -h/--help, -q/--quiet, -v/--verbose, --progress FORM. */
struct dr_common {
    struct dr_log log;
    bool help;        /* --help was given and printed: return 0 at once */
    json_t *settings; /* values that the options borrow (cli/settings.h); owned */
};

void dr_common_release(struct dr_common *common);
#define dr_auto_common __attribute__((cleanup(dr_common_release)))

/* Reads options (anywhere among the words) and leaves the other words in `ret_words`; options that
 * were not given come from the settings (cli/settings.h). `ret_common` must outlive the values. Unknown
 * options, missing values and more or fewer words than allowed are DR_ERR_USAGE with a pointer to
 * --help. With --help it prints the command's help and sets ret_common->help; so it does with
 * --__options alone, which prints the table for tests: NAME, LETTER or -, KIND per line. */
int dr_options_read(int argc, char **argv, const struct dr_option *options, size_t min_words,
                    size_t max_words, struct dr_list *ret_words, struct dr_common *ret_common,
                    struct dr_err *err);

/* The FORM of --progress among the arguments, whatever else is wrong with them: an error about the
 * command line has that form too. */
enum dr_log_form dr_options_form(int argc, char **argv);

/* Prints the help of a command (made from its man page) to stdout. False: there is none. */
bool dr_help_print(const char *command);

/* A dr_passphrase_fn (lib/key.h): --passphrase-file (the context, may be NULL), then
 * DROVER_PASSPHRASE, then a prompt on the terminal. */
int dr_ask_passphrase(void *passphrase_file, bool confirm, char *ret, size_t size,
                      struct dr_err *err);

#endif

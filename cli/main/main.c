/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/version.h"
#include "lib/err.h"
#include "lib/stop.h"

static void print_usage(FILE *to)
{
    fputs("usage: drover COMMAND [OPTIONS] ...\n\n"
          "Carries a Rancher 1.x upgrade across an air gap.\n\n",
          to);
    for (const struct dr_command *command = dr_commands; command->name; command++)
        fprintf(to, "  %-10s %s\n", command->name, command->summary);
    fputs("\n'drover COMMAND --help' explains a command.\n", to);
}

static const struct dr_command *find(const char *name)
{
    const struct dr_command *command = dr_commands;

    while (command->name && strcmp(command->name, name) != 0)
        command++;
    return command->name ? command : NULL;
}

/* A result that could not be written (full disk, closed pipe) is no result. */
static int flush_results(struct dr_err *err)
{
    if (fflush(stdout) != 0)
        return dr_fail_errno(err, DR_ERR_IO, "write the result to the standard output");
    return ferror(stdout)
               ? dr_fail(err, DR_ERR_IO,
                         "write the result to the standard output: some of it was lost (a "
                         "full disk, a closed pipe)")
               : 0;
}

static int run(const struct dr_command *command, int argc, char **argv)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_log log;
    int done;

    dr_stop_install();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        done = dr_fail(&err, DR_ERR_INTERNAL, "start libcurl");
    else
        done = command->run(argc, argv, &err);
    if (done == 0)
        done = flush_results(&err);
    curl_global_cleanup();
    if (done == 0)
        return 0;
    /* A failure that lost its reason must never end as success. */
    if (err.code == DR_OK)
        dr_fail(&err, DR_ERR_INTERNAL, "it failed without a reason; this is a defect of drover");
    dr_log_init(&log, 0, dr_options_form(argc, argv));
    dr_log_error(&log, command->name, &err);
    return dr_code_status(err.code);
}

/* With a standard stream closed the next file that is opened (a bundle, a lock) would take its place, and what is meant
 * for the stream be written into it. Opened the wrong way round, so that a result written there still fails. */
static void fill_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
}

static int unknown(const char *name)
{
    fprintf(stderr, "drover: '%.100s' is not a command; 'drover --help' lists them\n", name);
    return dr_code_status(DR_ERR_USAGE);
}

/* The end of what needs no command. */
static int end(void)
{
    struct dr_err err = DR_ERR_INIT;

    if (flush_results(&err) == 0)
        return 0;
    fprintf(stderr, "drover: %s\n", err.text);
    return dr_code_status(err.code);
}

static int version(int argc, char **argv)
{
    struct dr_err err = DR_ERR_INIT;
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0;

    if (argc > 0 && !json) {
        fprintf(stderr, "drover --version: '%.40s' is too much; it knows --json\n", argv[0]);
        return dr_code_status(DR_ERR_USAGE);
    }
    if (dr_version_print(stdout, json, &err) == 0)
        return end();
    fprintf(stderr, "drover --version: %s\n", err.text);
    return dr_code_status(err.code);
}

int main(int argc, char **argv)
{
    const struct dr_command *command;

    fill_streams();
    /* Never "": a host's locale must not change what is written, only which bytes count as text. */
    setlocale(LC_CTYPE, "C.UTF-8");
    if (argc < 2) {
        print_usage(stderr);
        return dr_code_status(DR_ERR_USAGE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        if (argc < 3)
            print_usage(stdout);
        else if (!dr_help_print(argv[2]))
            return unknown(argv[2]);
        return end();
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        return version(argc - 2, argv + 2);
    }
    command = find(argv[1]);
    if (!command)
        return unknown(argv[1]);
    return run(command, argc - 1, argv + 1);
}

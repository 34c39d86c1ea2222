/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/settings.h"
#include "lib/json.h"
#include "lib/text.h"

#define OPTIONS_MAX 48

/* getopt's view of a table: option i has the value FIRST + i, so letters can't collide with it. */
#define FIRST 256

struct parser {
    const struct dr_option *options;
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 2];
    bool given[OPTIONS_MAX]; /* on the command line */
    size_t count;
};

static void build(struct parser *parser)
{
    char *letter = parser->shorts;

    *letter++ = ':';
    for (size_t i = 0; i < parser->count; i++) {
        const struct dr_option *option = &parser->options[i];
        int has_value = option->kind != DR_OPTION_FLAG;
        int has_arg = option->kind == DR_OPTION_OPTIONAL ? optional_argument
                      : has_value                        ? required_argument
                                                         : no_argument;

        parser->longs[i] =
            (struct option){.name = option->name, .has_arg = has_arg, .val = FIRST + (int)i};
        if (!option->letter)
            continue;
        *letter++ = option->letter;
        if (has_value)
            *letter++ = ':';
    }
    *letter = '\0';
}

static const struct dr_option *find(const struct parser *parser, int value)
{
    if (value >= FIRST)
        return &parser->options[value - FIRST];
    for (size_t i = 0; i < parser->count; i++) {
        if (parser->options[i].letter == value)
            return &parser->options[i];
    }
    return NULL;
}

static int append(struct dr_list *list, const char *item, struct dr_err *err)
{
    if (list->count == DR_LIST_MAX)
        return dr_fail(err, DR_ERR_USAGE, "more than %d values", DR_LIST_MAX);
    list->item[list->count++] = item;
    return 0;
}

static int store(const struct dr_option *option, const char *value, struct dr_err *err)
{
    switch (option->kind) {
    case DR_OPTION_FLAG:
        *(bool *)option->target = true;
        return 0;
    case DR_OPTION_TEXT:
        *(const char **)option->target = value;
        return 0;
    case DR_OPTION_LIST:
        return append(option->target, value, err);
    case DR_OPTION_OPTIONAL:
        return append(option->target, value ? value : "", err);
    case DR_OPTION_NUMBER:
        if (dr_text_uint64(value, INT64_MAX, option->target, err) < 0) {
            if (err)
                err->code = DR_ERR_USAGE;
            return dr_err_wrap(err, "--%s", option->name);
        }
        return 0;
    case DR_OPTION_RATE:
        if (dr_text_bytes(value, UINT64_MAX >> 2, option->target) == 0)
            return 0;
        return dr_fail(err, DR_ERR_USAGE,
                       "--%s: '%.40s' is no rate; give bytes per second, like 500k or 2M",
                       option->name, value);
    }
    return 0;
}

static int unknown(int found, char **argv, struct dr_err *err)
{
    const char *word = argv[optind > 0 ? optind - 1 : 0];
    char letter[3] = {'-', (char)optopt, '\0'};
    bool by_letter = optopt > 0 && optopt < FIRST;

    return dr_fail(err, DR_ERR_USAGE, "%s %s; 'drover %s --help' lists the options",
                   found == ':' ? "a value is missing after" : "unknown option",
                   by_letter ? letter : word, argv[0]);
}

static int read_all(struct parser *parser, int argc, char **argv, struct dr_list *ret_words,
                    struct dr_err *err)
{
    int found;

    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((found = getopt_long(argc, argv, parser->shorts, parser->longs, NULL)) != -1) {
        const struct dr_option *option = found == '?' || found == ':' ? NULL : find(parser, found);

        if (!option)
            return unknown(found, argv, err);
        if (store(option, optarg, err) < 0)
            return -1;
        parser->given[option - parser->options] = true;
    }
    for (; optind < argc; optind++) {
        if (append(ret_words, argv[optind], err) < 0)
            return -1;
    }
    return 0;
}

/* ---- settings, for what was not given */

static bool was_given(const struct parser *parser, const char *name)
{
    for (size_t i = 0; i < parser->count; i++) {
        if (parser->given[i] && strcmp(parser->options[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool has_option(const struct parser *parser, const char *name)
{
    for (size_t i = 0; i < parser->count; i++) {
        if (strcmp(parser->options[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Whoever says the other, on the command line or in a stronger place, means it instead of this one. */
static bool is_outdone(const struct parser *parser, const struct dr_settings *settings,
                       const char *command, const char *name)
{
    const char *rival = dr_settings_rival(name);

    return rival && (was_given(parser, rival) || (has_option(parser, rival) &&
                                                  dr_settings_outdone_by(settings, command, name)));
}

static int take_setting(const struct dr_option *option, const json_t *entry, struct dr_err *err)
{
    const json_t *values = json_object_get(entry, "value");
    const char *from = dr_json_string_or(entry, "from", "");

    if (json_array_size(values) > 1 && option->kind != DR_OPTION_LIST)
        return dr_fail(err, DR_ERR_USAGE,
                       "%s: '%s' has %zu values, and this command takes one; give it with --%s",
                       from, option->name, json_array_size(values), option->name);
    if (option->kind == DR_OPTION_LIST)
        ((struct dr_list *)option->target)->is_set = true;
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (store(option, json_string_value(json_array_get(values, i)), err) < 0)
            return dr_err_wrap(err, "%s", from);
    }
    return 0;
}

static void warn_of_files(const struct dr_settings *settings, const struct dr_log *log)
{
    json_t *file;
    size_t i;

    json_array_foreach(settings->files, i, file)
    {
        const char *state = dr_json_string_or(file, "state", "");

        if (dr_text_starts(state, "not used"))
            dr_log_warn(log, "the settings in '%s' are %s", dr_json_string_or(file, "path", ""),
                        state);
    }
}

static bool takes_settings(const struct parser *parser)
{
    for (size_t i = 0; i < parser->count; i++) {
        if (dr_settings_known(parser->options[i].name))
            return true;
    }
    return false;
}

/* A value that nobody would ever read must not look like one that counts. */
static int check_entries(const struct parser *parser, const char *command, const json_t *entries,
                         struct dr_err *err)
{
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        const char *of = dr_json_string_or(entry, "command", NULL);
        const char *key = dr_json_string_or(entry, "key", "");

        if (of && strcmp(of, command) == 0 && !has_option(parser, key))
            return dr_fail(err, DR_ERR_FORMAT,
                           "the settings in '%s': '%s' sets '%s', and drover %s has no such option",
                           dr_json_string_or(entry, "from", ""), of, key, command);
    }
    return 0;
}

static int take_settings(const struct parser *parser, const char *command, struct dr_common *common,
                         struct dr_err *err)
{
    dr_auto_settings struct dr_settings settings = DR_SETTINGS_INIT;

    if (!takes_settings(parser))
        return 0;
    if (dr_settings_read(&settings, err) < 0)
        return -1;
    warn_of_files(&settings, &common->log);
    common->settings = json_incref(settings.entries);
    if (check_entries(parser, command, settings.entries, err) < 0)
        return -1;
    for (size_t i = 0; i < parser->count; i++) {
        const struct dr_option *option = &parser->options[i];
        const json_t *entry = dr_settings_find(&settings, command, option->name);

        if (entry && !parser->given[i] && !is_outdone(parser, &settings, command, option->name) &&
            take_setting(option, entry, err) < 0)
            return -1;
    }
    return 0;
}

void dr_common_release(struct dr_common *common)
{
    json_decref(common->settings);
    common->settings = NULL;
}

/* ---- all of it */

static void join(struct parser *parser, const struct dr_option *own, const struct dr_option *common,
                 struct dr_option *both)
{
    size_t count = 0;

    for (; own->name && count < OPTIONS_MAX; own++)
        both[count++] = *own;
    for (; common->name && count < OPTIONS_MAX; common++)
        both[count++] = *common;
    parser->options = both;
    parser->count = count;
}

/* For tests: what the table says, to be compared with what the manual page says. */
static void print_table(const struct parser *parser)
{
    static const char *const kinds[] = {
        [DR_OPTION_FLAG] = "flag",     [DR_OPTION_TEXT] = "text", [DR_OPTION_LIST] = "list",
        [DR_OPTION_NUMBER] = "number", [DR_OPTION_RATE] = "rate", [DR_OPTION_OPTIONAL] = "optional",
    };

    for (size_t i = 0; i < parser->count; i++)
        printf("%s %c %s\n", parser->options[i].name,
               parser->options[i].letter ? parser->options[i].letter : '-',
               kinds[parser->options[i].kind]);
}

enum dr_log_form dr_options_form(int argc, char **argv)
{
    static const char name[] = "--progress";
    enum dr_log_form form = DR_LOG_AUTO;
    enum dr_log_form said;

    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value =
            strncmp(argv[i], name, strlen(name)) == 0 ? argv[i] + strlen(name) : "-";

        if (*value == '=')
            value++;
        else if (*value == '\0' && i + 1 < argc)
            value = argv[i + 1];
        if (dr_log_read_form(value, &said) == 0)
            form = said;
    }
    return form;
}

int dr_options_read(int argc, char **argv, const struct dr_option *options, size_t min_words,
                    size_t max_words, struct dr_list *ret_words, struct dr_common *ret_common,
                    struct dr_err *err)
{
    bool quiet = false;
    bool verbose = false;
    const char *progress = "auto";
    enum dr_log_form form;
    const struct dr_option common[] = {
        {"help", 'h', DR_OPTION_FLAG, &ret_common->help},
        {"quiet", 'q', DR_OPTION_FLAG, &quiet},
        {"verbose", 'v', DR_OPTION_FLAG, &verbose},
        {"progress", 0, DR_OPTION_TEXT, &progress},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };
    struct dr_option both[OPTIONS_MAX];
    struct parser parser = {0};

    ret_common->help = false;
    ret_words->count = 0;
    join(&parser, options, common, both);
    build(&parser);
    if (argc == 2 && strcmp(argv[1], "--__options") == 0) {
        print_table(&parser);
        ret_common->help = true;
        return 0;
    }
    if (read_all(&parser, argc, argv, ret_words, err) < 0)
        return -1;
    if (dr_log_read_form(progress, &form) < 0)
        return dr_fail(err, DR_ERR_USAGE, "--progress is auto, plain, none or json, not '%.40s'",
                       progress);
    dr_log_init(&ret_common->log, quiet ? -1 : verbose, form);
    if (ret_common->help) {
        dr_help_print(argv[0]);
        return 0;
    }
    if (take_settings(&parser, argv[0], ret_common, err) < 0)
        return -1;
    if (ret_words->count < min_words)
        return dr_fail(err, DR_ERR_USAGE,
                       "something is missing on the command line; see 'drover %s --help'", argv[0]);
    if (ret_words->count > max_words)
        return dr_fail(err, DR_ERR_USAGE, "'%s' is too much; see 'drover %s --help'",
                       ret_words->item[max_words], argv[0]);
    return 0;
}

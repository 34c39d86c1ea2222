/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define FILE_MAX (64u << 10)

const struct dr_setting dr_settings_table[] = {
    {"backup-dir", DR_OPTION_TEXT, true, NULL},
    {"ca-cert", DR_OPTION_TEXT, true, NULL},
    {"channel", DR_OPTION_TEXT, false, NULL},
    {"container", DR_OPTION_TEXT, false, NULL},
    {"from", DR_OPTION_TEXT, false, NULL},
    {"hub-mirror", DR_OPTION_TEXT, false, NULL},
    {"insecure-registry", DR_OPTION_LIST, false, NULL},
    {"keep-backups", DR_OPTION_NUMBER, false, NULL},
    {"key", DR_OPTION_TEXT, true, NULL},
    {"limit-rate", DR_OPTION_RATE, false, NULL},
    {"map", DR_OPTION_LIST, false, NULL},
    {"parallel", DR_OPTION_NUMBER, false, NULL},
    {"pubkey", DR_OPTION_LIST, true, NULL},
    {"rancher-ca-cert", DR_OPTION_TEXT, true, NULL},
    {"rancher-keys", DR_OPTION_TEXT, true, NULL},
    {"rancher-url", DR_OPTION_TEXT, false, "RANCHER_URL"},
    {"receipt-key", DR_OPTION_TEXT, true, NULL},
    {"registry", DR_OPTION_TEXT, false, NULL},
    {"settle", DR_OPTION_NUMBER, false, NULL},
    {"state-dir", DR_OPTION_TEXT, true, NULL},
    {"threshold", DR_OPTION_NUMBER, false, NULL},
    {"trust-dir", DR_OPTION_TEXT, true, NULL},
    {NULL, DR_OPTION_FLAG, false, NULL},
};

const struct dr_setting *dr_settings_known(const char *key)
{
    for (const struct dr_setting *setting = dr_settings_table; setting->key; setting++) {
        if (strcmp(setting->key, key) == 0)
            return setting;
    }
    return NULL;
}

static bool is_command(const char *name)
{
    const struct dr_command *command = dr_commands;

    while (command->name && strcmp(command->name, name) != 0)
        command++;
    return command->name != NULL;
}

/* ---- values */

static int fail_key(const char *key, struct dr_err *err)
{
    static const char *const secrets[] = {"pass", "secret", "token", "access", "login"};

    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (strstr(key, secrets[i]))
            return dr_fail(
                err, DR_ERR_REFUSED,
                "'%.60s' would be a secret, and secrets do not belong here: docker login "
                "keeps the registry's, RANCHER_ACCESS_KEY and RANCHER_SECRET_KEY or the "
                "file of rancher-keys Rancher's",
                key);
    }
    return dr_fail(
        err, DR_ERR_FORMAT,
        "'%.60s' is neither an option that can be set here nor a command; 'drover config "
        "--help' lists the options",
        key);
}

/* One value as the command line would have it. */
static int check_text(const struct dr_setting *setting, const char *text, struct dr_err *err)
{
    if (!*text)
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is empty", setting->key);
    if (setting->path && *text != '/')
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is '%.100s', and must begin with '/'",
                       setting->key, text);
    if (!setting->path && strchr(text, '@'))
        return dr_fail(
            err, DR_ERR_REFUSED,
            "'%s' has a user or password in it; 'docker login' keeps those of registries, "
            "RANCHER_ACCESS_KEY and RANCHER_SECRET_KEY Rancher's",
            setting->key);
    return 0;
}

static bool is_number(const struct dr_setting *setting)
{
    return setting->kind == DR_OPTION_NUMBER || setting->kind == DR_OPTION_RATE;
}

static int add_text(const struct dr_setting *setting, const json_t *value, json_t *texts,
                    struct dr_err *err)
{
    bool number = is_number(setting) && json_is_integer(value) && json_integer_value(value) >= 0;

    if (!number && (!json_is_string(value) || setting->kind == DR_OPTION_NUMBER))
        return dr_fail(err, DR_ERR_FORMAT, "'%s' must be %s", setting->key,
                       setting->kind == DR_OPTION_NUMBER ? "a number, 0 or more"
                       : setting->kind == DR_OPTION_RATE ? "a number, or a text like \"2M\""
                       : setting->kind == DR_OPTION_LIST ? "a text, or a list of texts"
                                                         : "a text");
    if (number)
        return dr_json_append(texts, json_sprintf("%lld", (long long)json_integer_value(value)),
                              err);
    if (check_text(setting, json_string_value(value), err) < 0)
        return -1;
    return dr_json_append(texts, json_string(json_string_value(value)), err);
}

static int add_entry(struct dr_settings *settings, const char *key, const char *command,
                     json_t *texts, const char *from, struct dr_err *err)
{
    return dr_json_append(settings->entries,
                          json_pack("{s:s, s:s?, s:O, s:s}", "key", key, "command", command,
                                    "value", texts, "from", from),
                          err);
}

/* ---- the environment */

static const char *variable_of(const struct dr_setting *setting, char room[64])
{
    char *at = room + strlen("DROVER_");

    if (setting->variable)
        return setting->variable;
    snprintf(room, 64, "DROVER_%s", setting->key);
    for (; *at; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    return room;
}

/* Several values of a list have commas between. */
static int read_variable(struct dr_settings *settings, const struct dr_setting *setting,
                         struct dr_err *err)
{
    json_auto_t *texts = json_array();
    char room[64];
    const char *name = variable_of(setting, room);
    const char *text = getenv(name);
    const char *separator = setting->kind == DR_OPTION_LIST ? "," : "";

    if (!text || !*text)
        return 0;
    do {
        size_t size = *separator ? strcspn(text, separator) : strlen(text);

        if (size > 0 && dr_json_append(texts, json_stringn(text, size), err) < 0)
            return -1;
        text += size + (text[size] != '\0');
    } while (*text);
    /* Nothing would take the place of what a file demands. */
    if (json_array_size(texts) == 0)
        return dr_fail(err, DR_ERR_USAGE, "%s is '%s', which names nothing", name, getenv(name));
    return add_entry(settings, setting->key, NULL, texts, name, err);
}

/* ---- files */

static int add_value(struct dr_settings *settings, const char *key, const json_t *value,
                     const char *command, const char *path, struct dr_err *err)
{
    const struct dr_setting *setting = dr_settings_known(key);
    json_auto_t *texts = json_array();
    bool list = setting && setting->kind == DR_OPTION_LIST && json_is_array(value);
    size_t count = list ? json_array_size(value) : 1;

    if (!setting)
        return fail_key(key, err);
    if (!texts)
        return dr_fail_memory(err);
    if (count == 0 || count > DR_LIST_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "'%s' must have 1 to %d values", key, DR_LIST_MAX);
    for (size_t i = 0; i < count; i++) {
        if (add_text(setting, list ? json_array_get(value, i) : value, texts, err) < 0)
            return -1;
    }
    return add_entry(settings, key, command, texts, path, err);
}

/* What is said of one command is stronger, so it comes first. */
static int add_document(struct dr_settings *settings, json_t *document, const char *path,
                        struct dr_err *err)
{
    const char *key;
    const char *inner;
    json_t *value;
    json_t *setting;

    json_object_foreach(document, key, value)
    {
        if (!json_is_object(value) || dr_settings_known(key))
            continue;
        if (!is_command(key))
            return fail_key(key, err);
        json_object_foreach(value, inner, setting)
        {
            if (add_value(settings, inner, setting, key, path, err) < 0)
                return dr_err_wrap(err, "'%s'", key);
        }
    }
    json_object_foreach(document, key, value)
    {
        if ((dr_settings_known(key) || !json_is_object(value)) &&
            add_value(settings, key, value, NULL, path, err) < 0)
            return -1;
    }
    return 0;
}

static int note_file(struct dr_settings *settings, const char *path, const char *state,
                     struct dr_err *err)
{
    return dr_json_append(settings->files, json_pack("{s:s, s:s}", "path", path, "state", state),
                          err);
}

static int read_file(struct dr_settings *settings, const char *path, struct dr_err *err)
{
    dr_autofree char *folder = dr_text_format(err, "%.*s", (int)(strrchr(path, '/') - path), path);
    json_auto_t *document = NULL;

    if (!folder || dr_file_check_owned(*folder ? folder : "/", err) < 0 ||
        dr_file_check_owned(path, err) < 0)
        return dr_err_wrap(err, "read the settings");
    document = dr_json_read(path, FILE_MAX, err);
    if (!document)
        return dr_err_wrap(err, "read the settings in '%s'", path);
    if (!json_is_object(document))
        return dr_fail(err, DR_ERR_FORMAT, "the settings in '%s' are not a JSON object", path);
    if (add_document(settings, document, path, err) < 0)
        return dr_err_wrap(err, "the settings in '%s'", path);
    return note_file(settings, path, "read", err);
}

/* `base` may belong to another user: then who runs drover has not written what is below it. */
static int read_file_below(struct dr_settings *settings, const char *base, const char *path,
                           struct dr_err *err)
{
    dr_autofree char *why = NULL;
    struct stat info;

    if (lstat(path, &info) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return note_file(settings, path, "not there", err);
    if (stat(base, &info) == 0 && (info.st_uid == 0 || info.st_uid == geteuid()))
        return read_file(settings, path, err);
    why = dr_text_format(err, "not used: '%s' is of user %u, and drover is run by user %u", base,
                         (unsigned)info.st_uid, (unsigned)geteuid());
    return why ? note_file(settings, path, why, err) : -1;
}

static int read_user(struct dr_settings *settings, struct dr_err *err)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *inside = "drover/drover.conf";
    dr_autofree char *path = NULL;

    if (!base || *base != '/') {
        base = getenv("HOME");
        inside = ".config/drover/drover.conf";
    }
    if (!base || *base != '/')
        return 0;
    path = dr_file_join(base, inside, err);
    return path ? read_file_below(settings, base, path, err) : -1;
}

static int read_files(struct dr_settings *settings, struct dr_err *err)
{
    const char *only = getenv("DROVER_CONFIG");

    if (!only)
        return read_user(settings, err) < 0 ||
                       read_file_below(settings, "/etc", DR_SETTINGS_FILE, err) < 0
                   ? -1
                   : 0;
    if (*only && *only != '/')
        return dr_fail(err, DR_ERR_USAGE, "DROVER_CONFIG must begin with '/', not '%.100s'", only);
    return *only ? read_file(settings, only, err) : 0;
}

/* ---- all of it */

int dr_settings_read(struct dr_settings *ret_settings, struct dr_err *err)
{
    ret_settings->entries = json_array();
    ret_settings->files = json_array();
    if (!ret_settings->entries || !ret_settings->files)
        return dr_fail_memory(err);
    for (const struct dr_setting *setting = dr_settings_table; setting->key; setting++) {
        if (read_variable(ret_settings, setting, err) < 0)
            return -1;
    }
    return read_files(ret_settings, err);
}

void dr_settings_release(struct dr_settings *settings)
{
    json_decref(settings->entries);
    json_decref(settings->files);
    settings->entries = settings->files = NULL;
}

const json_t *dr_settings_find(const struct dr_settings *settings, const char *command,
                               const char *key)
{
    json_t *entry;
    size_t i;

    json_array_foreach(settings->entries, i, entry)
    {
        const char *of = dr_json_string_or(entry, "command", NULL);

        if (strcmp(dr_json_string_or(entry, "key", ""), key) == 0 &&
            (!of || strcmp(of, command) == 0))
            return entry;
    }
    return NULL;
}

const char *dr_settings_rival(const char *key)
{
    static const char *const rivals[][2] = {{"from", "hub-mirror"},
                                            {"hub-mirror", "from"},
                                            {"key", "unsigned"},
                                            {"pubkey", "trust-dir"}};

    for (size_t i = 0; i < sizeof rivals / sizeof *rivals; i++) {
        if (strcmp(key, rivals[i][0]) == 0)
            return rivals[i][1];
    }
    return NULL;
}

/* Variables are of one strength, and so is what one file says of one command, or of all. */
static bool is_as_strong(const json_t *one, const json_t *other)
{
    const char *from = dr_json_string_or(one, "from", "");
    const char *place = dr_json_string_or(other, "from", "");
    bool own = json_is_string(json_object_get(one, "command"));
    bool others = json_is_string(json_object_get(other, "command"));

    return *from != '/' && *place != '/' ? true : strcmp(from, place) == 0 && own == others;
}

/* Entries stand in the order of their strength. */
static bool is_before(const json_t *entries, const json_t *one, const json_t *other)
{
    size_t i = 0;

    while (i < json_array_size(entries) && json_array_get(entries, i) != one &&
           json_array_get(entries, i) != other)
        i++;
    return json_array_get(entries, i) == one;
}

const json_t *dr_settings_outdone_by(const struct dr_settings *settings, const char *command,
                                     const char *key)
{
    const char *rival = dr_settings_rival(key);
    const json_t *own = dr_settings_find(settings, command, key);
    const json_t *other = rival ? dr_settings_find(settings, command, rival) : NULL;

    return own && other && !is_as_strong(own, other) && is_before(settings->entries, other, own)
               ? other
               : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/settings.h"
#include "lib/json.h"

/* "registry", "apply.settle". */
static void name_of(const json_t *entry, char *ret, size_t room)
{
    const char *command = dr_json_string_or(entry, "command", NULL);

    snprintf(ret, room, "%s%s%s", command ? command : "", command ? "." : "",
             dr_json_string_or(entry, "key", ""));
}

static bool is_in_force(const struct dr_settings *settings, const json_t *entry)
{
    return dr_settings_find(settings, dr_json_string_or(entry, "command", ""),
                            dr_json_string_or(entry, "key", "")) == entry;
}

static void print_entry(const json_t *entry, bool in_force)
{
    const json_t *values = json_object_get(entry, "value");
    char name[96];

    name_of(entry, name, sizeof name);
    for (size_t i = 0; i < json_array_size(values); i++)
        printf("%-18s  %-32s  %s%s\n", i ? "" : name, json_string_value(json_array_get(values, i)),
               dr_json_string_or(entry, "from", ""), in_force ? "" : "  (not in force)");
}

static void say_outdone(const struct dr_settings *settings, const json_t *entry,
                        const struct dr_log *log)
{
    const char *key = dr_json_string_or(entry, "key", "");
    const json_t *other =
        dr_settings_outdone_by(settings, dr_json_string_or(entry, "command", ""), key);
    char name[96];

    name_of(entry, name, sizeof name);
    if (other)
        dr_log_say(log, "%s, set in %s, does not count for commands with --%s, which %s sets", name,
                   dr_json_string_or(entry, "from", ""), dr_settings_rival(key),
                   dr_json_string_or(other, "from", ""));
}

static void print_text(const struct dr_settings *settings, const struct dr_log *log)
{
    json_t *item;
    size_t i;

    if (json_array_size(settings->entries) > 0)
        printf("%-18s  %-32s  %s\n", "OPTION", "VALUE", "FROM");
    json_array_foreach(settings->entries, i, item)
    {
        bool in_force = is_in_force(settings, item);

        if (in_force || log->verbosity > 0)
            print_entry(item, in_force);
        if (in_force)
            say_outdone(settings, item, log);
    }
    json_array_foreach(settings->files, i, item)
    {
        dr_log_say(log, "%s: %s", dr_json_string_or(item, "path", ""),
                   dr_json_string_or(item, "state", ""));
    }
    if (json_array_size(settings->entries) == 0)
        dr_log_say(log, "nothing is set");
}

static int print_json(const struct dr_settings *settings, struct dr_err *err)
{
    json_auto_t *all =
        json_pack("{s:O, s:O}", "files", settings->files, "settings", settings->entries);
    json_t *entry;
    size_t i;

    if (!all)
        return dr_fail_memory(err);
    json_array_foreach(settings->entries, i, entry)
    {
        if (dr_json_set(entry, "in_force", json_boolean(is_in_force(settings, entry)), err) < 0)
            return -1;
    }
    return dr_json_print(all, stdout, err);
}

int dr_cmd_config(int argc, char **argv, struct dr_err *err)
{
    dr_auto_settings struct dr_settings settings = DR_SETTINGS_INIT;
    dr_auto_common struct dr_common common = {.help = false};
    struct dr_list words = {.count = 0};
    bool json = false;
    const struct dr_option table[] = {
        {"json", 0, DR_OPTION_FLAG, &json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, 0, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_settings_read(&settings, err) < 0)
        return -1;
    if (json)
        return print_json(&settings, err);
    print_text(&settings, &common.log);
    return 0;
}

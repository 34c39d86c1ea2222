/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/channel.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "lib/text.h"

#define CONF_MAX 65536

int dr_channel_check_name(const char *name, struct dr_err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *rest = name + strspn(name, letters);

    while (rest > name && *rest && strchr("._-", *rest))
        rest += 1 + strspn(rest + 1, letters);
    if (rest == name || *rest || strlen(name) >= DR_CHANNEL_NAME)
        return dr_fail(err, DR_ERR_FORMAT,
                       "'%.80s' is no name for a channel: letters, digits, '.', '_' and '-', at "
                       "most %d",
                       name, DR_CHANNEL_NAME - 1);
    return 0;
}

enum key {
    KEY_CHANNEL,
    KEY_THRESHOLD,
    KEY_MAX_AGE,
    KEY_MAX_CLOCK_SKEW,
    KEY_MIN_SERIAL,
    KEY_COUNT,
};

static int set(struct dr_channel *channel, enum key key, const char *value, struct dr_err *err)
{
    switch (key) {
    case KEY_CHANNEL:
        if (dr_channel_check_name(value, err) < 0)
            return -1;
        return dr_text_put(channel->name, sizeof channel->name, value);
    case KEY_THRESHOLD:
        if (dr_text_uint64(value, INT32_MAX, &channel->threshold, err) < 0)
            return -1;
        return channel->threshold > 0
                   ? 0
                   : dr_fail(err, DR_ERR_FORMAT, "no signature at all is never enough");
    case KEY_MAX_AGE:
        return dr_text_span(value, &channel->max_age, err);
    case KEY_MAX_CLOCK_SKEW:
        return dr_text_span(value, &channel->max_clock_skew, err);
    case KEY_MIN_SERIAL:
        return dr_text_uint64(value, INT64_MAX, &channel->min_serial, err);
    case KEY_COUNT:
        break;
    }
    return -1;
}

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* `seen` remembers the keys of earlier lines. */
static int read_line(struct dr_channel *channel, char *line, bool seen[KEY_COUNT],
                     struct dr_err *err)
{
    static const char *const names[KEY_COUNT] = {"channel", "threshold", "max_age",
                                                 "max_clock_skew", "min_serial"};
    char *text = trim(line);
    char *equals = strchr(text, '=');
    char *name = text;

    if (!*text || *text == '#')
        return 0;
    if (!equals)
        return dr_fail(err, DR_ERR_FORMAT, "'%.80s' is not of the form KEY = VALUE", text);
    *equals = '\0';
    name = trim(text);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        if (seen[i])
            return dr_fail(err, DR_ERR_FORMAT, "'%s' is said twice", name);
        seen[i] = true;
        return set(channel, (enum key)i, trim(equals + 1), err) < 0 ? dr_err_wrap(err, "%s", name)
                                                                    : 0;
    }
    return dr_fail(err, DR_ERR_FORMAT, "'%.80s' is no key of it", name);
}

static int read_text(struct dr_channel *channel, char *text, struct dr_err *err)
{
    bool seen[KEY_COUNT] = {false};
    unsigned number = 1;
    char *line;

    while ((line = strsep(&text, "\n"))) {
        if (read_line(channel, line, seen, err) < 0)
            return dr_err_wrap(err, "line %u", number);
        number++;
    }
    return 0;
}

int dr_channel_read(const char *path, struct dr_channel *ret_channel, struct dr_err *err)
{
    struct dr_channel channel = {
        .name = DR_CHANNEL_DEFAULT, .threshold = 1, .max_clock_skew = DR_CLOCK_SKEW_DEFAULT};
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(CONF_MAX);
    struct stat info;

    if (lstat(path, &info) < 0 && errno == ENOENT) {
        *ret_channel = channel;
        return 0;
    }
    if (dr_file_check_owned(path, err) < 0 || dr_file_read(path, &text, err) < 0)
        return -1;
    if (strlen(text.data) != text.size)
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is no text", path);
    if (read_text(&channel, text.data, err) < 0)
        return dr_err_wrap(err, "read '%s'", path);
    *ret_channel = channel;
    return 0;
}

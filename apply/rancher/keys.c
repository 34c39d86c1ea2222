/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/rancher/client.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

#define KEYS_MAX 1000
#define LINE_MAX_SIZE 1024

char *dr_keys_header(const char *access, const char *secret, struct dr_err *err)
{
    dr_autofree char *pair = dr_text_format(err, "%s:%s", access, secret ? secret : "");
    dr_autofree char *coded = pair ? dr_text_base64(pair, strlen(pair), false, err) : NULL;

    return coded ? dr_text_format(err, "Authorization: Basic %s", coded) : NULL;
}

static int check_mode(FILE *file, const char *path, struct dr_err *err)
{
    struct stat facts;

    if (fstat(fileno(file), &facts) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at '%s'", path);
    if (!S_ISREG(facts.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "'%s' is no file of API keys", path);
    if ((facts.st_mode & 077) == 0)
        return 0;
    return dr_fail(
        err, DR_ERR_REFUSED,
        "others may read the API keys in '%s': chmod 600 %s, and make new keys if it was "
        "so for long",
        path, path);
}

static int add_line(json_t *keys, char *line, const char *path, unsigned number, struct dr_err *err)
{
    char *colon = strchr(line, ':');
    dr_autofree char *header = NULL;

    /* Never the line itself: it may hold a secret. */
    if (!colon || colon == line || !colon[1] || strpbrk(line, " \t"))
        return dr_fail(err, DR_ERR_FORMAT, "'%s', line %u: a key is ACCESS:SECRET", path, number);
    *colon = '\0';
    header = dr_keys_header(line, colon + 1, err);
    if (!header)
        return -1;
    return dr_json_append(keys, json_pack("{s:s, s:s}", "access", line, "authorization", header),
                          err);
}

static int read_lines(FILE *file, const char *path, json_t *keys, struct dr_err *err)
{
    char line[LINE_MAX_SIZE];

    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        size_t size = strcspn(line, "\r\n");

        if (number > KEYS_MAX || (!line[size] && size == sizeof line - 1))
            return dr_fail(err, DR_ERR_FORMAT, "'%s', line %u: too long for API keys", path,
                           number);
        line[size] = '\0';
        if (*line && *line != '#' && add_line(keys, line, path, number, err) < 0)
            return -1;
    }
    if (ferror(file))
        return dr_fail(err, DR_ERR_IO, "read '%s'", path);
    if (json_array_size(keys) == 0)
        return dr_fail(err, DR_ERR_FORMAT, "'%s' holds no API key", path);
    return 0;
}

json_t *dr_keys_read(const char *path, struct dr_err *err)
{
    FILE *file = fopen(path, "re");
    json_auto_t *keys = json_array();
    int done;

    if (!file) {
        dr_fail_errno(err, DR_ERR_IO, "open '%s'", path);
        return NULL;
    }
    done = keys ? check_mode(file, path, err) : dr_fail_memory(err);
    if (done == 0)
        done = read_lines(file, path, keys, err);
    fclose(file);
    return done < 0 ? NULL : json_incref(keys);
}

const char *dr_keys_choose(const struct dr_rancher *rancher, const char *url)
{
    const char *at = strstr(url, "/projects/");
    char project[64];
    const char *header = NULL;

    if (at && rancher->by_project) {
        at += strlen("/projects/");
        snprintf(project, sizeof project, "%.*s", (int)strcspn(at, "/?"), at);
        header = json_string_value(json_object_get(rancher->by_project, project));
    }
    return header ? header : rancher->authorization;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/text.h"
#include "manifests/release_parse.h"

#define LIST_MAX ((size_t)1 << 20)
#define BLANKS " \t\r"

/* One line without its newline, cut in place to what counts. */
static int read_line(json_t *images, char *line, struct dr_err *err)
{
    struct dr_reference reference;
    size_t length;

    line[strcspn(line, "#")] = '\0';
    line += strspn(line, BLANKS);
    for (length = strlen(line); length > 0 && strchr(BLANKS, line[length - 1]); length--)
        line[length - 1] = '\0';
    if (length == 0)
        return 0;
    if (dr_reference_parse(line, &reference, err) < 0)
        return -1;
    return dr_json_append(images, json_string(line), err);
}

/* As the JSON form would have it. */
static json_t *read_lines(char *text, struct dr_err *err)
{
    json_t *images = json_array();
    json_auto_t *document = json_object();
    size_t number = 0;

    if (dr_json_set(document, "images", images, err) < 0)
        return NULL;
    for (char *line; (line = strsep(&text, "\n"));) {
        number++;
        if (read_line(images, line, err) < 0) {
            dr_err_wrap(err, "line %zu", number);
            return NULL;
        }
    }
    return json_incref(document);
}

struct dr_release *dr_release_read(const char *path, struct dr_err *err)
{
    dr_auto_buf struct dr_buf data = DR_BUF_INIT(LIST_MAX);
    struct dr_release *release = NULL;

    if (dr_file_read(path, &data, err) < 0)
        return NULL;
    if (data.size == 0 || memchr(data.data, '\0', data.size))
        dr_fail(err, DR_ERR_FORMAT, "there is no text in it");
    else if (data.data[strspn(data.data, BLANKS "\n")] == '{')
        release = dr_release_parse(dr_json_parse(data.data, data.size, path, err), err);
    else
        release = dr_release_parse(read_lines(data.data, err), err);
    if (release && release->image_count + release->group_count == 0) {
        dr_release_free(release);
        release = NULL;
        dr_fail(err, DR_ERR_FORMAT, "it names no image");
    }
    if (!release)
        dr_err_wrap(err, "read the list '%s'", path);
    return release;
}

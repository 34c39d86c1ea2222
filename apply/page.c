/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apply/page_parts.h"
#include "apply/page_table.h"
#include "apply/page_timeline.h"
#include "lib/cleanup.h"
#include "lib/embed.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define PAGE_MAX (64u << 20)
#define PAGE_MODE 0644

/* By this within the first bytes a report of any drover is known. */
#define GENERATOR "<meta name=\"generator\" content=\"drover\">"
#define HEAD_BYTES 1024

extern const struct dr_embedded dr_page_style[];

static const char *text_of(const json_t *record, const char *key)
{
    return dr_json_string_or(record, key, "-");
}

static bool is_planned(const json_t *record)
{
    return strcmp(text_of(record, "outcome"), "planned") == 0;
}

/* ---- the head */

static void put_title(struct dr_html *html, const json_t *record)
{
    const char *from = text_of(record, "from");
    const char *to = text_of(record, "to");

    if (strcmp(from, to) == 0 || strcmp(from, "-") == 0)
        dr_html_printf(html, "Rancher %s", to);
    else if (strcmp(text_of(record, "outcome"), "rolled back") == 0)
        dr_html_printf(html, "Rancher %s → %s", to, from);
    else
        dr_html_printf(html, "Rancher %s → %s", from, to);
}

static void put_head(struct dr_html *html, const json_t *record)
{
    dr_html_markup(
        html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
              "style-src 'unsafe-inline'\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" GENERATOR
              "\n<title>");
    put_title(html, record);
    dr_html_text(html, ": ");
    dr_html_text(html, text_of(record, "headline"));
    dr_html_markup(html, "</title>\n<style>\n");
    dr_html_markup(html, dr_page_style[0].text);
    dr_html_markup(html, "</style>\n</head>\n<body>\n");
}

static void put_header(struct dr_html *html, const json_t *record)
{
    const json_t *ok = json_object_get(record, "ok");
    const char *started = dr_json_string_or(record, "started", NULL);
    const char *ended = dr_json_string_or(record, "ended", NULL);

    dr_html_markup(html, json_is_true(ok)    ? "<header class=\"good\">"
                         : json_is_false(ok) ? "<header class=\"bad\">"
                                             : "<header>");
    dr_html_markup(html, "<h1>");
    put_title(html, record);
    dr_html_markup(html, "</h1>\n");
    dr_html_element(html, "p class=\"verdict\"", text_of(record, "headline"));
    dr_html_markup(html, "\n<p class=\"soft\">");
    dr_html_printf(html, "Rancher at %s", text_of(record, "rancher"));
    if (started) {
        dr_html_text(html, " · begun ");
        dr_page_time(html, started);
    }
    if (started && ended) {
        dr_html_text(html, " · ended ");
        dr_page_time(html, ended);
    }
    dr_html_markup(html, "</p>\n</header>\n");
}

static void put_failure(struct dr_html *html, const json_t *record)
{
    const json_t *failure = json_object_get(record, "failure");

    if (!json_is_object(failure))
        return;
    dr_html_markup(html, "<section class=\"trouble\"><h2>What went wrong, and what to do</h2>\n");
    dr_html_element(html, "p", text_of(failure, "text"));
    dr_html_markup(html, "</section>\n");
}

/* ---- the plan */

static void put_plan(struct dr_html *html, const json_t *record)
{
    static const struct dr_page_column columns[] = {
        {"Step", "step", DR_CELL_TEXT},
        {"What", "object", DR_CELL_TEXT},
        {"Action", "action", DR_CELL_TEXT},
        {"Why", "why", DR_CELL_TEXT},
        {"Interruption", "interruption", DR_CELL_TEXT},
        {NULL, NULL, DR_CELL_TEXT},
    };
    const json_t *plan = json_object_get(record, "plan");
    bool planned = is_planned(record);

    if (json_array_size(plan) == 0)
        return;
    if (planned) {
        dr_html_markup(html, "<section><h2>What will be done, in this order</h2>\n");
        dr_page_table(html, NULL, plan, columns);
        dr_html_markup(html, "</section>\n");
        return;
    }
    /* Open where it tells what is left to do. */
    dr_html_markup(html, "<section><h2>The plan</h2>\n");
    dr_html_markup(html, json_is_false(json_object_get(record, "ok")) ? "<details open=\"\">"
                                                                      : "<details>");
    dr_html_markup(html,
                   "<summary>What was to be done, as it was shown before the start</summary>\n");
    dr_page_table(html, NULL, plan, columns);
    dr_html_markup(html, "</details></section>\n");
}

/* ---- the whole */

static void put_foot(struct dr_html *html, const json_t *record)
{
    char now[32];

    dr_text_time(time(NULL), now);
    dr_html_markup(html, "<footer>Written by drover " DROVER_VERSION " at ");
    dr_page_time(html, now);
    dr_html_printf(html, ". Bundle %s, every byte verified, signed with key %s. Registry %s.",
                   text_of(record, "bundle"), text_of(record, "key"), text_of(record, "registry"));
    if (dr_json_string_or(record, "journal", NULL))
        dr_html_printf(html, " The whole record: %s", text_of(record, "journal"));
    dr_html_markup(html, "</footer>\n</body>\n</html>\n");
}

static void put_page(struct dr_html *html, const json_t *record)
{
    put_head(html, record);
    put_header(html, record);
    put_failure(html, record);
    dr_page_cards(html, record);
    if (is_planned(record))
        put_plan(html, record);
    dr_html_markup(html, "<main>\n");
    dr_page_timeline(html, record);
    dr_page_interruptions(html, record);
    dr_page_tables(html, record);
    dr_page_words(html, record);
    if (!is_planned(record))
        put_plan(html, record);
    dr_html_markup(html, "</main>\n");
    put_foot(html, record);
}

/* A slip of the hand must not cost a key, a bundle, the journal or a copy of the database. */
static int check_content(const char *path, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char head[HEAD_BYTES];
    ssize_t size = fd < 0 ? -1 : read(fd, head, sizeof head);

    if (size < 0)
        return dr_fail_errno(err, DR_ERR_IO, "read '%s', which the report would replace", path);
    if (size == 0 || memmem(head, (size_t)size, GENERATOR, strlen(GENERATOR)))
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "'%s' exists and is no report of drover, so the report does not replace it; "
                   "name another file",
                   path);
}

/* Nothing, an empty file, or an older report. */
static int check_place(const char *path, struct dr_err *err)
{
    struct stat about;

    if (stat(path, &about) < 0)
        return errno == ENOENT ? 0 : dr_fail_errno(err, DR_ERR_IO, "look at '%s'", path);
    if (S_ISREG(about.st_mode))
        return check_content(path, err);
    return dr_fail(err, DR_ERR_IO, "'%s' is %s, no file: the report can't replace it", path,
                   S_ISDIR(about.st_mode) ? "a folder" : "a device or something like it");
}

int dr_page_check(const char *path, struct dr_err *err)
{
    dr_auto_file struct dr_file draft = DR_FILE_INIT;

    if (check_place(path, err) < 0 || dr_file_create(&draft, path, PAGE_MODE, err) < 0)
        return dr_err_wrap(err, "--report");
    return 0;
}

int dr_page_save(const char *path, const json_t *record, struct dr_err *err)
{
    dr_auto_html struct dr_html html = DR_HTML_INIT(PAGE_MAX);
    const char *text;
    size_t size;

    put_page(&html, record);
    if (check_place(path, err) < 0 || dr_html_end(&html, &text, &size, err) < 0 ||
        dr_file_save(path, PAGE_MODE, text, size, err) < 0)
        return dr_err_wrap(err, "write the report");
    return 0;
}

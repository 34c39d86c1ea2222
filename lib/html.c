/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"

#define UNKNOWN "\xef\xbf\xbd" /* U+FFFD */

static void add(struct dr_html *html, const char *data, size_t size)
{
    if (html->failure.code == DR_OK)
        dr_buf_add(&html->out, data, size, &html->failure);
}

void dr_html_markup(struct dr_html *html, const char *markup)
{
    add(html, markup, strlen(markup));
}

/* What stands for this character, or NULL: it may stand for itself. */
static const char *escape(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\n':
        return NULL;
    default:
        return c < 0x20 || c == 0x7f ? UNKNOWN : NULL;
    }
}

void dr_html_text(struct dr_html *html, const char *text)
{
    while (text && *text) {
        size_t size = dr_text_character(text);
        const char *instead = size == 1 ? escape((unsigned char)*text) : NULL;

        /* U+0080 to U+009F are controls too. */
        if (size == 0 ||
            (size == 2 && dr_text_starts(text, "\xc2") && (unsigned char)text[1] < 0xa0))
            instead = UNKNOWN;
        if (size == 0)
            size = 1;
        if (instead)
            dr_html_markup(html, instead);
        else
            add(html, text, size);
        text += size;
    }
}

void dr_html_printf(struct dr_html *html, const char *format, ...)
{
    dr_autofree char *text = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    if (length >= 0) {
        dr_html_text(html, text);
        return;
    }
    text = NULL;
    if (html->failure.code == DR_OK)
        dr_fail_memory(&html->failure);
}

void dr_html_element(struct dr_html *html, const char *tag, const char *text)
{
    dr_html_markup(html, "<");
    dr_html_markup(html, tag);
    dr_html_markup(html, ">");
    dr_html_text(html, text);
    dr_html_markup(html, "</");
    add(html, tag, strcspn(tag, " "));
    dr_html_markup(html, ">");
}

int dr_html_end(const struct dr_html *html, const char **ret_text, size_t *ret_size,
                struct dr_err *err)
{
    if (html->failure.code != DR_OK) {
        if (err)
            *err = html->failure;
        return -1;
    }
    *ret_text = html->out.data ? html->out.data : "";
    *ret_size = html->out.size;
    return 0;
}

void dr_html_release(struct dr_html *html)
{
    dr_buf_release(&html->out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_HTML_H
#define DROVER_LIB_HTML_H

/*
 * HTML piece by piece. Markup is what our own code writes; everything else goes through
 * dr_html_text() or dr_html_element(), which escape it, so that no name from outside can become a
 * tag. The first failure sticks: pieces are not checked one by one, only the end is.
 *
 *     dr_auto_html struct dr_html html = DR_HTML_INIT(1u << 20);
 *     dr_html_markup(&html, "<tr>");
 *     dr_html_element(&html, "td class=\"name\"", name);
 *     if (dr_html_end(&html, &text, &size, err) < 0) ...
 */

#include "lib/buf.h"

struct dr_html {
    struct dr_buf out;
    struct dr_err failure; /* the first; DR_OK: none */
};

#define DR_HTML_INIT(ceiling)                                                                      \
    {                                                                                              \
        .out = DR_BUF_INIT(ceiling), .failure = DR_ERR_INIT                                        \
    }

/* As it is. A text of our own, never one from outside. */
void dr_html_markup(struct dr_html *html, const char *markup);

/* Escaped for content and for quoted attributes; control characters but line ends, and what is no
 * UTF-8, become U+FFFD. NULL is nothing. */
void dr_html_text(struct dr_html *html, const char *text);

/* The same of printf's result. */
void dr_html_printf(struct dr_html *html, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "<TAG>text</NAME>": `tag` is markup, a name and perhaps attributes. */
void dr_html_element(struct dr_html *html, const char *tag, const char *text);

/* All of it, borrowed until the release; or the first failure. */
int dr_html_end(const struct dr_html *html, const char **ret_text, size_t *ret_size,
                struct dr_err *err);

void dr_html_release(struct dr_html *html);
#define dr_auto_html __attribute__((cleanup(dr_html_release)))

#endif

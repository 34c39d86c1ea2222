/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/question.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"

/* NULL: it holds a zero byte, or memory is out. Owned. */
static char *decode(const char *path)
{
    size_t size = 0;
    char *plain = evhttp_uridecode(path, 0, &size);

    if (plain && strlen(plain) != size) {
        free(plain);
        return NULL;
    }
    return plain;
}

/* Letters and no empty parts; whether there is such a name is the catalog's business. */
static bool is_name(const char *name)
{
    size_t size = strlen(name);

    return size > 0 && name[0] != '/' && name[size - 1] != '/' && !strstr(name, "//") &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-/") == size;
}

/* `part` before `rest`, which is what of the path belongs to `kind`. */
static void take_name(char *part, enum dr_question_kind kind, const char *reference,
                      struct dr_question *question)
{
    bool fits = is_name(part) && dr_text_put(question->name, sizeof question->name, part) == 0 &&
                dr_text_put(question->reference, sizeof question->reference, reference) == 0;

    question->kind = fits ? kind : DR_ASK_BAD;
}

/* The last `/word/` of the path, with what stands before and behind it cut off; false: there is none. */
static bool cut(char *path, const char *word, char **ret_behind)
{
    char *found = NULL;

    for (char *next = strstr(path, word); next; next = strstr(next + 1, word))
        found = next;
    if (!found)
        return false;
    *found = '\0';
    *ret_behind = found + strlen(word);
    return true;
}

static void read_place(char *place, struct dr_question *question)
{
    static const struct {
        const char *word;
        enum dr_question_kind kind;
    } rows[] = {
        {"/blobs/uploads/", DR_ASK_UPLOAD},
        {"/manifests/", DR_ASK_MANIFEST},
        {"/blobs/", DR_ASK_BLOB},
        {"/referrers/", DR_ASK_REFERRERS},
    };
    char *behind;

    if (strcmp(place, "_catalog") == 0) {
        question->kind = DR_ASK_CATALOG;
        return;
    }
    if (dr_text_ends(place, "/tags/list")) {
        place[strlen(place) - strlen("/tags/list")] = '\0';
        take_name(place, DR_ASK_TAGS, "", question);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (cut(place, rows[i].word, &behind)) {
            take_name(place, rows[i].kind, rows[i].kind == DR_ASK_UPLOAD ? "" : behind, question);
            return;
        }
    }
}

static void read_query(const char *query, struct dr_question *question)
{
    struct evkeyvalq pairs;
    const char *value;

    if (evhttp_parse_query_str(query, &pairs) < 0)
        return;
    value = evhttp_find_header(&pairs, "ns");
    if (value)
        dr_text_put(question->ns, sizeof question->ns, value);
    value = evhttp_find_header(&pairs, "last");
    if (value)
        dr_text_put(question->last, sizeof question->last, value);
    value = evhttp_find_header(&pairs, "n");
    if (value)
        dr_text_uint64(value, INT32_MAX, &question->n, NULL);
    evhttp_clear_headers(&pairs);
}

void dr_question_read(const char *path, const char *query, struct dr_question *ret_question)
{
    dr_autofree char *plain = decode(path);

    *ret_question = (struct dr_question){.kind = DR_ASK_NOTHING, .n = UINT64_MAX};
    if (!plain) {
        ret_question->kind = DR_ASK_BAD;
        return;
    }
    if (strcmp(plain, "/v2") == 0 || strcmp(plain, "/v2/") == 0)
        ret_question->kind = DR_ASK_BASE;
    else if (dr_text_starts(plain, "/v2/"))
        read_place(plain + strlen("/v2/"), ret_question);
    if (query)
        read_query(query, ret_question);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_mirror_serve */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mirror/serve/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dr_question *question)
{
    size_t size = strlen(question->name);

    assert(question->kind >= DR_ASK_NOTHING && question->kind <= DR_ASK_REFERRERS);
    assert(memchr(question->name, '\0', sizeof question->name));
    assert(memchr(question->reference, '\0', sizeof question->reference));
    assert(memchr(question->ns, '\0', sizeof question->ns));
    assert(memchr(question->last, '\0', sizeof question->last));
    switch (question->kind) {
    case DR_ASK_NOTHING:
    case DR_ASK_BASE:
    case DR_ASK_CATALOG:
        assert(size == 0 && !*question->reference);
        break;
    case DR_ASK_TAGS:
    case DR_ASK_MANIFEST:
    case DR_ASK_BLOB:
    case DR_ASK_UPLOAD:
    case DR_ASK_REFERRERS:
        assert(size > 0 && question->name[0] != '/' && question->name[size - 1] != '/');
        assert(strspn(question->name, "abcdefghijklmnopqrstuvwxyz0123456789._-/") == size);
        break;
    case DR_ASK_BAD:
        break;
    }
}

/* As a request has it: PATH, and PATH?QUERY. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct dr_question question;
    char *query;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    query = strchr(text, '?');
    if (query)
        *query++ = '\0';
    dr_question_read(text, query, &question);
    check(&question);
    free(text);
    return 0;
}

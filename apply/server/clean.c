/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/clean.h"

#include <string.h>

#include "lib/engine/container.h"

#define LOG "/var/log/mysql/error.log"

/* Many times what MySQL says from one start to its end. */
#define END_MAX 65536u

/* The last `size` bytes of the tar, whose one file is the log: headers and padding hold none of the words below. */
struct end {
    char text[END_MAX + 1];
    size_t size;
};

static int keep_end(void *context, const void *data, size_t size, struct dr_err *err)
{
    struct end *end = context;
    const char *from = data;
    size_t room;

    (void)err;
    if (size > END_MAX) {
        from += size - END_MAX;
        size = END_MAX;
    }
    room = END_MAX - end->size;
    if (size > room) {
        memmove(end->text, end->text + (size - room), END_MAX - size);
        end->size = END_MAX - size;
    }
    memcpy(end->text + end->size, from, size);
    end->size += size;
    return 0;
}

/* Where the last of these words begin; NULL: nowhere. */
static const char *last_of(const char *text, const char *words)
{
    const char *last = NULL;

    for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
        last = at;
    return last;
}

enum dr_clean dr_clean_read(const char *log)
{
    static const char *const others[] = {
        "Starting mysqld daemon", "Initializing buffer pool", "not shut down normally",
        "ready for connections",  "Normal shutdown",          "Starting shutdown",
    };
    const char *end = last_of(log, "Shutdown complete");
    enum dr_clean clean = end ? DR_CLEAN_YES : DR_CLEAN_UNKNOWN;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *other = last_of(log, others[i]);

        if (other && (!end || other > end))
            clean = DR_CLEAN_NO;
    }
    return clean;
}

int dr_clean_look(struct dr_engine *engine, const char *id, enum dr_clean *ret_clean,
                  struct dr_err *err)
{
    struct end end = {.size = 0};
    struct dr_err why = DR_ERR_INIT;

    *ret_clean = DR_CLEAN_UNKNOWN;
    if (dr_docker_archive(engine, id, LOG, keep_end, &end, &why) < 0) {
        if (why.code == DR_ERR_ABSENT)
            return 0;
        if (err)
            *err = why;
        return -1;
    }
    /* A log does not hold NULs, a tar does. */
    for (size_t i = 0; i < end.size; i++) {
        if (end.text[i] == '\0')
            end.text[i] = '\n';
    }
    end.text[end.size] = '\0';
    *ret_clean = dr_clean_read(end.text);
    return 0;
}

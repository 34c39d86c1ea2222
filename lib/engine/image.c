/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/engine/image.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/engine/client.h"
#include "lib/engine/messages.h"
#include "lib/json.h"
#include "lib/text.h"

json_t *dr_image_inspect(struct dr_engine *engine, const char *name, struct dr_err *err)
{
    char doing[DR_REFERENCE_TEXT + 32];
    dr_autofree char *path = dr_engine_path("/images/", name, "/json", err);

    snprintf(doing, sizeof doing, "inspect image '%.*s'", DR_REFERENCE_TEXT, name);
    return path ? dr_engine_get(engine, path, doing, err) : NULL;
}

int dr_image_find(struct dr_engine *engine, const char *name, json_t **ret_image,
                  struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_t *image = dr_image_inspect(engine, name, &why);

    if (!image && why.code != DR_ERR_ABSENT) {
        if (err)
            *err = why;
        return -1;
    }
    *ret_image = image;
    return 0;
}

/* X-Registry-Auth: base64url with padding; anything else is taken for "no credentials" without a word. */
static char *auth_header(const struct dr_reference *reference, const char *user,
                         const char *password, struct dr_err *err)
{
    bool hub = strcmp(reference->host, "docker.io") == 0;
    json_auto_t *auth =
        json_pack("{s:s, s:s, s:s}", "username", user, "password", password, "serveraddress",
                  hub ? "https://index.docker.io/v1/" : reference->host);
    dr_autofree char *text = auth ? dr_json_text(auth, false, err) : NULL;
    dr_autofree char *coded = text ? dr_text_base64(text, strlen(text), true, err) : NULL;

    if (!auth)
        dr_fail_memory(err);
    return coded ? dr_text_format(err, "X-Registry-Auth: %s", coded) : NULL;
}

/* Bytes told per layer, so that the progress moves by differences. */
struct pull {
    struct dr_progress *progress;
    json_t *seen;
};

static int on_pull(void *context, const json_t *message, struct dr_err *err)
{
    struct pull *pull = context;
    const char *layer = dr_json_string_or(message, "id", NULL);
    const json_t *detail = json_object_get(message, "progressDetail");
    int64_t current = dr_json_int_or(detail, "current", 0);
    int64_t before;

    if (!layer || strcmp(dr_json_string_or(message, "status", ""), "Downloading") != 0)
        return 0;
    before = dr_json_int_or(pull->seen, layer, 0);
    if (current <= before)
        return 0;
    if (pull->progress)
        dr_progress_add(pull->progress, (uint64_t)(current - before));
    return dr_json_set(pull->seen, layer, json_integer(current), err);
}

static char *pull_path(const struct dr_reference *reference, struct dr_err *err)
{
    struct dr_reference bare = *reference;
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];
    dr_autofree char *from = NULL;
    const char *tag = reference->tag;

    /* Without a tag older engines pull every tag there is; a digest goes where the tag goes. */
    if (reference->has_digest)
        tag = dr_digest_text(&reference->digest, digest);
    bare.tag[0] = '\0';
    bare.has_digest = false;
    dr_reference_familiar(&bare, name);
    from = dr_engine_path("/images/create?fromImage=", name, "&tag=", err);
    return from ? dr_engine_path(from, tag, "", err) : NULL;
}

static int pull_stream(struct dr_engine *engine, const struct dr_engine_call *call,
                       struct dr_messages *messages, const char *doing, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);

    if (dr_engine_do(engine, call, doing, &response, err) < 0)
        return -1;
    return dr_messages_end(messages, err) < 0 ? dr_err_wrap(err, "%s", doing) : 0;
}

int dr_image_pull(struct dr_engine *engine, const struct dr_reference *reference, const char *user,
                  const char *password, struct dr_progress *progress, struct dr_err *err)
{
    json_auto_t *seen = json_object();
    json_auto_t *image = NULL;
    struct pull pull = {.progress = progress, .seen = seen};
    dr_auto_messages struct dr_messages messages = DR_MESSAGES_INIT(on_pull, &pull);
    char name[DR_REFERENCE_TEXT];
    char doing[DR_REFERENCE_TEXT + 16];
    dr_autofree char *path = pull_path(reference, err);
    dr_autofree char *auth = user ? auth_header(reference, user, password, err) : NULL;

    if (!seen)
        return dr_fail_memory(err);
    if (!path || (user && !auth))
        return -1;
    dr_reference_familiar(reference, name);
    snprintf(doing, sizeof doing, "pull '%s'", name);
    if (pull_stream(engine,
                    &(struct dr_engine_call){.method = "POST",
                                             .path = path,
                                             .headers = (const char *[]){auth, NULL},
                                             .sink = dr_messages_sink,
                                             .context = &messages,
                                             .endless = true,
                                             .stoppable = true},
                    &messages, doing, err) < 0)
        return -1;
    image = dr_image_inspect(engine, name, err);
    return image ? 0 : dr_err_wrap(err, "%s", doing);
}

int dr_image_tag(struct dr_engine *engine, const char *name, const struct dr_reference *reference,
                 struct dr_err *err)
{
    struct dr_reference bare = *reference;
    char repository[DR_REFERENCE_TEXT];
    char doing[2 * DR_REFERENCE_TEXT + 32];
    dr_autofree char *before = dr_engine_path("/images/", name, "/tag?repo=", err);
    dr_autofree char *with_name = NULL;
    dr_autofree char *path = NULL;

    bare.tag[0] = '\0';
    bare.has_digest = false;
    dr_reference_familiar(&bare, repository);
    with_name = before ? dr_engine_path(before, repository, "&tag=", err) : NULL;
    path = with_name ? dr_engine_path(with_name, reference->tag, "", err) : NULL;
    snprintf(doing, sizeof doing, "name image '%s' '%s:%s'", name, repository, reference->tag);
    return path ? dr_engine_change(engine, "POST", path, NULL, doing, err) : -1;
}

struct load {
    struct dr_messages messages;
    dr_http_source_fn *source;
    void *context;
};

static long load_source(void *context, void *ret_data, size_t size, struct dr_err *err)
{
    struct load *load = context;

    return load->source(load->context, ret_data, size, err);
}

static int load_sink(void *context, const void *data, size_t size, struct dr_err *err)
{
    struct load *load = context;

    return dr_messages_sink(&load->messages, data, size, err);
}

int dr_image_load(struct dr_engine *engine, dr_http_source_fn *source, void *context, uint64_t size,
                  struct dr_err *err)
{
    struct load load = {
        .messages = DR_MESSAGES_INIT(NULL, NULL), .source = source, .context = context};
    int done = pull_stream(engine,
                           &(struct dr_engine_call){.method = "POST",
                                                    .path = "/images/load?quiet=1",
                                                    .source = load_source,
                                                    .source_size = size,
                                                    .sink = load_sink,
                                                    .context = &load,
                                                    .endless = true,
                                                    .stoppable = true},
                           &load.messages, "load images", err);

    dr_messages_release(&load.messages);
    return done;
}

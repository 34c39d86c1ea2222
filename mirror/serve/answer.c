/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "mirror/serve/catalog.h"
#include "mirror/serve/question.h"
#include "mirror/serve/range.h"
#include "mirror/serve/server.h"

#define MANIFEST_MAX (4u << 20)

/* False: it was answered with a no. */
static bool may_ask(struct dr_exchange *exchange)
{
    struct dr_htpasswd *htpasswd = exchange->serve->htpasswd;

    if (!htpasswd)
        return true;
    switch (
        dr_htpasswd_check(htpasswd, dr_exchange_asked(exchange, "Authorization"), exchange->user)) {
    case DR_LOGIN_GOOD:
        return true;
    case DR_LOGIN_LATER:
        dr_exchange_tell(exchange, "Retry-After", "1");
        dr_exchange_refuse(exchange, 429, "TOOMANYREQUESTS", "too many logins at once");
        return false;
    case DR_LOGIN_NONE:
    case DR_LOGIN_WRONG:
        break;
    }
    dr_exchange_tell(exchange, "WWW-Authenticate", "Basic realm=\"drover\", charset=\"UTF-8\"");
    dr_exchange_refuse(exchange, 401, "UNAUTHORIZED", "authentication required");
    return false;
}

/* Tells what something is by its digest; true when the client has it already, and that was said. */
static bool tell_digest(struct dr_exchange *exchange, const struct dr_digest *digest)
{
    const char *known = dr_exchange_asked(exchange, "If-None-Match");
    char text[DR_DIGEST_TEXT];
    char tag[DR_DIGEST_TEXT + 2];

    snprintf(tag, sizeof tag, "\"%s\"", dr_digest_text(digest, text));
    dr_exchange_tell(exchange, "Docker-Content-Digest", text);
    dr_exchange_tell(exchange, "ETag", tag);
    if (!known || (strcmp(known, "*") != 0 && !strstr(known, tag)))
        return false;
    dr_exchange_reply(exchange, 304, NULL, 0);
    return true;
}

static void answer_manifest(struct dr_exchange *exchange, const struct dr_question *question)
{
    const struct dr_bundle *bundle = exchange->serve->bundle;
    dr_auto_buf struct dr_buf body = DR_BUF_INIT(MANIFEST_MAX);
    struct dr_descriptor manifest;

    if (!dr_catalog_manifest(bundle, question, &manifest)) {
        dr_exchange_refuse(exchange, 404, "MANIFEST_UNKNOWN", "the bundle has no such image");
        return;
    }
    if (tell_digest(exchange, &manifest.digest))
        return;
    dr_exchange_tell(exchange, "Content-Type", manifest.media_type);
    if (dr_bundle_blob_load(bundle, &manifest.digest, &body, NULL) < 0)
        dr_exchange_refuse(exchange, 500, "UNKNOWN", "the bundle cannot be read any more");
    else
        dr_exchange_reply(exchange, 200, body.data, body.size);
}

/* A range of another state of the blob is none; but a blob has one state. */
static const char *asked_range(const struct dr_exchange *exchange, const struct dr_digest *digest)
{
    const char *only_if = dr_exchange_asked(exchange, "If-Range");
    char text[DR_DIGEST_TEXT];

    if (only_if && !strstr(only_if, dr_digest_text(digest, text)))
        return NULL;
    return dr_exchange_asked(exchange, "Range");
}

static void answer_blob(struct dr_exchange *exchange, const struct dr_question *question)
{
    const struct dr_bundle_blob *blob = NULL;
    struct dr_digest digest;
    struct dr_range range;
    enum dr_range_kind kind;
    char text[80];

    if (dr_digest_parse(question->reference, &digest, NULL) < 0) {
        dr_exchange_refuse(exchange, 400, "DIGEST_INVALID", "not of the form sha256:HEX");
        return;
    }
    blob = dr_catalog_blob(exchange->serve->bundle, question, &digest);
    if (!blob) {
        dr_exchange_refuse(exchange, 404, "BLOB_UNKNOWN", "no image of that name has it");
        return;
    }
    if (tell_digest(exchange, &digest))
        return;
    dr_exchange_tell(exchange, "Accept-Ranges", "bytes");
    kind = dr_range_parse(asked_range(exchange, &digest), blob->size, &range);
    switch (kind) {
    case DR_RANGE_NONE:
        snprintf(text, sizeof text, "bytes */%" PRIu64, blob->size);
        dr_exchange_tell(exchange, "Content-Range", text);
        dr_exchange_refuse(exchange, 416, "SIZE_INVALID", "the range lies behind the end");
        return;
    case DR_RANGE_PART:
        snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.first,
                 range.first + range.size - 1, blob->size);
        dr_exchange_tell(exchange, "Content-Range", text);
        break;
    case DR_RANGE_ALL:
        break;
    }
    dr_exchange_tell(exchange, "Cache-Control", "max-age=31536000");
    dr_exchange_tell(exchange, "Content-Type", "application/octet-stream");
    dr_exchange_send(exchange, kind == DR_RANGE_PART ? 206 : 200, blob->offset + range.first,
                     range.size);
}

/* The way to the next page (distribution-spec, "Listing Tags"). */
static void tell_next(const struct dr_exchange *exchange, const struct dr_question *question,
                      const json_t *list)
{
    const char *last = json_string_value(json_array_get(list, json_array_size(list) - 1));
    dr_autofree char *escaped = last ? evhttp_uriencode(last, -1, 0) : NULL;
    dr_autofree char *link =
        escaped
            ? dr_text_format(NULL, "</v2/%s%s?last=%s&n=%" PRIu64 ">; rel=\"next\"", question->name,
                             question->kind == DR_ASK_CATALOG ? "_catalog" : "/tags/list", escaped,
                             question->n)
            : NULL;

    if (link)
        dr_exchange_tell(exchange, "Link", link);
}

static void answer_list(struct dr_exchange *exchange, const struct dr_question *question)
{
    bool more = false;
    json_t *list = dr_catalog_list(exchange->serve->bundle, question, &more);

    if (more)
        tell_next(exchange, question, list);
    if (!list)
        dr_exchange_reply_json(exchange, 500, NULL);
    else if (question->kind == DR_ASK_CATALOG)
        dr_exchange_reply_json(exchange, 200, json_pack("{s:o}", "repositories", list));
    else
        dr_exchange_reply_json(exchange, 200,
                               json_pack("{s:s, s:o}", "name", question->name, "tags", list));
}

/* A bundle holds no signatures or attestations of others: an empty index (distribution-spec, "Listing Referrers"). */
static void answer_referrers(struct dr_exchange *exchange, const struct dr_question *question)
{
    struct dr_digest digest;

    if (dr_digest_parse(question->reference, &digest, NULL) < 0) {
        dr_exchange_refuse(exchange, 400, "DIGEST_INVALID", "not of the form sha256:HEX");
        return;
    }
    dr_exchange_tell(exchange, "Content-Type", DR_MEDIA_OCI_INDEX);
    dr_exchange_reply_json(exchange, 200,
                           json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType",
                                     DR_MEDIA_OCI_INDEX, "manifests"));
}

static void answer_named(struct dr_exchange *exchange, const struct dr_question *question)
{
    if (!dr_catalog_has(exchange->serve->bundle, question)) {
        dr_exchange_refuse(exchange, 404, "NAME_UNKNOWN", "the bundle has no image of that name");
        return;
    }
    switch (question->kind) {
    case DR_ASK_MANIFEST:
        answer_manifest(exchange, question);
        return;
    case DR_ASK_BLOB:
        answer_blob(exchange, question);
        return;
    case DR_ASK_REFERRERS:
        answer_referrers(exchange, question);
        return;
    case DR_ASK_TAGS:
        answer_list(exchange, question);
        return;
    case DR_ASK_UPLOAD:
    case DR_ASK_NOTHING:
    case DR_ASK_BAD:
    case DR_ASK_BASE:
    case DR_ASK_CATALOG:
        break;
    }
    dr_exchange_refuse(exchange, 404, "BLOB_UPLOAD_UNKNOWN", "nothing is uploaded here");
}

static void answer_question(struct dr_exchange *exchange, const struct dr_question *question)
{
    switch (question->kind) {
    case DR_ASK_BASE:
        dr_exchange_reply_json(exchange, 200, json_object());
        return;
    case DR_ASK_CATALOG:
        answer_list(exchange, question);
        return;
    case DR_ASK_BAD:
        dr_exchange_refuse(exchange, 400, "NAME_INVALID", "no image can have such a name");
        return;
    case DR_ASK_NOTHING:
        dr_exchange_refuse(exchange, 404, "NAME_UNKNOWN", "this is a registry: see /v2/");
        return;
    case DR_ASK_TAGS:
    case DR_ASK_MANIFEST:
    case DR_ASK_BLOB:
    case DR_ASK_UPLOAD:
    case DR_ASK_REFERRERS:
        break;
    }
    answer_named(exchange, question);
}

void dr_serve_answer(struct dr_exchange *exchange)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    struct dr_question question;

    if (exchange->serve->ending) {
        dr_exchange_refuse(exchange, 503, "UNAVAILABLE", "the server ends");
        return;
    }
    if (!may_ask(exchange))
        return;
    if (evhttp_request_get_command(exchange->request) != EVHTTP_REQ_GET &&
        !dr_exchange_is_head(exchange)) {
        dr_exchange_tell(exchange, "Allow", "GET, HEAD");
        dr_exchange_refuse(exchange, 405, "UNSUPPORTED", "a bundle is served for reading only");
        return;
    }
    dr_question_read(path ? path : "", uri ? evhttp_uri_get_query(uri) : NULL, &question);
    answer_question(exchange, &question);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/engine/engine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/engine/client.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define DEFAULT_SOCKET "/var/run/docker.sock"

struct dr_engine {
    struct dr_http *http;
    char *base; /* "http://docker" or "http(s)://host:port" */
    char *host; /* for people */
    char *version;
    bool local;
    unsigned api;
};

struct dr_engine_options dr_engine_options_from_environment(void)
{
    const char *verify = getenv("DOCKER_TLS_VERIFY");

    return (struct dr_engine_options){
        .host = getenv("DOCKER_HOST"),
        .cert_path = getenv("DOCKER_CERT_PATH"),
        .tls_verify = verify && *verify,
    };
}

void dr_engine_free(struct dr_engine *engine)
{
    if (!engine)
        return;
    dr_http_free(engine->http);
    free(engine->base);
    free(engine->host);
    free(engine->version);
    free(engine);
}

unsigned dr_engine_api(const struct dr_engine *engine)
{
    return engine->api;
}

const char *dr_engine_version(const struct dr_engine *engine)
{
    return engine->version;
}

const char *dr_engine_host(const struct dr_engine *engine)
{
    return engine->host;
}

bool dr_engine_local(const struct dr_engine *engine)
{
    return engine->local;
}

static int open_socket(struct dr_engine *engine, const char *path, struct dr_err *err)
{
    struct dr_http_options options = {.unix_socket = path, .no_proxy = true, .stall_seconds = 600};

    engine->local = true;
    if (access(path, R_OK | W_OK) < 0)
        return dr_fail_errno(err, DR_ERR_NET, "open the socket '%s'", path);
    engine->base = dr_text_copy("http://docker", err);
    if (!engine->base)
        return -1;
    engine->http = dr_http_new(&options, err);
    return engine->http ? 0 : -1;
}

static int open_tls(struct dr_engine *engine, const char *folder, struct dr_err *err)
{
    dr_autofree char *ca = dr_file_join(folder, "ca.pem", err);
    dr_autofree char *cert = dr_file_join(folder, "cert.pem", err);
    dr_autofree char *key = dr_file_join(folder, "key.pem", err);
    struct dr_http_options options = {.ca_file = ca,
                                      .ca_option = "ca.pem in DOCKER_CERT_PATH",
                                      .cert_file = cert,
                                      .key_file = key,
                                      .no_proxy = true,
                                      .stall_seconds = 600};

    if (!ca || !cert || !key)
        return -1;
    engine->http = dr_http_new(&options, err);
    return engine->http ? 0 : -1;
}

static int open_tcp(struct dr_engine *engine, const struct dr_engine_options *options,
                    const char *address, struct dr_err *err)
{
    struct dr_http_options plain = {.no_proxy = true, .stall_seconds = 600};
    dr_autofree char *folder = NULL;

    engine->base = dr_text_format(err, "%s://%s", options->tls_verify ? "https" : "http", address);
    if (!engine->base)
        return -1;
    if (options->tls_verify) {
        const char *home = getenv("HOME");

        folder = options->cert_path && *options->cert_path
                     ? dr_text_copy(options->cert_path, err)
                     : dr_file_join(home ? home : "/root", ".docker", err);
        return folder ? open_tls(engine, folder, err) : -1;
    }
    engine->http = dr_http_new(&plain, err);
    return engine->http ? 0 : -1;
}

static int open_host(struct dr_engine *engine, const struct dr_engine_options *options,
                     struct dr_err *err)
{
    const char *host = options->host && *options->host ? options->host : "unix://" DEFAULT_SOCKET;

    engine->host = dr_text_copy(host, err);
    if (!engine->host)
        return -1;
    if (dr_text_starts(host, "unix://"))
        return open_socket(engine, host + strlen("unix://"), err);
    if (dr_text_starts(host, "tcp://"))
        return open_tcp(engine, options, host + strlen("tcp://"), err);
    return dr_fail(err, DR_ERR_USAGE,
                   "DOCKER_HOST '%.100s' is neither unix:///path nor tcp://host:port", host);
}

/* "1.41" -> 41. Versions compare as numbers: 1.9 is older than 1.10. */
static int parse_api(const char *text, unsigned *ret_minor, struct dr_err *err)
{
    uint64_t minor = 0;

    if (!text || !dr_text_starts(text, "1.") || dr_text_uint64(text + 2, 9999, &minor, NULL) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "'%.20s' is not a version of the engine's API",
                       text ? text : "");
    *ret_minor = (unsigned)minor;
    return 0;
}

/* GET /version is the one path that every engine answers without a version in it; engines before API 1.25 do
 * not tell their oldest one, and take everything down to 1.12. */
static int negotiate(struct dr_engine *engine, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);
    dr_autofree char *url = dr_text_format(err, "%s/version", engine->base);
    json_auto_t *version = NULL;
    unsigned newest = 0;
    unsigned oldest = 12;
    const char *text;

    if (!url || dr_http_do(engine->http, &(struct dr_http_request){.url = url}, &response, err) < 0)
        return -1;
    if (response.status != 200)
        return dr_fail(
            err, DR_ERR_ENGINE, "GET /version was answered with status %ld%s", response.status,
            response.status == 400 && dr_text_starts(engine->base, "http://") && !engine->local
                ? "; where it speaks TLS only, set DOCKER_TLS_VERIFY=1 and "
                  "DOCKER_CERT_PATH"
                : "");
    version = dr_json_parse(response.body.data, response.body.size, "the engine's version", err);
    if (!version || parse_api(dr_json_string_or(version, "ApiVersion", NULL), &newest, err) < 0)
        return -1;
    text = dr_json_string_or(version, "MinAPIVersion", NULL);
    if (text && *text && parse_api(text, &oldest, err) < 0)
        return -1;
    engine->version = dr_text_copy(dr_json_string_or(version, "Version", "?"), err);
    if (!engine->version)
        return -1;
    engine->api = newest < DR_ENGINE_API_MAX ? newest : DR_ENGINE_API_MAX;
    if (engine->api < DR_ENGINE_API_MIN)
        return dr_fail(err, DR_ERR_REFUSED,
                       "engine %.40s speaks API 1.%u; drover needs 1.%u (Docker 1.10) or later",
                       engine->version, newest, DR_ENGINE_API_MIN);
    if (engine->api < oldest)
        return dr_fail(err, DR_ERR_REFUSED,
                       "engine %.40s takes API 1.%u at least, drover speaks up to 1.%u",
                       engine->version, oldest, DR_ENGINE_API_MAX);
    return 0;
}

struct dr_engine *dr_engine_new(const struct dr_engine_options *options, struct dr_err *err)
{
    struct dr_engine *engine = calloc(1, sizeof *engine);

    if (!engine) {
        dr_fail_memory(err);
        return NULL;
    }
    if (open_host(engine, options, err) == 0 && negotiate(engine, err) == 0)
        return engine;
    if (err && err->code != DR_ERR_USAGE)
        dr_err_wrap(err, "reach the Docker engine");
    if (err && err->code == DR_ERR_NET)
        dr_err_advise(err, "does it run here, or does DOCKER_HOST name another place?");
    dr_engine_free(engine);
    return NULL;
}

/* JSON {"message"} from API 1.24 on, plain text before. */
static int refused(const struct dr_http_response *response, const char *doing, struct dr_err *err)
{
    json_auto_t *body = response->body.size > 0
                            ? json_loadb(response->body.data, response->body.size, 0, NULL)
                            : NULL;
    const char *words = body ? dr_json_string_or(body, "message", "") : response->body.data;
    enum dr_code code = response->status == 404 ? DR_ERR_ABSENT : DR_ERR_ENGINE;
    int length = words ? (int)strcspn(words, "\r\n") : 0;

    if (length == 0)
        return dr_fail(err, code, "%s: the engine answered with status %ld", doing,
                       response->status);
    return dr_fail(err, code, "%s: %.*s", doing, length < 600 ? length : 600, words);
}

static int send(struct dr_engine *engine, const struct dr_engine_call *call,
                struct dr_http_response *ret_response, struct dr_err *err)
{
    static const char json_type[] = "Content-Type: application/json";
    static const char tar_type[] = "Content-Type: application/x-tar";
    const char *headers[4] = {NULL};
    dr_autofree char *url =
        dr_text_format(err, "%s/v1.%u%s", engine->base, engine->api, call->path);
    dr_autofree char *body = NULL;
    size_t count = 0;

    if (!url)
        return -1;
    if (call->body) {
        body = dr_json_text(call->body, false, err);
        if (!body)
            return -1;
        headers[count++] = json_type;
    } else if (call->source) {
        headers[count++] = tar_type;
    }
    for (size_t i = 0; call->headers && call->headers[i] && count < 3; i++)
        headers[count++] = call->headers[i];
    return dr_http_do(
        engine->http,
        &(struct dr_http_request){.method = call->method,
                                  .url = url,
                                  .headers = headers,
                                  .body = body,
                                  .body_size = body ? strlen(body) : call->source_size,
                                  .source = call->source,
                                  .sink = call->sink,
                                  .context = call->context,
                                  .endless = call->endless,
                                  .unstoppable = !call->stoppable},
        ret_response, err);
}

int dr_engine_do(struct dr_engine *engine, const struct dr_engine_call *call, const char *doing,
                 struct dr_http_response *ret_response, struct dr_err *err)
{
    if (send(engine, call, ret_response, err) < 0)
        return err && err->code == DR_ERR_STOPPED ? -1 : dr_err_wrap(err, "%s", doing);
    if ((ret_response->status < 200 || ret_response->status > 299) && ret_response->status != 304)
        return refused(ret_response, doing, err);
    return 0;
}

json_t *dr_engine_get(struct dr_engine *engine, const char *path, const char *doing,
                      struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response =
        DR_HTTP_RESPONSE_INIT(DR_ENGINE_DOCUMENT_MAX);

    if (dr_engine_do(engine, &(struct dr_engine_call){.path = path}, doing, &response, err) < 0)
        return NULL;
    return dr_json_parse(response.body.data, response.body.size, doing, err);
}

int dr_engine_change(struct dr_engine *engine, const char *method, const char *path,
                     const json_t *body, const char *doing, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);

    return dr_engine_do(
        engine,
        &(struct dr_engine_call){.method = method, .path = path, .body = body, .endless = true},
        doing, &response, err);
}

char *dr_engine_path(const char *before, const char *name, const char *after, struct dr_err *err)
{
    dr_autofree char *escaped = dr_http_escape(name, err);

    return escaped ? dr_text_format(err, "%s%s%s", before, escaped, after) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define BUFFER_SIZE (512L * 1024)
#define SPARE_HANDLES 8
#define SILENT_SECONDS 10
#define BUFFER_LEAST (16L * 1024)

/* One exchange on its way. */
struct transfer {
    CURL *curl;
    struct curl_slist *headers;
    const struct dr_http_request *request;
    struct dr_http_response *response;
    struct dr_err failure; /* what a callback of ours reported */
    void *token;
    struct transfer *next;    /* in dr_http.running */
    const struct dr_log *log; /* NULL, or silence has been told */
    curl_off_t moved;         /* bytes, both ways */
    double heard;             /* dr_clock() when that changed */
    char reason[CURL_ERROR_SIZE];
};

struct dr_http {
    struct dr_http_options options; /* with strings of our own */
    CURLM *multi;
    CURL *single; /* for dr_http_do: its own connections */
    CURL *spare[SPARE_HANDLES];
    unsigned spares;
    struct transfer *running;
};

void dr_http_response_release(struct dr_http_response *response)
{
    dr_buf_release(&response->headers);
    dr_buf_release(&response->body);
}

bool dr_http_header(const struct dr_http_response *response, const char *name, unsigned index,
                    char *ret_value, size_t room)
{
    size_t length = strlen(name);
    const char *line = response->headers.data;

    for (; line && *line; line = strchr(line, '\n') + 1) {
        const char *value = line + length + 1;
        size_t size;

        if (strncasecmp(line, name, length) != 0 || line[length] != ':' || index-- > 0)
            continue;
        value += strspn(value, " \t");
        size = strcspn(value, "\n");
        while (size > 0 && strchr(" \t\r", value[size - 1]))
            size--;
        if (size >= room)
            return false;
        memcpy(ret_value, value, size);
        ret_value[size] = '\0';
        return true;
    }
    return false;
}

static int copy_option(const char **ret, const char *option, struct dr_err *err)
{
    if (!option)
        return 0;
    *ret = dr_text_copy(option, err);
    return *ret ? 0 : -1;
}

static int copy_options(struct dr_http_options *own, const struct dr_http_options *options,
                        struct dr_err *err)
{
    *own = *options;
    own->ca_file = own->ca_pem = own->cert_file = own->key_file = own->unix_socket = NULL;
    if (!own->connect_seconds)
        own->connect_seconds = 15;
    if (!own->stall_seconds)
        own->stall_seconds = 60;
    if (copy_option(&own->ca_file, options->ca_file, err) < 0 ||
        copy_option(&own->ca_pem, options->ca_pem, err) < 0 ||
        copy_option(&own->cert_file, options->cert_file, err) < 0 ||
        copy_option(&own->key_file, options->key_file, err) < 0)
        return -1;
    return copy_option(&own->unix_socket, options->unix_socket, err);
}

struct dr_http *dr_http_new(const struct dr_http_options *options, struct dr_err *err)
{
    struct dr_http *http = calloc(1, sizeof *http);

    if (!http) {
        dr_fail_memory(err);
        return NULL;
    }
    http->multi = curl_multi_init();
    http->single = curl_easy_init();
    if (!http->multi || !http->single)
        dr_fail_memory(err);
    else if (copy_options(&http->options, options, err) == 0)
        return http;
    dr_http_free(http);
    return NULL;
}

void dr_http_free(struct dr_http *http)
{
    if (!http)
        return;
    dr_http_cancel(http);
    while (http->spares > 0)
        curl_easy_cleanup(http->spare[--http->spares]);
    curl_easy_cleanup(http->single);
    curl_multi_cleanup(http->multi);
    free((void *)(uintptr_t)http->options.ca_file);
    free((void *)(uintptr_t)http->options.ca_pem);
    free((void *)(uintptr_t)http->options.cert_file);
    free((void *)(uintptr_t)http->options.key_file);
    free((void *)(uintptr_t)http->options.unix_socket);
    free(http);
}

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    struct dr_buf *headers = &transfer->response->headers;
    size_t length = size;

    (void)one;
    /* A new block (after 100 Continue) replaces the one before. */
    if (size > 5 && memcmp(data, "HTTP/", 5) == 0) {
        dr_buf_clear(headers);
        return size;
    }
    while (length > 0 && strchr("\r\n", data[length - 1]))
        length--;
    if (memchr(data, '\0', length) || memchr(data, '\n', length)) {
        dr_fail(&transfer->failure, DR_ERR_NET, "a header line holds control characters");
        return 0;
    }
    if (length > 0 && (dr_buf_add(headers, data, length, &transfer->failure) < 0 ||
                       dr_buf_add(headers, "\n", 1, &transfer->failure) < 0))
        return 0;
    return size;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    long status = 0;
    int done;

    (void)one;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->response->status = status;
    if (transfer->request->sink && status >= 200 && status < 300)
        done = transfer->request->sink(transfer->request->context, data, size, &transfer->failure);
    else
        done = dr_buf_add(&transfer->response->body, data, size, &transfer->failure);
    return done < 0 ? 0 : size;
}

static size_t on_source(char *data, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    long got =
        transfer->request->source(transfer->request->context, data, one * size, &transfer->failure);

    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* Whoever waits in front of a silent server should know what for. */
static void tell_silence(struct transfer *transfer, curl_off_t moved)
{
    double now = dr_clock();
    char url[300];

    if (moved != transfer->moved) {
        transfer->moved = moved;
        transfer->heard = now;
    }
    if (!transfer->log || now - transfer->heard < dr_scaled(SILENT_SECONDS))
        return;
    dr_log_say(transfer->log, "%s: silent for %d s, still waiting",
               dr_http_display(transfer->request->url, url, sizeof url), SILENT_SECONDS);
    transfer->log = NULL;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct transfer *transfer = context;

    (void)down_total, (void)up_total;
    tell_silence(transfer, down + up);
    if (transfer->request->unstoppable)
        return 0;
    return dr_stop_check(&transfer->failure, "talking to a server") < 0;
}

static int add_header(struct transfer *transfer, const char *line, struct dr_err *err)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (!longer)
        return dr_fail_memory(err);
    transfer->headers = longer;
    return 0;
}

static int set_headers(struct transfer *transfer, struct dr_err *err)
{
    const char *const *line = transfer->request->headers;

    /* "Expect:" off: registries and the engine answer at once, waiting for a 100 only costs a round
     * trip. */
    if (add_header(transfer, "Expect:", err) < 0)
        return -1;
    for (; line && *line; line++) {
        if (add_header(transfer, *line, err) < 0)
            return -1;
    }
    curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->headers);
    return 0;
}

static void set_method(struct transfer *transfer)
{
    const struct dr_http_request *request = transfer->request;
    const char *method = request->method ? request->method : "GET";
    CURL *curl = transfer->curl;

    if (request->source) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_source);
        curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
    } else if (request->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, strcmp(method, "HEAD") == 0 ? NULL : method);
}

/* TLS is always verified but where the operator named this server as an exception. A CA of the
 * user's is added to the system's, never instead of them. */
static void set_trust(const struct dr_http *http, CURL *curl)
{
    if (http->options.insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (http->options.ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, http->options.ca_file);
    if (http->options.ca_pem) {
        struct curl_blob pem = {.data = (void *)(uintptr_t)http->options.ca_pem,
                                .len = strlen(http->options.ca_pem),
                                .flags = CURL_BLOB_NOCOPY};

        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem);
    }
    if (http->options.cert_file)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, http->options.cert_file);
    if (http->options.key_file)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, http->options.key_file);
}

/* What one of `count` transfers may have of the rate. */
static void set_rate(const struct dr_http *http, CURL *curl, unsigned count)
{
    uint64_t share = http->options.rate / count;

    if (http->options.rate == 0)
        return;
    if (share == 0)
        share = 1;
    curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)share);
    curl_easy_setopt(curl, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)share);
}

/* Where there is a limit, a full buffer should not be seconds of it. */
static long buffer_size(const struct dr_http *http)
{
    long size = BUFFER_SIZE;

    while (http->options.rate > 0 && size > BUFFER_LEAST && (uint64_t)size > http->options.rate / 8)
        size /= 2;
    return size;
}

static void set_limits(const struct dr_http *http, struct transfer *transfer)
{
    CURL *curl = transfer->curl;

    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)http->options.connect_seconds);
    if (!transfer->request->endless) {
        unsigned own = transfer->request->stall_seconds;

        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                         (long)(own ? own : http->options.stall_seconds));
        transfer->log = http->options.log;
        transfer->heard = dr_clock();
        transfer->moved = 0;
    }
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, buffer_size(http));
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, buffer_size(http));
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    if (http->options.unix_socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, http->options.unix_socket);
    if (http->options.no_proxy || http->options.unix_socket ||
        dr_http_is_loopback(transfer->request->url))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    /* What a proxy says to CONNECT is no answer of the server's. */
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

/* After one has come or gone. */
static void share_rate(const struct dr_http *http)
{
    unsigned count = 0;

    for (const struct transfer *transfer = http->running; transfer; transfer = transfer->next)
        count++;
    for (const struct transfer *transfer = http->running; transfer; transfer = transfer->next)
        set_rate(http, transfer->curl, count);
}

static int prepare(const struct dr_http *http, struct transfer *transfer, struct dr_err *err)
{
    CURL *curl = transfer->curl;

    curl_easy_reset(curl);
    dr_buf_clear(&transfer->response->headers);
    dr_buf_clear(&transfer->response->body);
    transfer->response->status = 0;
    transfer->response->hopeless = transfer->response->silent = false;
    set_limits(http, transfer);
    set_rate(http, curl, 1);
    set_trust(http, curl);
    set_method(transfer);
    curl_easy_setopt(curl, CURLOPT_URL, transfer->request->url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "drover/" DROVER_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->reason);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
    return set_headers(transfer, err);
}

/* What the operator can do about the usual ways to get no answer. */
static const char *advice(CURLcode code, const char *reason)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return strstr(reason, "subject name")
                   ? "its certificate is for another name: use one that is in it"
                   : "its certificate is not trusted here: give its CA with --ca-cert";
    case CURLE_SSL_CACERT_BADFILE:
        return "no CA is known here: install ca-certificates, or give the server's CA with "
               "--ca-cert";
    case CURLE_SSL_CONNECT_ERROR:
        return "if it speaks plain HTTP on purpose, --insecure-registry HOST[:PORT] allows that";
    case CURLE_COULDNT_RESOLVE_HOST:
        return "check the name, and DNS or /etc/hosts of this machine";
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "check https_proxy and http_proxy; no_proxy names hosts that need none";
    case CURLE_COULDNT_CONNECT:
        return "check that it runs and that no firewall is between";
    case CURLE_OPERATION_TIMEDOUT:
        return "it is silent: check that no firewall is between, and whether a proxy is needed "
               "(https_proxy)";
    case CURLE_SSL_CERTPROBLEM:
        return "check the client certificate and key in /etc/docker/certs.d";
    default:
        return NULL;
    }
}

/* Failures that stay until somebody changes something. */
static bool is_hopeless(CURLcode code)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return true;
    default:
        return false;
    }
}

static int outcome(struct transfer *transfer, CURLcode code, struct dr_err *err)
{
    char url[300];
    const char *hint = advice(code, transfer->reason);

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &transfer->response->status);
    dr_http_display(transfer->request->url, url, sizeof url);
    if (transfer->failure.code != DR_OK) {
        if (err)
            *err = transfer->failure;
        return transfer->failure.code == DR_ERR_STOPPED ? -1 : dr_err_wrap(err, "%s", url);
    }
    if (code == CURLE_OK)
        return 0;
    transfer->response->hopeless = is_hopeless(code);
    transfer->response->silent = code == CURLE_OPERATION_TIMEDOUT;
    dr_fail(err, DR_ERR_NET, "%s: %s", url,
            *transfer->reason ? transfer->reason : curl_easy_strerror(code));
    return hint ? dr_err_advise(err, "%s", hint) : -1;
}

int dr_http_do(struct dr_http *http, const struct dr_http_request *request,
               struct dr_http_response *ret_response, struct dr_err *err)
{
    struct transfer transfer = {.curl = http->single, .request = request, .response = ret_response};
    int done = prepare(http, &transfer, err);

    if (done == 0)
        done = outcome(&transfer, curl_easy_perform(transfer.curl), err);
    curl_slist_free_all(transfer.headers);
    return done;
}

static void forget(struct dr_http *http, struct transfer *transfer)
{
    struct transfer **link = &http->running;

    while (*link && *link != transfer)
        link = &(*link)->next;
    if (*link)
        *link = transfer->next;
    curl_multi_remove_handle(http->multi, transfer->curl);
    curl_slist_free_all(transfer->headers);
    if (http->spares < SPARE_HANDLES)
        http->spare[http->spares++] = transfer->curl;
    else
        curl_easy_cleanup(transfer->curl);
    free(transfer);
}

int dr_http_start(struct dr_http *http, const struct dr_http_request *request,
                  struct dr_http_response *ret_response, void *token, struct dr_err *err)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (!transfer)
        return dr_fail_memory(err);
    transfer->curl = http->spares > 0 ? http->spare[--http->spares] : curl_easy_init();
    if (!transfer->curl) {
        free(transfer);
        return dr_fail_memory(err);
    }
    transfer->request = request;
    transfer->response = ret_response;
    transfer->token = token;
    transfer->next = http->running;
    http->running = transfer;
    if (prepare(http, transfer, err) < 0 ||
        curl_multi_add_handle(http->multi, transfer->curl) != CURLM_OK) {
        forget(http, transfer);
        return dr_fail_memory(err);
    }
    share_rate(http);
    return 0;
}

/* The next finished exchange that libcurl knows of; NULL: none yet. */
static struct transfer *finished(struct dr_http *http, CURLcode *ret_code)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left))) {
        char *transfer = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        *ret_code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        return (struct transfer *)(void *)transfer;
    }
    return NULL;
}

int dr_http_next(struct dr_http *http, void **ret_token, struct dr_err *ret_failure,
                 struct dr_err *err)
{
    struct transfer *transfer;
    CURLcode code = CURLE_OK;
    int running;

    if (!http->running)
        return 0;
    while (!(transfer = finished(http, &code))) {
        CURLMcode done = curl_multi_perform(http->multi, &running);

        if (done == CURLM_OK && running > 0)
            done = curl_multi_poll(http->multi, NULL, 0, 200, NULL);
        if (done != CURLM_OK)
            return dr_fail(err, DR_ERR_NET, "run transfers: %s", curl_multi_strerror(done));
    }
    *ret_token = transfer->token;
    ret_failure->code = DR_OK;
    outcome(transfer, code, ret_failure);
    forget(http, transfer);
    share_rate(http);
    return 1;
}

void dr_http_cancel(struct dr_http *http)
{
    while (http->running)
        forget(http, http->running);
}

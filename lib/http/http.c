/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/http.h"

#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/http/reason.h"
#include "lib/http/settings.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define SPARE_HANDLES 8
#define SILENT_SECONDS 10
#define BURST_SECONDS 0.1

/* One exchange on its way. */
struct transfer {
    CURL *curl;
    struct dr_http *http;
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
    struct dr_authorities authorities;
    CURLM *multi;
    CURL *single; /* for dr_http_do: its own connections */
    CURL *spare[SPARE_HANDLES];
    unsigned spares;
    struct transfer *running;
    double free_at; /* of dr_clock(): when what has passed was due at the rate that is allowed */
};

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
    else if (dr_http_options_copy(&http->options, options, err) == 0 &&
             dr_authorities_find(&http->authorities, "", options, err) == 0)
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
    dr_http_options_release(&http->options);
    dr_authorities_release(&http->authorities);
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

/* Holds up whoever passes bytes too fast, all transfers together; theirs wait in the kernel, and so the other side
 * does. (libcurl's own limit is for one transfer, and lets seconds of it through at once.) */
static void pace(struct dr_http *http, size_t size)
{
    double now;

    if (http->options.rate == 0)
        return;
    now = dr_clock();
    if (http->free_at < now - BURST_SECONDS)
        http->free_at = now - BURST_SECONDS;
    http->free_at += (double)size / (double)http->options.rate;
    if (http->free_at > now)
        dr_stop_sleep(http->free_at - now);
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    long status = 0;
    int done;

    (void)one;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->response->status = status;
    pace(transfer->http, size);
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

    if (got > 0)
        pace(transfer->http, (size_t)got);
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

static int prepare(const struct dr_http *http, struct transfer *transfer, struct dr_err *err)
{
    CURL *curl = transfer->curl;

    curl_easy_reset(curl);
    dr_buf_clear(&transfer->response->headers);
    dr_buf_clear(&transfer->response->body);
    transfer->response->status = 0;
    transfer->response->hopeless = transfer->response->silent = false;
    dr_http_set_up(curl, &http->options, &http->authorities, transfer->request);
    if (!transfer->request->endless)
        transfer->log = http->options.log;
    transfer->heard = dr_clock();
    transfer->moved = 0;
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

static int outcome(struct transfer *transfer, CURLcode code, struct dr_err *err)
{
    char url[300];

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &transfer->response->status);
    dr_http_display(transfer->request->url, url, sizeof url);
    if (transfer->failure.code != DR_OK) {
        if (err)
            *err = transfer->failure;
        return transfer->failure.code == DR_ERR_STOPPED ? -1 : dr_err_wrap(err, "%s", url);
    }
    if (code == CURLE_OK)
        return 0;
    transfer->response->hopeless = dr_http_is_hopeless(code);
    transfer->response->silent = code == CURLE_OPERATION_TIMEDOUT;
    dr_fail(err, DR_ERR_NET, "%s: %s", url,
            *transfer->reason ? transfer->reason : curl_easy_strerror(code));
    return dr_http_advise(err, code, transfer->reason, &transfer->http->options);
}

int dr_http_do(struct dr_http *http, const struct dr_http_request *request,
               struct dr_http_response *ret_response, struct dr_err *err)
{
    struct transfer transfer = {
        .curl = http->single, .http = http, .request = request, .response = ret_response};
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
    transfer->http = http;
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
    return dr_http_next_within(http, HUGE_VAL, ret_token, ret_failure, err);
}

int dr_http_next_within(struct dr_http *http, double seconds, void **ret_token,
                        struct dr_err *ret_failure, struct dr_err *err)
{
    double until = dr_clock() + seconds;
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
        if (dr_clock() > until)
            return 2;
    }
    *ret_token = transfer->token;
    ret_failure->code = DR_OK;
    outcome(transfer, code, ret_failure);
    forget(http, transfer);
    return 1;
}

void dr_http_cancel(struct dr_http *http)
{
    while (http->running)
        forget(http, http->running);
}

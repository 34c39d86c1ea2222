/* SPDX-License-Identifier: Apache-2.0 */
#include "pull.h"

#include "base.h"
#include "engine.h"
#include "faults.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IN_FLIGHT = 16 };

struct pull {
    struct pull *next;
    struct row *host, *subject;
    pull_done_fn *done;
    struct evhttp_connection *connection;
    char registry[256], name[256], tag[160], reference[700];
};

static struct evdns_base *dns;
static struct pull *waiting, **waiting_end = &waiting;
static int in_flight;

static void run_next(void);

// ---- references

static const char *plain(const char *reference)
{
    return strncmp(reference, "docker:", 7) ? reference : reference + 7;
}

bool image_is_valid(const char *reference)
{
    const char *r = plain(reference);
    size_t size = strlen(r);
    if (!size || size > 500 || !isalnum((unsigned char)r[0]) || strstr(r, "//") ||
        r[size - 1] == ':' || r[size - 1] == '/')
        return false;
    for (; *r; r++)
        if (!isalnum((unsigned char)*r) && !strchr("._-:/@", *r))
            return false;
    return true;
}

// docker's rule: the first part is a registry only with a dot, a colon or as localhost.
static void split(const char *reference, struct pull *out)
{
    const char *r = plain(reference), *slash = strchr(r, '/');
    size_t first = slash ? (size_t)(slash - r) : 0;
    snprintf(out->registry, sizeof out->registry, "docker.io");
    if (slash && (memchr(r, '.', first) || memchr(r, ':', first) ||
                  (first == 9 && !strncmp(r, "localhost", 9)))) {
        snprintf(out->registry, sizeof out->registry, "%.*s", (int)first, r);
        r = slash + 1;
    }
    if (!strcmp(out->registry, "index.docker.io"))
        snprintf(out->registry, sizeof out->registry, "docker.io");
    const char *at = strchr(r, '@'), *last = strrchr(r, '/'),
               *colon = strrchr(last ? last : r, ':');
    const char *end = at ? at : colon ? colon : r + strlen(r);
    bool library = !strcmp(out->registry, "docker.io") && !memchr(r, '/', (size_t)(end - r));
    snprintf(out->name, sizeof out->name, "%s%.*s", library ? "library/" : "", (int)(end - r), r);
    snprintf(out->tag, sizeof out->tag, "%s", *end ? end + 1 : "latest");
}

static void canonical(const char *reference, char out[700])
{
    struct pull parts;
    split(reference, &parts);
    snprintf(out, 700, "%s/%s:%s", parts.registry, parts.name, parts.tag);
}

bool host_holds(const struct row *host, const char *reference)
{
    char key[700];
    canonical(reference, key);
    return json_object_get(json_object_get(host->j, "_images"), key) != NULL;
}

void host_add_image(struct row *host, const char *reference)
{
    char key[700];
    canonical(reference, key);
    json_t *images = json_object_get(host->j, "_images");
    if (!images) {
        images = json_object();
        row_set(host, "_images", images);
    }
    json_object_set_new(images, key, json_true());
    db_touch(host);
}

// ---- addresses

// The first default route, as the kernel prints it: host byte order, hexadecimal.
static bool gateway(char out[64])
{
    FILE *f = fopen("/proc/net/route", "re");
    char line[256];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        char interface[64];
        unsigned target, via;
        if (sscanf(line, "%63s %x %x", interface, &target, &via) != 3 || target || !via)
            continue;
        struct in_addr address = {.s_addr = via};
        found = inet_ntop(AF_INET, &address, out, 64) != NULL;
    }
    if (f)
        fclose(f);
    return found;
}

static bool is_loopback(const char *host)
{
    return !strncmp(host, "127.", 4) || !strcmp(host, "localhost") || !strcmp(host, "::1");
}

// Where the registry of a reference is to be found; false when there is no way (Docker Hub
// offline).
static bool locate(const char *registry, char host[256], int *ret_port)
{
    char text[256];
    snprintf(text, sizeof text, "%s", registry);
    if (!strcmp(registry, "docker.io")) {
        const char *hub = getenv("RANCHER_SIM_DOCKERHUB");
        if (!hub || !*hub)
            return false;
        snprintf(text, sizeof text, "%s", hub);
    }
    char *colon = strrchr(text, ':');
    *ret_port = colon ? atoi(colon + 1) : 80;
    if (colon)
        *colon = 0;
    snprintf(host, 256, "%s", text);
    if (is_loopback(host)) {
        const char *override = getenv("RANCHER_SIM_LOOPBACK");
        char via[64];
        if (override && *override)
            snprintf(host, 256, "%s", override);
        else if (sim_in_container() && gateway(via))
            snprintf(host, 256, "%s", via);
        else if (!strcmp(host, "localhost"))
            snprintf(host, 256, "127.0.0.1");
    }
    return *ret_port > 0 && *ret_port < 65536;
}

// ---- one pull

static void free_connection(evutil_socket_t fd, short what, void *connection)
{
    (void)fd, (void)what;
    evhttp_connection_free(connection);
}

static void finish(struct pull *pull, const char *error)
{
    struct row *host = pull->host, *subject = pull->subject;
    pull_done_fn *done = pull->done;
    if (!error)
        host_add_image(host, pull->reference);
    event_note(error ? "pullFailed" : "pulled", host, pull->reference, error);
    db_bump(error ? "pullsFailed" : "pulls");
    struct evhttp_connection *connection = pull->connection;
    free(pull);
    in_flight--;
    done(subject, host, error);
    db_commit();
    // Not here: after a failed connect, libevent still looks at it when its callback returns.
    struct timeval now = {0};
    if (connection && event_base_once(sim_base, -1, EV_TIMEOUT, free_connection, connection, &now))
        abort();
    run_next();
}

static void answered(struct evhttp_request *request, void *arg)
{
    struct pull *pull = arg;
    char error[1200];
    int status = request ? evhttp_request_get_response_code(request) : 0;
    if (status == 200) {
        finish(pull, NULL);
        return;
    }
    if (status == 404)
        snprintf(error, sizeof error, "Error: image %s:%s not found", pull->name, pull->tag);
    else if (status == 401 || status == 403)
        snprintf(error, sizeof error, "Error: unauthorized: authentication required (%s)",
                 pull->registry);
    else if (status == 400)
        snprintf(error, sizeof error,
                 "Error while pulling image: Get https://%s/v2/: x509: certificate signed by "
                 "unknown authority",
                 pull->registry);
    else if (status == 0)
        snprintf(error, sizeof error,
                 "Error while pulling image: Get https://%s/v1/repositories/%s/images: dial tcp "
                 "%s: connection refused",
                 pull->registry, pull->name, pull->registry);
    else
        snprintf(error, sizeof error, "Error: Status %d trying to pull repository %s", status,
                 pull->name);
    finish(pull, error);
}

static const char ACCEPT[] =
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v1+prettyjws";

static bool is_numeric(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static void ask(struct pull *pull)
{
    char host[256], url[600], header[300];
    int port;
    if (!locate(pull->registry, host, &port)) {
        char error[600];
        snprintf(
            error, sizeof error,
            "Error while pulling image: Get https://index.docker.io/v1/repositories/%s/images: "
            "dial tcp: lookup index.docker.io: no such host",
            pull->name);
        finish(pull, error);
        return;
    }
    if (!is_numeric(host) && !dns)
        dns = evdns_base_new(sim_base,
                             EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    pull->connection =
        evhttp_connection_base_new(sim_base, is_numeric(host) ? NULL : dns, host, (uint16_t)port);
    struct evhttp_request *request = evhttp_request_new(answered, pull);
    if (!pull->connection || !request) {
        finish(pull, "Error while pulling image: out of memory");
        return;
    }
    evhttp_connection_set_timeout(pull->connection, 20);
    snprintf(header, sizeof header, "%s", pull->registry);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Host", header);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Accept", ACCEPT);
    evhttp_add_header(evhttp_request_get_output_headers(request), "User-Agent", "docker/1.10.3");
    evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    snprintf(url, sizeof url, "/v2/%s/manifests/%s", pull->name, pull->tag);
    // A request that can't even be made is answered through the callback or here, never both.
    if (evhttp_make_request(pull->connection, request, EVHTTP_REQ_GET, url))
        finish(pull, "Error while pulling image: connection failed");
}

static const char *faulty(struct pull *pull)
{
    json_t *fault = fault_get("imageMissing");
    const char *image = json_string_value(json_object_get(fault, "image"));
    static char text[1200];
    // The image vanished after the pre-pull: containers suffer, pull tasks don't.
    if (fault && pull->subject->type == T_INSTANCE && fault_names_host(fault, pull->host) &&
        (!image || strstr(pull->reference, image)) && fault_strike("imageMissing")) {
        snprintf(text, sizeof text, "Error: image %s:%s not found", pull->name, pull->tag);
        return text;
    }
    fault = fault_get("pullFails");
    image = json_string_value(json_object_get(fault, "image"));
    if (fault && fault_names_host(fault, pull->host) &&
        (!image || strstr(pull->reference, image)) && fault_strike("pullFails")) {
        const char *message = json_string_value(json_object_get(fault, "text"));
        snprintf(text, sizeof text, "%s",
                 message ? message
                         : "Error while pulling image: x509: certificate signed by unknown "
                           "authority");
        return text;
    }
    return NULL;
}

static void start_one(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct pull *pull = arg;
    const char *error = faulty(pull);
    if (error)
        finish(pull, error);
    else
        ask(pull);
}

static void run_next(void)
{
    while (waiting && in_flight < MAX_IN_FLIGHT) {
        struct pull *pull = waiting;
        waiting = pull->next;
        if (!waiting)
            waiting_end = &waiting;
        in_flight++;
        // Through the loop: the callers may hold half-made rows, and failures must not recurse.
        struct timeval tv = {.tv_usec = (suseconds_t)(sim_scaled(0.5) * 1e6) % 1000000};
        if (event_base_once(sim_base, -1, EV_TIMEOUT, start_one, pull, &tv))
            abort();
    }
}

void pull_start(struct row *host, const char *reference, pull_done_fn *done, struct row *subject)
{
    struct pull *pull = calloc(1, sizeof *pull);
    if (!pull)
        abort();
    *pull = (struct pull){.host = host, .subject = subject, .done = done};
    split(reference, pull);
    snprintf(pull->reference, sizeof pull->reference, "%.690s", plain(reference));
    *waiting_end = pull;
    waiting_end = &pull->next;
    run_next();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_mirror_audit */
#include "tests/unit/check.h"

#include "mirror/audit/audit.h"
#include "tests/unit/bundle_kit.h"
#include "tests/unit/registry_helper.h"

#define MANIFEST_TYPE "Content-Type: " DR_MEDIA_DOCKER_MANIFEST "\r\n"

/* Two images in a registry below x/: what it would answer. All steps are for one question each. */
struct stock {
    struct step steps[STEPS_MAX];
    char requests[STEPS_MAX][600];
    char replies[STEPS_MAX][1500];
    size_t count;
};

static void stock_add(struct stock *stock, const char *request, const char *reply)
{
    assert_true(stock->count + 1 < STEPS_MAX);
    snprintf(stock->requests[stock->count], sizeof *stock->requests, "%s ", request);
    snprintf(stock->replies[stock->count], sizeof *stock->replies, "%s", reply);
    stock->steps[stock->count] = (struct step){.request = stock->requests[stock->count],
                                               .reply = stock->replies[stock->count]};
    stock->count++;
}

/* Both questions about one: whether it is there, and its bytes. */
static void stock_blob(struct stock *stock, const struct dr_bundle *bundle, const char *repository,
                       const struct dr_descriptor *blob)
{
    char request[560];
    char reply[200];
    char digest[DR_DIGEST_TEXT];
    char data[64];

    snprintf(request, sizeof request, "HEAD /v2/x/%s/blobs/%s", repository,
             dr_digest_text(&blob->digest, digest));
    snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n",
             (unsigned)blob->size);
    stock_add(stock, request, reply);
    assert_true(blob->size < sizeof data);
    assert_int_equal(dr_bundle_blob_read(bundle, dr_bundle_find_blob(bundle, &blob->digest), 0,
                                         data, blob->size, NULL),
                     0);
    snprintf(request, sizeof request, "GET /v2/x/%s/blobs/%s", repository, digest);
    snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n%.*s",
             (unsigned)blob->size, (int)blob->size, data);
    stock_add(stock, request, reply);
}

static void stock_image(struct stock *stock, const struct dr_bundle *bundle,
                        const struct dr_bundle_image *image)
{
    dr_auto_buf struct dr_buf manifest = DR_BUF_INIT(4096);
    const char *repository = image->reference.repository;
    char request[560];
    char reply[1500];
    char digest[DR_DIGEST_TEXT];

    dr_digest_text(&image->manifest.digest, digest);
    assert_int_equal(dr_bundle_blob_load(bundle, &image->manifest.digest, &manifest, NULL), 0);
    snprintf(request, sizeof request, "HEAD /v2/x/%s/manifests/%s", repository,
             image->reference.tag);
    snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nDocker-Content-Digest: %s\r\n\r\n", digest);
    stock_add(stock, request, reply);
    snprintf(request, sizeof request, "GET /v2/x/%s/manifests/%s", repository, digest);
    snprintf(reply, sizeof reply,
             "HTTP/1.1 200 OK\r\n" MANIFEST_TYPE "Content-Length: %zu\r\n\r\n%s", manifest.size,
             manifest.data);
    stock_add(stock, request, reply);
    stock_blob(stock, bundle, repository, &image->content.config);
    for (size_t i = 0; i < image->content.layer_count; i++)
        stock_blob(stock, bundle, repository, &image->content.layers[i]);
}

/* The one step whose request holds `text`. */
static struct step *stock_find(struct stock *stock, const char *text)
{
    for (size_t i = 0; i < stock->count; i++) {
        if (strstr(stock->requests[i], text))
            return &stock->steps[i];
    }
    fail_msg("no step for %s", text);
    return NULL;
}

struct case_of {
    const char *request; /* the question that is answered otherwise; NULL: none */
    const char *reply;
    enum dr_audit_kind kind;
    const char *text;
};

static int audit(const struct kit *kit, const struct case_of *row, bool deep,
                 struct dr_audit *ret_audit, struct dr_err *err)
{
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, err);
    dr_auto_registry struct dr_registry *registry = NULL;
    const struct dr_log log = {.verbosity = -1};
    struct stock *stock = calloc(1, sizeof *stock);
    const struct dr_bundle_image *images;
    struct server server;
    dr_auto_destination struct dr_destination to = DR_DESTINATION_INIT;
    size_t count;
    char where[64];
    int done;

    assert_non_null(bundle);
    images = dr_bundle_images(bundle, &count);
    for (size_t i = 0; i < count; i++)
        stock_image(stock, bundle, &images[i]);
    if (row->request) {
        struct step *step = stock_find(stock, row->request);

        step->reply = row->reply;
        step->times = 9;
    }
    server_start(&server, stock->steps);
    registry = client_of(&server);
    snprintf(where, sizeof where, "127.0.0.1:%u/x", server.port);
    check_ok(dr_destination_read(where, NULL, 0, &to, err), err);
    done = dr_audit_bundle(registry, bundle, &to, deep, &log, ret_audit, err);
    server_stop(&server);
    server_release(&server);
    free(stock);
    return done;
}

static void finds_nothing_missing_where_all_is_there(void **state)
{
    dr_auto_audit struct dr_audit found = DR_AUDIT_INIT;
    struct dr_err err = DR_ERR_INIT;

    check_ok(audit(*state, &(struct case_of){.request = NULL}, false, &found, &err), &err);
    assert_int_equal(found.gap_count, 0);
    assert_int_equal(found.images, 2);
    assert_int_equal(found.blobs, 7); /* 2 configs, 3 + 2 layers: the layer that comes twice once */
}

static void names_every_kind_of_gap(void **state)
{
    static const struct case_of rows[] = {
        {"HEAD /v2/x/rancher/server/manifests/v1.0.2", EMPTY_REPLY("404"), DR_AUDIT_TAG,
         "/x/rancher/server:v1.0.2 is missing"},
        {"HEAD /v2/x/rancher/agent/manifests/v1.0.1",
         "HTTP/1.1 200 OK\r\nDocker-Content-Digest: "
         "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\r\n\r\n",
         DR_AUDIT_TAG, "/x/rancher/agent:v1.0.1 names another image: sha256:44136fa"},
        {"GET /v2/x/rancher/server/manifests/sha256:", EMPTY_REPLY("404"), DR_AUDIT_MANIFEST,
         "/x/rancher/server:v1.0.2: manifest sha256:"},
        {"GET /v2/x/rancher/server/manifests/sha256:",
         "HTTP/1.1 200 OK\r\n" MANIFEST_TYPE "Content-Length: 2\r\n\r\n{}", DR_AUDIT_MANIFEST,
         "what was served has the digest"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_audit struct dr_audit found = DR_AUDIT_INIT;
        struct dr_err err = DR_ERR_INIT;

        check_ok(audit(*state, &rows[i], false, &found, &err), &err);
        assert_int_equal(found.gap_count, 1);
        assert_int_equal(found.gaps[0].kind, rows[i].kind);
        if (!strstr(found.gaps[0].text, rows[i].text))
            fail_msg("no '%s' in: %s", rows[i].text, found.gaps[0].text);
    }
}

static void asks_for_configs_and_layers_with_their_sizes(void **state)
{
    static const struct {
        const char *content, *reply, *text;
        enum dr_audit_kind kind;
    } rows[] = {
        {"{\"os\":\"linux\"}", EMPTY_REPLY("404"), ": config sha256:", DR_AUDIT_CONFIG},
        {"server layer", EMPTY_REPLY("404"), " (12 bytes) is missing", DR_AUDIT_LAYER},
        {"server layer", EMPTY_REPLY("200"), " has 0 bytes instead of 12", DR_AUDIT_LAYER},
        {"agent layer", "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",
         " has 12 bytes instead of 11", DR_AUDIT_LAYER},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_audit struct dr_audit found = DR_AUDIT_INIT;
        struct dr_err err = DR_ERR_INIT;
        struct dr_digest digest;
        char text[DR_DIGEST_TEXT];
        const struct case_of row = {.request = text, .reply = rows[i].reply};

        dr_digest_of(rows[i].content, strlen(rows[i].content), &digest);
        dr_digest_text(&digest, text);
        check_ok(audit(*state, &row, false, &found, &err), &err);
        assert_int_equal(found.gap_count, 1);
        assert_int_equal(found.gaps[0].kind, rows[i].kind);
        assert_true(dr_digest_equal(&found.gaps[0].digest, &digest));
        if (!strstr(found.gaps[0].text, rows[i].text))
            fail_msg("no '%s' in: %s", rows[i].text, found.gaps[0].text);
    }
}

static void hashes_what_it_downloads(void **state)
{
    static const struct {
        const char *reply, *text;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nserver-layer", "its bytes have the digest"},
        {EMPTY_REPLY("404"), "the registry answered 404"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nserver layers", "it is longer than the 12"},
    };
    char request[200] = "GET /v2/x/rancher/server/blobs/";
    dr_auto_audit struct dr_audit good = DR_AUDIT_INIT;
    struct dr_digest digest;
    struct dr_err none = DR_ERR_INIT;

    dr_digest_of("server layer", 12, &digest);
    dr_digest_text(&digest, request + strlen(request));
    check_ok(audit(*state, &(struct case_of){.request = NULL}, true, &good, &none), &none);
    assert_int_equal(good.gap_count, 0);
    assert_int_equal(good.read, good.bytes);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_audit struct dr_audit found = DR_AUDIT_INIT;
        struct dr_err err = DR_ERR_INIT;
        const struct case_of row = {.request = request, .reply = rows[i].reply};

        check_ok(audit(*state, &row, true, &found, &err), &err);
        assert_int_equal(found.gap_count, 1);
        assert_int_equal(found.damaged, 1);
        assert_true(dr_digest_equal(&found.gaps[0].digest, &digest));
        if (!strstr(found.gaps[0].text, rows[i].text))
            fail_msg("no '%s' in: %s", rows[i].text, found.gaps[0].text);
    }
}

static void does_not_take_a_failure_to_ask_for_a_gap(void **state)
{
    static const struct case_of rows[] = {
        {"GET /v2/x/rancher/agent/manifests/", EMPTY_REPLY("500"), 0, NULL},
        {"HEAD /v2/x/rancher/agent/manifests/", EMPTY_REPLY("403"), 0, NULL},
        {"HEAD /v2/x/rancher/agent/blobs/", "", 0, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_audit struct dr_audit found = DR_AUDIT_INIT;
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(audit(*state, &rows[i], false, &found, &err), -1);
        assert_true(err.code == DR_ERR_NET || err.code == DR_ERR_AUTH);
        assert_int_equal(found.gap_count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_nothing_missing_where_all_is_there),
        cmocka_unit_test(names_every_kind_of_gap),
        cmocka_unit_test(asks_for_configs_and_layers_with_their_sizes),
        cmocka_unit_test(hashes_what_it_downloads),
        cmocka_unit_test(does_not_take_a_failure_to_ask_for_a_gap),
    };

    quiet_environment();
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}

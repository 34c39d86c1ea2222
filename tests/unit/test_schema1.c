/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
/* tests/data/schema1/<kind>.config is what dockerd 20.10 made of tests/fuzz/corpus/schema1/<kind>, which
 * tests/helpers/make-schema1 had made. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "manifests/schema1.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define BASE "{\"id\":\"" ID_A "\",\"docker_version\":\"1.9.1\"}"
#define BLOB "sha256:" ID_C

static void read_data(const char *format, const char *kind, struct dr_buf *to)
{
    struct dr_err err = DR_ERR_INIT;
    char path[512];

    snprintf(path, sizeof path, "%s/%s%s%s", TEST_SOURCE, format, kind,
             strstr(format, "data") ? ".config" : "");
    check_ok(dr_file_read(path, to, &err), &err);
}

/* An unsigned manifest around these entries, the newest first; ended by NULL. */
static char *manifest_of(const char *const *entries)
{
    json_auto_t *manifest =
        json_pack("{s:i, s:[], s:[]}", "schemaVersion", 1, "fsLayers", "history");
    struct dr_err err = DR_ERR_INIT;

    for (; *entries; entries++) {
        json_array_append_new(json_object_get(manifest, "fsLayers"),
                              json_pack("{s:s}", "blobSum", BLOB));
        json_array_append_new(json_object_get(manifest, "history"),
                              json_pack("{s:s}", "v1Compatibility", *entries));
    }
    return dr_json_text(manifest, false, &err);
}

static int parse(const char *text, struct dr_schema1 *image, struct dr_err *err)
{
    return dr_schema1_parse(text, strlen(text), image, err);
}

static void take_diff_ids(struct dr_schema1 *image, const struct dr_buf *config)
{
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *document = json_loadb(config->data, config->size, 0, NULL);
    json_t *ids = dr_json_at(document, "rootfs", "diff_ids", NULL);

    if (!document) { /* "numbers", which no parser takes */
        const char *at = strstr(config->data, "\"diff_ids\":");
        document = json_loads(strchr(at, '['), JSON_DISABLE_EOF_CHECK, NULL);
        ids = document;
    }
    assert_int_equal(json_array_size(ids), image->layer_count);
    for (size_t i = 0; i < image->layer_count; i++)
        check_ok(dr_digest_parse(json_string_value(json_array_get(ids, i)),
                                 &image->layers[i].diff_id, &err),
                 &err);
}

static void makes_the_config_that_docker_makes(void **state)
{
    static const char *const kinds[] = {"1.9.1", "1.10.3",  "1.7.1", "none",
                                        "html",  "numbers", "same",  "times"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
        dr_auto_buf struct dr_buf manifest = DR_BUF_INIT(1u << 20);
        dr_auto_buf struct dr_buf expected = DR_BUF_INIT(1u << 20);
        dr_auto_buf struct dr_buf config = DR_BUF_INIT(1u << 20);
        struct dr_err err = DR_ERR_INIT;

        read_data("/tests/fuzz/corpus/schema1/", kinds[i], &manifest);
        read_data("/tests/data/schema1/", kinds[i], &expected);
        check_ok(dr_schema1_parse(manifest.data, manifest.size, &image, &err), &err);
        check_ok(dr_schema1_config(&image, &config, &err), &err);
        assert_int_equal(config.size, expected.size); /* known before the layers are */
        take_diff_ids(&image, &expected);
        check_ok(dr_schema1_config(&image, &config, &err), &err);
        assert_string_equal(config.data, expected.data);
        assert_int_equal(image.has_version, strcmp(kinds[i], "none") != 0);
        assert_int_equal(image.layer_count, strcmp(kinds[i], "1.10.3") == 0 ? 2 : 4);
    }
}

static void finds_the_digest_of_what_was_signed(void **state)
{
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
    dr_auto_buf struct dr_buf manifest = DR_BUF_INIT(1u << 20);
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest digest;
    const char *signatures;

    (void)state;
    read_data("/tests/fuzz/corpus/schema1/", "1.9.1", &manifest);
    check_ok(dr_schema1_parse(manifest.data, manifest.size, &image, &err), &err);
    signatures = strstr(manifest.data, ",\n   \"signatures\"");
    assert_non_null(signatures);
    manifest.size = (size_t)(signatures - manifest.data);
    check_ok(dr_buf_add_text(&manifest, "\n}", &err), &err);
    dr_digest_of(manifest.data, manifest.size, &digest);
    assert_true(dr_digest_equal(&digest, &image.digest));
    /* Without signatures it is all there is. */
    check_ok(dr_schema1_parse(manifest.data, manifest.size, &image, &err), &err);
    assert_true(dr_digest_equal(&digest, &image.digest));
}

static char *sign(const char *payload, const char *const *headers)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(1u << 20);
    struct dr_err err = DR_ERR_INIT;

    check_ok(dr_buf_add(&text, payload, strlen(payload) - 1, &err), &err);
    check_ok(dr_buf_add_text(&text, ",\"signatures\":[", &err), &err);
    for (size_t i = 0; headers[i]; i++) {
        dr_autofree char *encoded = dr_text_base64(headers[i], strlen(headers[i]), true, &err);

        encoded[strcspn(encoded, "=")] = '\0';
        check_ok(dr_buf_printf(&text, &err, "%s{\"protected\":\"%s\"}", i ? "," : "", encoded),
                 &err);
    }
    check_ok(dr_buf_add_text(&text, "]}", &err), &err);
    return dr_buf_steal(&text, &err);
}

static void refuses_signatures_that_do_not_fit(void **state)
{
    static const char *const base[] = {BASE, NULL};
    dr_autofree char *payload = manifest_of(base);
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
    struct dr_err err = DR_ERR_INIT;
    char good[64];
    char tail[64];
    const struct {
        const char *headers[4];
        const char *said;
    } rows[] = {
        {{NULL}, "0 signatures"},
        {{good, "{\"formatLength\":3,\"formatTail\":\"fQ\"}", NULL}, "different documents"},
        {{good, tail, NULL}, "different documents"},
        {{"{\"formatLength\":999999,\"formatTail\":\"fQ\"}", NULL}, "more bytes"},
        {{"{\"formatLength\":18446744073709551615,\"formatTail\":\"fQ\"}", NULL}, ""},
        {{"{\"formatLength\":-1,\"formatTail\":\"fQ\"}", NULL}, "formatLength"},
        {{"{\"formatLength\":0,\"formatTail\":\"\"}", NULL}, ""},
        {{"{\"formatLength\":7}", NULL}, "formatTail"},
        {{"{\"formatTail\":\"fQ\"}", NULL}, "formatLength"},
        {{"{\"formatLength\":7,\"formatTail\":\"f\"}", NULL}, "base64url"},
        {{"{\"formatLength\":7,\"formatTail\":\"f!\"}", NULL}, "base64url"},
        {{"{\"formatLength\":7,\"formatTail\":\"+/+/\"}", NULL}, "base64url"},
        {{"{\"formatLength\":7,\"formatTail\":\"fQ==\"}", NULL}, "base64url"},
        {{"no JSON", NULL}, "protected header"},
    };

    (void)state;
    snprintf(good, sizeof good, "{\"formatLength\":%zu,\"formatTail\":\"fQ\"}",
             strlen(payload) - 1);
    snprintf(tail, sizeof tail, "{\"formatLength\":%zu,\"formatTail\":\"IH0\"}",
             strlen(payload) - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_autofree char *text = sign(payload, rows[i].headers);

        check_fails(parse(text, &image, &err), &err, DR_ERR_FORMAT, rows[i].said);
    }
    const char *const twice[] = {good, good, NULL};
    dr_autofree char *text = sign(payload, twice);
    check_ok(parse(text, &image, &err), &err);
}

/* Around an image that would be good, the signatures are over another document. */
static void reads_only_what_was_signed(void **state)
{
    static const char *const base[] = {BASE, NULL};
    /* {"schemaVersion":1 and then ,"fsLayers":[],"history":[]} */
    static const char *const header[] = {
        "{\"formatLength\":18,\"formatTail\":\"LCJmc0xheWVycyI6W10sImhpc3RvcnkiOltdfQ\"}", NULL};
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
    dr_autofree char *whole = manifest_of(base);
    dr_autofree char *text = sign(whole, header);
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_ok(parse(whole, &image, &err), &err);
    check_fails(parse(text, &image, &err), &err, DR_ERR_FORMAT, "0 layers");
}

#define OF(id, parent, more) "{\"id\":\"" id "\",\"parent\":\"" parent "\"" more "}"

static void checks_the_chain_of_ids(void **state)
{
    static const struct {
        const char *entries[5];
        const char *said; /* NULL: good */
    } rows[] = {
        {{OF(ID_B, ID_A, ""), BASE, NULL}, NULL},
        {{OF(ID_B, ID_A, ""), OF(ID_B, ID_A, ""), BASE, NULL}, NULL},
        {{OF(ID_B, "anything", ""), OF(ID_B, ID_A, ""), BASE, NULL}, NULL},
        {{BASE, BASE, NULL}, NULL},
        {{NULL}, "0 layers"},
        {{OF(ID_B, ID_C, ""), BASE, NULL}, "parent"},
        {{"{\"id\":\"" ID_B "\"}", BASE, NULL}, "parent"},
        {{OF(ID_B, ID_A, ""), NULL}, "base layer has a parent"},
        {{OF(ID_A, ID_B, ""), OF(ID_B, ID_A, ""), BASE, NULL}, "several times"},
        {{"{}", NULL}, "no ID"},
        {{"{\"id\":\"" ID_A "a\"}", NULL}, "longer"},
        {{"{\"id\":\"Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", NULL},
         "no ID"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
        dr_autofree char *text = manifest_of(rows[i].entries);
        struct dr_err err = DR_ERR_INIT;

        if (rows[i].said)
            check_fails(parse(text, &image, &err), &err, DR_ERR_FORMAT, rows[i].said);
        else
            check_ok(parse(text, &image, &err), &err);
    }
}

#define AND(more) "{\"id\":\"" ID_A "\"," more "}"

static void refuses_what_docker_cannot_read(void **state)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{\"id\":\"" ID_A "\"} x",
        AND("\"a\":1,}"),
        AND("\"a\":[1,]"),
        AND("\"a\":01"),
        AND("\"a\":1."),
        AND("\"a\":.5"),
        AND("\"a\":1e"),
        AND("\"a\":+1"),
        AND("\"a\":nul"),
        AND("\"a\":\"\\x\""),
        AND("\"a\":\"\\u12g4\""),
        AND("\"a\":\"\n\""),
        AND("\"a\" 1"),
        AND("a:1"),
        AND("\"a\":\"b"),
        AND("\"a\":1,\"a\":2"),
        AND("\"created\":1"),
        AND("\"created\":\"yesterday\""),
        AND("\"created\":\"2015-02-29T00:00:00Z\""),
        AND("\"created\":\"2016-05-26T24:00:00Z\""),
        AND("\"created\":\"2016-05-26T18:13:38.Z\""),
        AND("\"created\":\"2016-05-26T18:13:38\""),
        AND("\"created\":\"2016-05-26T18:13:38z\""),
        AND("\"author\":1"),
        AND("\"Author\":\"a\",\"author\":\"b\""),
        AND("\"throwaway\":\"true\""),
        AND("\"throwaway\":1"),
        AND("\"Size\":1.0"),
        AND("\"Size\":9223372036854775808"),
        AND("\"docker_version\":1"),
        AND("\"config\":[]"),
        AND("\"config\":{\"Env\":\"A=b\"}"),
        AND("\"config\":{\"Env\":[1]}"),
        AND("\"config\":{\"Tty\":\"no\"}"),
        AND("\"config\":{\"Volumes\":{\"/a\":1}}"),
        AND("\"config\":{\"Labels\":{\"a\":1}}"),
        AND("\"container_config\":{\"Cmd\":1}"),
        AND("\"container_config\":{\"Cmd\":[\"a\",{}]}"),
        AND("\"config\":{\"Healthcheck\":{\"Retries\":\"1\"}}"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const entries[] = {rows[i], NULL};
        dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
        dr_autofree char *text = manifest_of(entries);
        struct dr_err err = DR_ERR_INIT;

        if (parse(text, &image, &err) == 0)
            fail_msg("taken: %s", rows[i]);
        assert_int_equal(err.code, DR_ERR_FORMAT);
    }
}

static void bounds_nesting(void **state)
{
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    for (int depth = 62; depth <= 100000; depth = depth == 62 ? 100000 : depth + 1) {
        dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
        dr_auto_buf struct dr_buf entry = DR_BUF_INIT(1u << 20);
        const char *entries[2] = {NULL, NULL};
        dr_autofree char *text = NULL;

        check_ok(dr_buf_add_text(&entry, "{\"id\":\"" ID_A "\",\"a\":", &err), &err);
        for (int i = 0; i < depth; i++)
            check_ok(dr_buf_add_text(&entry, "[", &err), &err);
        for (int i = 0; i < depth; i++)
            check_ok(dr_buf_add_text(&entry, "]", &err), &err);
        check_ok(dr_buf_add_text(&entry, "}", &err), &err);
        entries[0] = entry.data;
        text = manifest_of(entries);
        if (depth == 62)
            check_ok(parse(text, &image, &err), &err);
        else
            check_fails(parse(text, &image, &err), &err, DR_ERR_FORMAT, "JSON");
    }
}

/* docker_version decides whether the config is kept as it is or written anew. */
static void compares_versions_as_docker_does(void **state)
{
    static const struct {
        const char *version;
        bool kept;
    } rows[] = {
        {"1.8.3", true},      {"1.8.2", false},    {"1.10.0", true},  {"1.9.0-rc1", true},
        {"1.8.3-rc1", false}, {"1.8", false},      {"2", true},       {"0.12", false},
        {"", false},          {"dev", false},      {"1.8.3.0", true}, {"1.8.3.-1", false},
        {"17.03.1-ce", true}, {"1.8.+3", true},    {"1.8.03", true},  {"v1.9.1", false},
        {"1.8.3.1", true},    {"1.8.3.dev", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
        dr_auto_buf struct dr_buf config = DR_BUF_INIT(1u << 20);
        char entry[256];
        const char *const entries[] = {entry, NULL};
        struct dr_err err = DR_ERR_INIT;
        dr_autofree char *text = NULL;

        snprintf(entry, sizeof entry, AND("\"docker_version\":\"%s\",\"unknown\":1.50"),
                 rows[i].version);
        text = manifest_of(entries);
        check_ok(parse(text, &image, &err), &err);
        check_ok(dr_schema1_config(&image, &config, &err), &err);
        if ((strstr(config.data, "\"unknown\":1.50") != NULL) != rows[i].kept)
            fail_msg("version '%s': %s", rows[i].version, config.data);
    }
}

static void makes_a_config_without_layers(void **state)
{
    static const char *const entries[] = {
        AND("\"throwaway\":true,\"docker_version\":\"1.10.3\",\"z\":null"), NULL};
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
    dr_auto_buf struct dr_buf config = DR_BUF_INIT(1u << 20);
    dr_autofree char *text = manifest_of(entries);
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_ok(parse(text, &image, &err), &err);
    assert_int_equal(image.layer_count, 0);
    check_ok(dr_schema1_config(&image, &config, &err), &err);
    assert_string_equal(config.data,
                        "{\"docker_version\":\"1.10.3\",\"history\":[{\"created\":"
                        "\"0001-01-01T00:00:00Z\",\"empty_layer\":true}],\"rootfs\":{\"type\":"
                        "\"layers\"},\"z\":null}");
}

static void the_manifest_has_one_size_whatever_the_layers_are(void **state)
{
    static const char *const entries[] = {OF(ID_B, ID_A, ""), BASE, NULL};
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
    dr_auto_image_manifest struct dr_image_manifest read = DR_IMAGE_MANIFEST_INIT;
    dr_auto_buf struct dr_buf manifest = DR_BUF_INIT(1u << 20);
    dr_autofree char *text = manifest_of(entries);
    struct dr_err err = DR_ERR_INIT;
    size_t size;

    (void)state;
    check_ok(parse(text, &image, &err), &err);
    image.layers[0].size = image.layers[1].size = 77;
    check_ok(dr_schema1_manifest(&image, &image.digest, 5, &manifest, &err), &err);
    size = manifest.size;
    image.layers[1].plain = true;
    check_ok(dr_schema1_manifest(&image, &image.digest, 5, &manifest, &err), &err);
    assert_int_equal(manifest.size, size);
    check_ok(dr_image_manifest_parse(manifest.data, manifest.size, &read, &err), &err);
    assert_string_equal(read.media_type, DR_MEDIA_DOCKER_MANIFEST);
    assert_string_equal(read.layers[0].media_type,
                        "application/vnd.docker.image.rootfs.diff.tar.gzip");
    assert_string_equal(read.layers[1].media_type, "application/vnd.docker.image.rootfs.diff.tar");
    assert_int_equal(read.layers[1].size, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_config_that_docker_makes),
        cmocka_unit_test(finds_the_digest_of_what_was_signed),
        cmocka_unit_test(refuses_signatures_that_do_not_fit),
        cmocka_unit_test(reads_only_what_was_signed),
        cmocka_unit_test(checks_the_chain_of_ids),
        cmocka_unit_test(refuses_what_docker_cannot_read),
        cmocka_unit_test(bounds_nesting),
        cmocka_unit_test(compares_versions_as_docker_does),
        cmocka_unit_test(makes_a_config_without_layers),
        cmocka_unit_test(the_manifest_has_one_size_whatever_the_layers_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

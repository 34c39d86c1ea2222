/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "manifests/manifest.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define CONFIG(type) "\"config\":{\"mediaType\":\"" type "\",\"digest\":\"" A "\",\"size\":7}"
#define LAYER(type, digest, size)                                                                  \
    "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size "}"
#define LAYERS "\"layers\":[" LAYER(GZIP, B, "5") "," LAYER(GZIP, B, "5") "]"
#define DOCKER                                                                                     \
    "{\"schemaVersion\":2,\"mediaType\":\"" DR_MEDIA_DOCKER_MANIFEST                               \
    "\"," CONFIG(DR_MEDIA_DOCKER_CONFIG) "," LAYERS "}"
#define OCI "{\"schemaVersion\":2," CONFIG(DR_MEDIA_OCI_CONFIG) "," LAYERS "}"
#define ENTRY(os, architecture, digest)                                                            \
    "{\"mediaType\":\"" DR_MEDIA_OCI_MANIFEST "\",\"digest\":\"" digest                            \
    "\",\"size\":3,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" architecture "\"}}"
#define INDEX                                                                                      \
    "{\"schemaVersion\":2,\"manifests\":[" ENTRY("linux", "arm64", A) "," ENTRY("linux", "amd64",  \
                                                                                B) "]}"
#define SCHEMA1 "{\"schemaVersion\":1,\"fsLayers\":[],\"history\":[]}"

static int classify(const char *text, const char *content_type, enum dr_manifest_kind *ret_kind,
                    struct dr_err *err)
{
    return dr_manifest_classify(text, strlen(text), content_type, ret_kind, err);
}

static int parse(const char *text, struct dr_image_manifest *ret_image, struct dr_err *err)
{
    return dr_image_manifest_parse(text, strlen(text), ret_image, err);
}

static void tells_the_kinds_apart(void **state)
{
    static const struct {
        const char *text, *content_type;
        enum dr_manifest_kind kind;
    } rows[] = {
        {DOCKER, DR_MEDIA_DOCKER_MANIFEST, DR_MANIFEST_IMAGE},
        {DOCKER, NULL, DR_MANIFEST_IMAGE},
        {DOCKER, "application/json", DR_MANIFEST_IMAGE},
        {OCI, DR_MEDIA_OCI_MANIFEST, DR_MANIFEST_IMAGE},
        {OCI, "text/plain", DR_MANIFEST_IMAGE},
        {INDEX, DR_MEDIA_OCI_INDEX, DR_MANIFEST_INDEX},
        {INDEX, DR_MEDIA_DOCKER_LIST, DR_MANIFEST_INDEX},
        {SCHEMA1, "application/vnd.docker.distribution.manifest.v1+prettyjws", DR_MANIFEST_SCHEMA1},
        {SCHEMA1, NULL, DR_MANIFEST_SCHEMA1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        enum dr_manifest_kind kind;

        assert_int_equal(classify(rows[i].text, rows[i].content_type, &kind, &err), 0);
        assert_int_equal(kind, rows[i].kind);
    }
}

static void refuses_documents_that_are_two_things(void **state)
{
    static const struct {
        const char *text, *content_type;
    } rows[] = {
        {"{\"schemaVersion\":2,\"manifests\":[]," LAYERS "}", NULL},
        {"{\"schemaVersion\":2,\"manifests\":[]," CONFIG(DR_MEDIA_OCI_CONFIG) "}", NULL},
        {"{\"schemaVersion\":1,\"fsLayers\":[],\"layers\":[]}", NULL},
        {"{\"schemaVersion\":1," LAYERS "}", NULL},
        {"{\"schemaVersion\":2}", NULL},
        {"{\"schemaVersion\":3," LAYERS "}", NULL},
        {"[]", NULL},
        {"{", NULL},
        {"", NULL},
        {"{\"schemaVersion\":2,\"mediaType\":\"text/plain\"," LAYERS "}", NULL},
        {DOCKER DOCKER, NULL},
        {DOCKER, DR_MEDIA_OCI_MANIFEST},
        {DOCKER, DR_MEDIA_DOCKER_LIST},
        {INDEX, DR_MEDIA_DOCKER_MANIFEST},
        {DOCKER, "application/vnd.oci.artifact.manifest.v1+json"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        enum dr_manifest_kind kind;

        assert_int_equal(classify(rows[i].text, rows[i].content_type, &kind, &err), -1);
        assert_int_equal(err.code, DR_ERR_FORMAT);
    }
}

static void reads_config_and_layers(void **state)
{
    dr_auto_image_manifest struct dr_image_manifest image = DR_IMAGE_MANIFEST_INIT;
    struct dr_err err = DR_ERR_INIT;
    char text[DR_DIGEST_TEXT];

    (void)state;
    assert_int_equal(parse(DOCKER, &image, &err), 0);
    assert_string_equal(image.media_type, DR_MEDIA_DOCKER_MANIFEST);
    assert_string_equal(dr_digest_text(&image.config.digest, text), A);
    assert_int_equal(image.config.size, 7);
    assert_int_equal(image.layer_count, 2);
    assert_string_equal(image.layers[1].media_type, GZIP);
    assert_string_equal(dr_digest_text(&image.layers[1].digest, text), B);
    /* A second parse into the same struct replaces the first. */
    assert_int_equal(parse(OCI, &image, &err), 0);
    assert_string_equal(image.media_type, DR_MEDIA_OCI_MANIFEST);
}

static void refuses_descriptors_that_are_none(void **state)
{
#define WITH_LAYER(layer)                                                                          \
    "{\"schemaVersion\":2," CONFIG(DR_MEDIA_OCI_CONFIG) ",\"layers\":[" layer "]}"
    static const char *const rows[] = {
        INDEX,
        SCHEMA1,
        "{\"schemaVersion\":2," LAYERS "}",
        "{\"schemaVersion\":2," CONFIG(DR_MEDIA_OCI_CONFIG) "}",
        "{\"schemaVersion\":2,\"config\":1," LAYERS "}",
        WITH_LAYER("1"),
        WITH_LAYER("{}"),
        WITH_LAYER(LAYER(GZIP, B, "-1")),
        WITH_LAYER(LAYER(GZIP, B, "1.5")),
        WITH_LAYER(LAYER(GZIP, B, "1099511627777")),
        WITH_LAYER(LAYER(GZIP, B, "99999999999999999999")),
        WITH_LAYER(LAYER(GZIP, "sha512:00", "1")),
        WITH_LAYER(LAYER(GZIP, "sha256:../../etc/passwd", "1")),
        WITH_LAYER(LAYER("a b", B, "1")),
        WITH_LAYER(LAYER("a\\\"b", B, "1")),
        WITH_LAYER(LAYER("a\\u001b", B, "1")),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_image_manifest struct dr_image_manifest image = DR_IMAGE_MANIFEST_INIT;
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(parse(rows[i], &image, &err), -1);
        assert_int_equal(err.code, DR_ERR_FORMAT);
        assert_null(image.layers);
    }
}

static int choose(const char *index, const char *platform, struct dr_descriptor *ret_child,
                  struct dr_err *err)
{
    struct dr_platform wanted;

    assert_int_equal(dr_platform_parse(platform, &wanted, NULL), 0);
    return dr_index_choose(index, strlen(index), &wanted, ret_child, err);
}

static void chooses_the_child_for_the_platform(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_descriptor child;
    char text[DR_DIGEST_TEXT];

    (void)state;
    assert_int_equal(choose(INDEX, "linux/amd64", &child, &err), 0);
    assert_string_equal(dr_digest_text(&child.digest, text), B);
    assert_int_equal(choose(INDEX, "linux/s390x", &child, &err), -1);
    assert_int_equal(err.code, DR_ERR_ABSENT);
    assert_non_null(strstr(err.text, "linux/s390x, only for: linux/arm64, linux/amd64"));
}

static void tells_the_addresses_of_a_layer(void **state)
{
    static const char text[] =
        "{\"layers\":[{\"digest\":\"" A "\",\"urls\":[\"https://a\"]},{\"digest\":\"" B
        "\",\"urls\":[\"https://b\",7,\"https://c\"]},{\"digest\":\"" B "\",\"urls\":1}]}";
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest digest;
    json_auto_t *urls = NULL;

    (void)state;
    assert_int_equal(dr_digest_parse(B, &digest, NULL), 0);
    urls = dr_image_manifest_urls(text, strlen(text), &digest, &err);
    assert_int_equal(json_array_size(urls), 2);
    assert_string_equal(json_string_value(json_array_get(urls, 1)), "https://c");
    assert_null(dr_image_manifest_urls("{", 1, &digest, &err));
    assert_true(dr_layer_is_foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
    assert_true(
        dr_layer_is_foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"));
    assert_false(dr_layer_is_foreign(GZIP));
}

static void warns_of_what_later_readers_trip_over(void **state)
{
    static const char old[] =
        "{\"schemaVersion\":2," CONFIG("application/octet-stream") "," LAYERS "}";
    static const char zstd[] =
        "{\"schemaVersion\":2," CONFIG(DR_MEDIA_OCI_CONFIG) ",\"layers\":[" LAYER(
            "application/vnd.oci.image.layer.v1.tar+zstd", B, "5") "]}";
    const char *warnings[DR_WARNINGS_MAX];
    dr_auto_image_manifest struct dr_image_manifest image = DR_IMAGE_MANIFEST_INIT;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(parse(DOCKER, &image, &err), 0);
    assert_int_equal(dr_image_manifest_warnings(&image, warnings), 0);
    assert_int_equal(parse(old, &image, &err), 0);
    assert_int_equal(dr_image_manifest_warnings(&image, warnings), 1);
    assert_non_null(strstr(warnings[0], "config"));
    assert_int_equal(parse(zstd, &image, &err), 0);
    assert_int_equal(dr_image_manifest_warnings(&image, warnings), 1);
    assert_non_null(strstr(warnings[0], "zstd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_kinds_apart),
        cmocka_unit_test(refuses_documents_that_are_two_things),
        cmocka_unit_test(reads_config_and_layers),
        cmocka_unit_test(refuses_descriptors_that_are_none),
        cmocka_unit_test(chooses_the_child_for_the_platform),
        cmocka_unit_test(tells_the_addresses_of_a_layer),
        cmocka_unit_test(warns_of_what_later_readers_trip_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
/* Deltas: what one says of itself, and every way in which its parts can disagree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bundle/file/delta.h"
#include "lib/json.h"
#include "tests/unit/bundle_kit.h"
#include "tests/unit/check.h"
#include "tests/unit/stream_kit.h"

/* Behind the blobs, of which two layers are left out. */
enum {
    WHOLE_SUMS = FIRST_LAYER + 2,
    WHOLE_SIGNATURE,
    WHOLE_DOCUMENT,
    DELTA_END,
};

#define BASE                                                                                       \
    "{\"created\": \"2016-04-14T00:00:00Z\", \"channel\": \"default\", \"serial\": 5, \"id\": "    \
    "\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"
#define KNOWN "[{\"base\": 0, \"image\": \"docker.io/rancher/server:v1.0.1\"}]"

static json_t *parse(const char *text)
{
    struct dr_err err = DR_ERR_INIT;
    json_t *value = dr_json_parse(text, strlen(text), "test", &err);

    assert_non_null(value);
    return value;
}

/* Leaves out "base layer" and "empty". */
static struct dr_delta *make_delta(void)
{
    static const char *const texts[] = {"base layer", "empty"};
    struct dr_descriptor layers[2];
    json_t *bases = parse("[" BASE "]");
    json_t *required = json_array();
    struct dr_err err = DR_ERR_INIT;
    struct dr_delta *delta;
    size_t first;

    for (size_t i = 0; i < 2; i++)
        kit_digest(texts[i], &layers[i]);
    first = dr_digest_compare(&layers[0].digest, &layers[1].digest) < 0 ? 0 : 1;
    for (size_t i = 0; i < 2; i++) {
        const struct dr_descriptor *layer = &layers[i ? 1 - first : first];
        char digest[DR_DIGEST_TEXT];

        json_array_append_new(required, json_pack("{s:s, s:I, s:o}", "digest",
                                                  dr_digest_text(&layer->digest, digest), "size",
                                                  (json_int_t)layer->size, "known", parse(KNOWN)));
    }
    delta = dr_delta_new(bases, required, &err);
    assert_non_null(delta);
    json_decref(bases);
    json_decref(required);
    return delta;
}

static int setup(void **state)
{
    dr_auto_delta struct dr_delta *delta = make_delta();
    struct kit *kit;

    if (kit_setup(state) < 0)
        return -1;
    kit = *state;
    kit_write(kit, kit->path, delta);
    kit_unpack(kit);
    return 0;
}

static void a_delta_says_what_it_leaves_out(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, &err);
    const struct dr_bundle_about *about;
    struct dr_descriptor layer;
    struct dr_digest whole;
    size_t count;

    assert_non_null(bundle);
    about = dr_bundle_about(bundle);
    assert_non_null(about->delta);
    assert_int_equal(about->delta->count, 2);
    assert_int_equal(about->delta->bytes, strlen("base layer") + strlen("empty"));
    dr_bundle_blobs(bundle, &count);
    assert_int_equal(count, 4 + 2);
    kit_digest("base layer", &layer);
    assert_null(dr_bundle_find_blob(bundle, &layer.digest));
    assert_non_null(dr_delta_find(about->delta, &layer.digest));
    kit_digest("agent layer", &layer);
    assert_non_null(dr_bundle_find_blob(bundle, &layer.digest));
    assert_null(dr_delta_find(about->delta, &layer.digest));
    dr_digest_of(kit->members[WHOLE_SUMS].data, kit->members[WHOLE_SUMS].size, &whole);
    assert_true(dr_digest_equal(&about->whole, &whole));
    assert_false(dr_digest_equal(&about->sums, &whole));
    assert_int_equal(dr_bundle_hash_layers(bundle, NULL, &err), 0);
    assert_int_equal(dr_bundle_refuse_delta(bundle, "load it", &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
}

static void put_together_again_it_is_good(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    assert_int_equal(kit->count, DELTA_END);
    kit_pack(kit, NULL);
    check_ok(kit_verify(kit, &err), &err);
}

static void as_a_stream_it_is_the_same(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    stream_check_cuts(kit);
    for (size_t at = WHOLE_SUMS; at < DELTA_END; at++) {
        kit->members[at].data[3] ^= 1;
        kit_pack(kit, NULL);
        stream_load(kit, &bytes);
        assert_int_equal(stream_check(kit, &bytes, &err), at == WHOLE_SIGNATURE ? 0 : -1);
        kit->members[at].data[3] ^= 1;
    }
}

/* Changed, with a good signature over it, and put back. */
static void check_edit(struct kit *kit, size_t at, const char *old, const char *new,
                       const char *text)
{
    struct dr_err err = DR_ERR_INIT;

    kit_edit(kit, at, old, new);
    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, text);
    kit_edit(kit, at, new, old);
}

static void the_whole_must_be_of_this_delta(void **state)
{
    struct kit *kit = *state;

    check_edit(kit, WHOLE_DOCUMENT, "\"serial\": 1464286418", "\"serial\": 1464286419",
               "'whole/bundle.json' is not of the bundle");
    check_edit(kit, WHOLE_DOCUMENT, "\"requires\": []", "\"requires\": [1]",
               "'whole/bundle.json' is not of the bundle");
    check_edit(kit, WHOLE_DOCUMENT, "v1.0.2", "v1.0.3", "'whole/bundle.json' is not of the bundle");
    check_edit(kit, WHOLE_DOCUMENT, "}", "} ", "'whole/SHA256SUMS' is not of the bundle");
    check_edit(kit, WHOLE_SUMS, "oci-layout", "oci-layouT",
               "'whole/SHA256SUMS' is not of the bundle");
    check_edit(kit, WHOLE_DOCUMENT, "{", "[", "whole/bundle.json is not the JSON");
    check_edit(kit, DOCUMENT, "drover test", "drover toast",
               "'whole/bundle.json' is not of the bundle");
}

static void its_parts_must_be_there(void **state)
{
    struct kit *kit = *state;
    struct kit_member signature = kit->members[WHOLE_SIGNATURE];
    struct dr_err err = DR_ERR_INIT;

    kit->members[WHOLE_SIGNATURE].size = 0;
    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "'whole/SHA256SUMS.sig' is empty");
    kit->members[WHOLE_SIGNATURE] = signature;
    for (size_t at = WHOLE_SUMS; at < DELTA_END; at++) {
        struct kit_member kept = kit->members[at];

        kept.data = malloc(kept.size + 1);
        memcpy(kept.data, kit->members[at].data, kept.size + 1);
        kit_remove(kit, at);
        kit_pack(kit, NULL);
        check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "whole/");
        kit_insert(kit, at, kept.name, kept.data, kept.size);
        free(kept.data);
    }
    kit_swap(kit, WHOLE_SUMS, WHOLE_DOCUMENT);
    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "which has no place there");
}

static void a_bundle_that_is_no_delta_has_no_such_parts(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    kit_insert(kit, END, DR_NAME_WHOLE_SUMS, "x", 1);
    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "it is no delta");
}

static void what_is_left_out_must_be_layers_of_its_images(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    check_edit(kit, DOCUMENT, "\"size\": 10,", "\"size\": 11,", "no layer of that size");
    check_edit(kit, DOCUMENT, "\"base\": 0", "\"base\": 1", "there is no base 1");
    check_edit(kit, DOCUMENT, "docker.io/rancher/server:v1.0.1", "rancher/server:v1.0.1",
               "is not a whole reference");
    check_edit(kit, DOCUMENT, "\"channel\": \"default\",\n      \"serial\": 5",
               "\"channel\": \"def\\u001bault\",\n      \"serial\": 5", "is not plain text");
    kit_add_blob(kit, FIRST_LAYER, "base layer");
    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "it holds 7 blobs");
}

static void a_layer_that_is_neither_there_nor_named_is_missed(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    kit_remove(kit, FIRST_LAYER);
    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, "it holds 5 blobs");
}

static void a_delta_needs_a_reader_that_knows_of_it(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    assert_non_null(strstr(kit->members[DOCUMENT].data, "\"min_reader\": 2"));
    assert_non_null(strstr(kit->members[WHOLE_DOCUMENT].data, "\"min_reader\": 1"));
    check_edit(kit, DOCUMENT, "\"min_reader\": 2", "\"min_reader\": 1", "know of no deltas");
    check_edit(kit, WHOLE_DOCUMENT, "\"min_reader\": 1", "\"min_reader\": 2",
               "'whole/bundle.json' is not of the bundle");
    kit_edit(kit, DOCUMENT, "\"min_reader\": 2", "\"min_reader\": 99");
    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_REFUSED, "a newer one is needed");
}

static void other_tools_get_words_instead_of_images(void **state)
{
    struct kit *kit = *state;

    assert_string_equal(kit->members[OCI_LAYOUT].data, DR_DELTA_OCI_LAYOUT);
    assert_string_equal(kit->members[INDEX].data, DR_DELTA_INDEX);
    assert_string_equal(kit->members[DOCKER].data, DR_DELTA_DOCKER);
    check_edit(kit, DOCKER, "this-is-a", "this-is-no", "is not what the images make it");
}

static void check_new(const char *bases, const char *required, const char *text)
{
    json_t *one = parse(bases);
    json_t *other = parse(required);
    struct dr_err err = DR_ERR_INIT;
    dr_auto_delta struct dr_delta *delta = dr_delta_new(one, other, &err);

    assert_null(delta);
    assert_non_null(strstr(err.text, text));
    json_decref(one);
    json_decref(other);
}

#define BLOB(hex) "{\"digest\": \"sha256:" hex "\", \"size\": 3, \"known\": " KNOWN "}"
#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"

static void malformed_lists_are_refused(void **state)
{
    (void)state;
    check_new("[]", "[]", "0 bases");
    check_new("[{}]", "[]", "base 0");
    check_new("[" BASE "]", "[1]", "required blob 0");
    check_new("[" BASE "]", "[" BLOB("zz") "]", "required blob 0");
    check_new("[" BASE "]", "[" BLOB(ZEROS "01") ", " BLOB(ZEROS "00") "]", "not in order");
    check_new("[" BASE "]", "[" BLOB(ZEROS "01") ", " BLOB(ZEROS "01") "]", "not in order");
    check_new("[" BASE "]", "[{\"digest\": \"sha256:" ZEROS "00\", \"size\": 3, \"known\": []}]",
              "no base has");
    check_new("[" BASE "]",
              "[{\"digest\": \"sha256:" ZEROS
              "00\", \"size\": 9223372036854775807, \"known\": " KNOWN
              "}, {\"digest\": \"sha256:" ZEROS
              "01\", \"size\": 9223372036854775807, \"known\": " KNOWN "}]",
              "too large");
}

static void whole_setup_is_no_delta(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, &err);

    assert_non_null(bundle);
    assert_null(dr_bundle_about(bundle)->delta);
    assert_true(dr_digest_equal(&dr_bundle_about(bundle)->whole, &dr_bundle_about(bundle)->sums));
    assert_int_equal(dr_bundle_refuse_delta(bundle, "load it", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delta_says_what_it_leaves_out, setup, kit_teardown),
        cmocka_unit_test_setup_teardown(put_together_again_it_is_good, setup, kit_teardown),
        cmocka_unit_test_setup_teardown(as_a_stream_it_is_the_same, setup, kit_teardown),
        cmocka_unit_test_setup_teardown(the_whole_must_be_of_this_delta, setup, kit_teardown),
        cmocka_unit_test_setup_teardown(its_parts_must_be_there, setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_bundle_that_is_no_delta_has_no_such_parts, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(what_is_left_out_must_be_layers_of_its_images, setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(a_layer_that_is_neither_there_nor_named_is_missed, setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(a_delta_needs_a_reader_that_knows_of_it, setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(other_tools_get_words_instead_of_images, setup,
                                        kit_teardown),
        cmocka_unit_test(malformed_lists_are_refused),
        cmocka_unit_test_setup_teardown(whole_setup_is_no_delta, kit_setup, kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

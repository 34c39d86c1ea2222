/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bundle_kit.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What a signer could do wrong, or a thief of his key do on purpose. */
static void refuse_signed(struct kit *kit, const char *expected)
{
    struct dr_err err = DR_ERR_INIT;

    kit_pack(kit, NULL);
    assert_int_equal(kit_verify(kit, &err), -1);
    if (!strstr(err.text, expected))
        fail_msg("expected '%s', not: %s", expected, err.text);
    assert_true(err.code == DR_ERR_VERIFY || err.code == DR_ERR_REFUSED);
    kit_write_good(kit, kit->path);
    kit_unpack(kit);
}

static void put_together_again_it_is_good(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    kit_pack(kit, NULL);
    assert_int_equal(kit_verify(kit, &err), 0);
}

static void blobs_must_be_those_of_the_images(void **state)
{
    struct kit *kit = *state;

    kit_add_blob(kit, FIRST_LAYER, "stranger");
    refuse_signed(kit, "9 blobs where its images have 8");
    kit_add_blob(kit, END, "stranger");
    refuse_signed(kit, "9 blobs where its images have 8");
    kit_remove(kit, END - 1);
    refuse_signed(kit, "7 blobs where its images have 8");
    kit_remove(kit, FIRST_LAYER);
    kit_add_blob(kit, FIRST_LAYER, "stranger");
    refuse_signed(kit, "not the blob that belongs there");
    kit_swap(kit, FIRST_LAYER, FIRST_LAYER + 1);
    refuse_signed(kit, "not the blob that belongs there");
    kit_swap(kit, FIRST_SMALL, FIRST_SMALL + 1);
    refuse_signed(kit, "not the blob that belongs there");
    kit_insert(kit, END, kit->members[END - 1].name, kit->members[END - 1].data,
               kit->members[END - 1].size);
    refuse_signed(kit, "listed twice");
}

static void other_tools_must_be_told_the_same(void **state)
{
    struct kit *kit = *state;

    kit_edit(kit, INDEX, "v1.0.1", "v1.0.9");
    refuse_signed(kit, "'index.json' is not what the images make it");
    kit_edit(kit, INDEX, "{", " {");
    refuse_signed(kit, "'index.json' is not what the images make it");
    kit_edit(kit, DOCKER, "v1.0.1", "v1.0.9");
    refuse_signed(kit, "'manifest.json' is not what the images make it");
    kit_edit(kit, OCI_LAYOUT, "1.0.0", "1.0.1");
    refuse_signed(kit, "'oci-layout' is not what the images make it");
}

static void the_document_must_be_one(void **state)
{
    static const struct {
        const char *old, *new, *expected;
    } rows[] = {
        {"drover-bundle/1", "drover-bundle/2", "a newer one is needed"},
        {"\"min_reader\": 1", "\"min_reader\": 4", "a newer one is needed"},
        {"\"requires\": []", "\"requires\": [1]", "'bases' and 'requires' do not fit"},
        {"\"requires\": []", "\"bases\": [], \"requires\": []", "do not fit each other"},
        {"\"channel\"", "\"extra\": 1, \"channel\"", "'extra' is no key of it"},
        {"\"channel\"", "\"serial\": 1, \"channel\"", "duplicate"},
        {"\"serial\": ", "\"serial\": -", "serial"},
        {"\"serial\": ", "\"serial\": 0.", "serial"},
        {"\"release\": \"v1", "\"release\": \"\\u001b[2Jv1", "'release' is not plain text"},
        {"2016-05-26T18:13:38Z", "2016-05-26 18:13:38", "'created' is no time"},
        {"2016-06-26T18:13:38Z", "2016-02-31T18:13:38Z", "'expires' is no time"},
        {"docker.io/rancher/server:v1.0.2", "rancher/server:v1.0.2", "whole reference"},
        {"docker.io/rancher/server:v1.0.2", "docker.io/../server:v1.0.2", "not an image reference"},
        {"docker.io/rancher/server:v1.0.2", "docker.io/rancher/server:v1.0.3", "'id' does not fit"},
        {"docker.io/rancher/agent:v1.0.1", "docker.io/rancher/server:v1.0.2", "two images go by"},
        {"docker.io/rancher/agent:v1.0.1", "docker.io/rancher/server:v1.0.2@sha256:" HEX,
         "two images go by the name"},
        {"vnd.docker.distribution.manifest.v2", "vnd.oci.image.manifest.v1", "says"},
        {"distribution.manifest.v2+json", "distribution.manifest.v3+json", "no type of image"},
        {"distribution.manifest.v2+json", "distribution.manifest.list.v2+json",
         "'chosen' is missing"},
        {"\"platform\": [", "\"platform\": [], \"x\": [", "'platform'"},
        {"\"warnings\": []", "\"warnings\": [1]", "no text"},
        {"\"images\": [", "\"images\": [], \"x-images\": [", "names 0 images"},
        {"{", "[{", "JSON"},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit_edit(kit, DOCUMENT, rows[i].old, rows[i].new);
        refuse_signed(kit, rows[i].expected);
    }
}

static void keys_that_begin_with_x_are_for_later(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    kit_edit(kit, DOCUMENT, "\"channel\"", "\"x-more\": {\"a\": 1}, \"channel\"");
    kit_pack(kit, NULL);
    assert_int_equal(kit_verify(kit, &err), 0);
}

static void a_readme_and_programs_may_travel_along(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;
    struct stat info;

    kit_insert(kit, END, "READ-ME-FIRST.txt", "read me", 7);
    kit_insert(kit, END + 1, "drover-aarch64", "an elf", 6);
    kit_insert(kit, END + 2, "drover-x86_64", "another", 7);
    kit_pack(kit, NULL);
    assert_int_equal(kit_verify(kit, &err), 0);
    /* The program is hashed with the layers. */
    assert_int_equal(stat(kit->path, &info), 0);
    {
        int fd = open(kit->path, O_RDWR | O_CLOEXEC);

        assert_int_equal(pwrite(fd, "A", 1, info.st_size - DR_TRAILER - DR_BLOCK), 1);
        close(fd);
    }
    assert_int_equal(kit_verify(kit, &err), -1);
    assert_non_null(strstr(err.text, "'drover-x86_64'"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(put_together_again_it_is_good),        TEST(blobs_must_be_those_of_the_images),
        TEST(other_tools_must_be_told_the_same),    TEST(the_document_must_be_one),
        TEST(keys_that_begin_with_x_are_for_later), TEST(a_readme_and_programs_may_travel_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#include "tests/unit/check.h"

#include "tests/unit/bundle_kit.h"

/* A bundle with the kit's server image and a list of two images for two platforms. */

static const char *const app_layers[] = {"base layer", "app", NULL};
static const char *const arm_layers[] = {"arm app", NULL};

/* What the shelf of a test has: manifests and configs that are written and loaded by their digests. */
struct shelf {
    char *texts[8];
    size_t count;
    struct dr_buf last;
};

static const struct dr_buf *load(void *context, const struct dr_descriptor *manifest,
                                 struct dr_err *err)
{
    struct shelf *shelf = context;

    for (size_t i = 0; i < shelf->count; i++) {
        struct dr_digest digest;

        dr_digest_of(shelf->texts[i], strlen(shelf->texts[i]), &digest);
        if (!dr_digest_equal(&digest, &manifest->digest))
            continue;
        shelf->last.max = 65536;
        dr_buf_clear(&shelf->last);
        assert_int_equal(dr_buf_add_text(&shelf->last, shelf->texts[i], NULL), 0);
        return &shelf->last;
    }
    dr_fail(err, DR_ERR_ABSENT, "not there");
    return NULL;
}

/* The list of these two images. */
static char *make_list(const struct dr_bundle_image *amd64, const struct dr_bundle_image *arm64)
{
    const struct dr_bundle_image *const images[] = {arm64, amd64};
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);

    dr_buf_add_text(
        &text, "{\"schemaVersion\":2,\"mediaType\":\"" DR_MEDIA_DOCKER_LIST "\",\"manifests\":[",
        NULL);
    for (size_t i = 0; i < 2; i++) {
        char digest[DR_DIGEST_TEXT];

        dr_buf_printf(&text, NULL,
                      "%s{\"mediaType\":\"" DR_MEDIA_DOCKER_MANIFEST
                      "\",\"digest\":\"%s\",\"size\":%llu,\"platform\":{\"os\":\"linux\","
                      "\"architecture\":\"%s\"}}",
                      i ? "," : "", dr_digest_text(&images[i]->manifest.digest, digest),
                      (unsigned long long)images[i]->manifest.size, i ? "amd64" : "arm64");
    }
    dr_buf_add_text(&text, "]}", NULL);
    return dr_buf_steal(&text, NULL);
}

/* The whole as one image; `images` are its two. */
static void make_image(struct dr_bundle_image *whole, struct dr_bundle_image images[2],
                       struct shelf *shelf)
{
    static const char *const platforms[] = {"linux/amd64", "linux/arm64", NULL};
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    struct dr_err err = DR_ERR_INIT;
    const char *list;

    kit_image(&images[0], "x", DR_ROLE_EXTRA, "{\"os\":\"linux\",\"n\":2}", app_layers,
              &shelf->texts[0]);
    kit_image(&images[1], "x", DR_ROLE_EXTRA, "{\"os\":\"linux\",\"n\":3}", arm_layers,
              &shelf->texts[1]);
    list = shelf->texts[2] = make_list(&images[0], &images[1]);
    shelf->count = 3;
    memset(whole, 0, sizeof *whole);
    assert_int_equal(dr_reference_parse("a/app:1", &whole->reference, NULL), 0);
    whole->role = DR_ROLE_EXTRA;
    whole->platform = platforms[0];
    whole->platforms = platforms;
    kit_digest(list, &whole->manifest);
    snprintf(whole->manifest.media_type, DR_MEDIA_TYPE_MAX, "%s", DR_MEDIA_DOCKER_LIST);
    whole->chosen = images[0].manifest.digest;
    check_ok(dr_family_read(list, strlen(list), load, shelf, &family, &err), &err);
    check_ok(dr_bundle_image_adopt(whole, &family, &err), &err);
}

static void write_bundle(struct kit *kit)
{
    dr_auto_writer struct dr_writer writer = DR_WRITER_INIT;
    const struct dr_bundle_about about = {.builder = "b",
                                          .created = "2016-05-26T18:13:38Z",
                                          .channel = "default",
                                          .serial = KIT_TIME};
    struct shelf shelf = {.count = 0};
    struct dr_bundle_image images[2];
    struct dr_bundle_image whole;
    struct dr_err err = DR_ERR_INIT;
    int fd = open(kit->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    make_image(&whole, images, &shelf);
    check_ok(dr_writer_plan(&writer, &about, &whole, 1, &err), &err);
    assert_int_equal(ftruncate(fd, (off_t)dr_layout_total(&writer.layout)), 0);
    check_ok(dr_writer_frame(&writer, fd, &err), &err);
    for (size_t i = 0; i < shelf.count; i++)
        kit_put(fd, &writer, shelf.texts[i]);
    kit_put(fd, &writer, "{\"os\":\"linux\",\"n\":2}");
    kit_put(fd, &writer, "{\"os\":\"linux\",\"n\":3}");
    for (size_t i = 0; i < 2; i++)
        kit_put(fd, &writer, app_layers[i]);
    kit_put(fd, &writer, arm_layers[0]);
    check_ok(dr_writer_sign(&writer, fd, kit->key, &err), &err);
    close(fd);
    dr_bundle_image_release(&whole);
    for (size_t i = 0; i < 2; i++)
        dr_bundle_image_release(&images[i]);
    for (size_t i = 0; i < shelf.count; i++)
        free(shelf.texts[i]);
    dr_buf_release(&shelf.last);
}

static int begin(void **state)
{
    if (kit_setup(state) < 0)
        return -1;
    write_bundle(*state);
    kit_unpack(*state);
    return 0;
}

static struct dr_bundle *open_bundle(const struct kit *kit, struct dr_err *err)
{
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};

    return dr_bundle_open(kit->path, &trust, err);
}

static void a_list_comes_with_all_of_its_images(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = open_bundle(kit, &err);
    const struct dr_bundle_image *image;
    size_t count;

    assert_string_equal(err.text, "");
    image = dr_bundle_images(bundle, &count);
    assert_int_equal(count, 1);
    assert_true(dr_bundle_image_is_list(image));
    assert_int_equal(dr_bundle_image_platform_count(image), 2);
    assert_string_equal(image->platforms[1], "linux/arm64");
    assert_int_equal(image->family.count, 2);
    assert_int_equal(image->content.layer_count, 2); /* of linux/amd64, which is not the first */
    assert_int_equal(dr_bundle_image_content(image, 0)->layer_count, 1);
    assert_int_equal(dr_bundle_image_content(image, 1)->layer_count, 2);
    assert_null(dr_bundle_image_content(image, 2));
    dr_bundle_blobs(bundle, &count);
    assert_int_equal(count, 3 + 2 + 3);
    check_ok(dr_bundle_hash_layers(bundle, NULL, &err), &err);
}

/* Repairs what a test has done to the kit. */
static void refuse(struct kit *kit, const char *expected)
{
    struct dr_err err = DR_ERR_INIT;

    kit_pack(kit, NULL);
    check_fails(kit_verify(kit, &err), &err, DR_ERR_VERIFY, expected);
    write_bundle(kit);
    kit_unpack(kit);
}

static void the_document_tells_which_image_docker_gets(void **state)
{
    struct kit *kit = *state;
    char chosen[128];
    char *place = strstr(kit->members[DOCUMENT].data, "\"chosen\"");

    assert_non_null(place);
    snprintf(chosen, sizeof chosen, "%.*s", (int)strcspn(place, "\n"), place);
    kit_edit(kit, DOCUMENT, chosen, "\"chosen\": \"sha256:00\",");
    refuse(kit, "bundle.json is not");
    kit_edit(kit, DOCUMENT, chosen, "");
    refuse(kit, "'chosen' is missing");
    kit_edit(kit, DOCUMENT, chosen,
             "\"chosen\": "
             "\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",");
    refuse(kit, "none of its list");
    kit_edit(kit, DOCUMENT, "manifest.list.v2", "manifest.v2");
    refuse(kit, "'chosen' has no list");
    kit_edit(kit, DOCUMENT, "\"linux/amd64\",", "7,");
    refuse(kit, "no text");
    kit_edit(kit, DOCKER, "Layers\":[", "Layers\":[\"blobs/x\",");
    refuse(kit, "'manifest.json' is not what the images make it");
}

static void an_older_reader_is_told_that_it_is_one(void **state)
{
    struct kit *kit = *state;

    assert_non_null(strstr(kit->members[DOCUMENT].data, "\"min_reader\": 3"));
}

static void nothing_below_a_list_may_be_missing(void **state)
{
    struct kit *kit = *state;
    struct dr_digest digest;
    char name[DR_MEMBER_NAME];

    for (size_t i = FIRST_SMALL; i < kit->count; i++) {
        dr_digest_of(kit->members[i].data, kit->members[i].size, &digest);
        assert_string_equal(dr_sums_blob_name(&digest, name), kit->members[i].name);
        kit_remove(kit, i);
        refuse(kit, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_comes_with_all_of_its_images, begin, kit_teardown),
        cmocka_unit_test_setup_teardown(the_document_tells_which_image_docker_gets, begin,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(an_older_reader_is_told_that_it_is_one, begin,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(nothing_below_a_list_may_be_missing, begin, kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

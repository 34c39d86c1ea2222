/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "manifests/family.h"

#define SHELF_MAX 300
#define TEXT_MAX 8192
#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LINUX ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}"

/* Manifests that can be asked for, and how often that was done. */
struct shelf {
    struct dr_buf texts[SHELF_MAX];
    size_t count;
    unsigned asked;
};

static const struct dr_buf *load(void *context, const struct dr_descriptor *manifest,
                                 struct dr_err *err)
{
    struct shelf *shelf = context;

    shelf->asked++;
    for (size_t i = 0; i < shelf->count; i++) {
        struct dr_digest digest;

        dr_digest_of(shelf->texts[i].data, shelf->texts[i].size, &digest);
        if (dr_digest_equal(&digest, &manifest->digest))
            return &shelf->texts[i];
    }
    dr_fail(err, DR_ERR_ABSENT, "it is not there");
    return NULL;
}

/* Puts a text on the shelf; `ret` gets a descriptor of it, as lists have them, with `more` at its end. */
static void put(struct shelf *shelf, const char *type, const char *text, const char *more,
                char ret[TEXT_MAX])
{
    struct dr_buf *place = &shelf->texts[shelf->count++];
    struct dr_digest digest;
    char hex[DR_DIGEST_TEXT];

    place->max = 1u << 20;
    assert_int_equal(dr_buf_add_text(place, text, NULL), 0);
    dr_digest_of(text, strlen(text), &digest);
    snprintf(ret, TEXT_MAX, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu%s}", type,
             dr_digest_text(&digest, hex), strlen(text), more);
}

static void put_image(struct shelf *shelf, unsigned number, const char *more, char ret[TEXT_MAX])
{
    char text[512];

    snprintf(text, sizeof text,
             "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" DR_MEDIA_OCI_CONFIG
             "\",\"digest\":\"sha256:" HEX "\",\"size\":%u},\"layers\":[]}",
             number);
    put(shelf, DR_MEDIA_OCI_MANIFEST, text, more, ret);
}

static void list_of(const char *entries, char ret[TEXT_MAX])
{
    snprintf(ret, TEXT_MAX, "{\"schemaVersion\":2,\"manifests\":[%.*s]}", TEXT_MAX - 64, entries);
}

static int read_family(struct shelf *shelf, const char *entries, struct dr_family *ret_family,
                       struct dr_err *err)
{
    char list[TEXT_MAX];

    list_of(entries, list);
    return dr_family_read(list, strlen(list), load, shelf, ret_family, err);
}

static int begin(void **state)
{
    *state = calloc(1, sizeof(struct shelf));
    return *state ? 0 : -1;
}

static int end(void **state)
{
    struct shelf *shelf = *state;

    for (size_t i = 0; i < shelf->count; i++)
        dr_buf_release(&shelf->texts[i]);
    free(shelf);
    return 0;
}

static void lists_come_after_what_they_name(void **state)
{
    struct shelf *shelf = *state;
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    struct dr_err err = DR_ERR_INIT;
    char a[TEXT_MAX], b[TEXT_MAX], inner[TEXT_MAX], outer[TEXT_MAX], text[TEXT_MAX];
    char entries[4 * TEXT_MAX];

    put_image(shelf, 1, LINUX, a);
    put_image(shelf, 2, "", b);
    list_of(a, text);
    put(shelf, DR_MEDIA_OCI_INDEX, text, "", inner);
    snprintf(entries, sizeof entries, "%s,%s", inner, b);
    list_of(entries, text);
    put(shelf, DR_MEDIA_OCI_INDEX, text, "", outer);
    snprintf(entries, sizeof entries, "%s,%s,%s", outer, a, inner);
    check_ok(read_family(shelf, entries, &family, &err), &err);
    assert_int_equal(family.count, 4);
    assert_int_equal(family.image_count, 2);
    assert_int_equal(shelf->asked, 4); /* each once, however often it is named */
    assert_int_equal(family.members[0].content.config.size, 1);
    assert_int_equal(family.members[1].content.config.size, 2);
    assert_string_equal(family.members[0].platform.os, "linux");
    assert_string_equal(family.members[3].manifest.media_type, DR_MEDIA_OCI_INDEX);
    assert_true(family.members[2].manifest.size < family.members[3].manifest.size);
}

static void chooses_by_platform_or_the_next_best(void **state)
{
    struct shelf *shelf = *state;
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    struct dr_platform amd64;
    struct dr_platform arm64;
    struct dr_err err = DR_ERR_INIT;
    char a[TEXT_MAX], b[TEXT_MAX], c[TEXT_MAX];
    char entries[4 * TEXT_MAX];
    bool fits;

    dr_platform_parse("linux/amd64", &amd64, NULL);
    dr_platform_parse("linux/arm64", &arm64, NULL);
    put_image(shelf, 1, "", a);
    put_image(shelf, 2, ",\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}", b);
    put_image(shelf, 3, LINUX, c);
    snprintf(entries, sizeof entries, "%s,%s,%s", a, b, c);
    check_ok(read_family(shelf, entries, &family, &err), &err);
    assert_ptr_equal(dr_family_choose(&family, &amd64, &fits), &family.members[2]);
    assert_true(fits);
    assert_ptr_equal(dr_family_choose(&family, &arm64, &fits), &family.members[1]);
    assert_false(fits);
    check_ok(read_family(shelf, a, &family, &err), &err);
    assert_ptr_equal(dr_family_choose(&family, &arm64, &fits), &family.members[0]);
    assert_false(fits);
    check_ok(read_family(shelf, "", &family, &err), &err);
    assert_null(dr_family_choose(&family, &arm64, &fits));
}

static void an_entry_must_be_what_the_list_says(void **state)
{
    struct shelf *shelf = *state;
    static const char schema1[] = "{\"schemaVersion\":1,\"fsLayers\":[],\"history\":[]}";
    static const char list[] = "{\"schemaVersion\":2,\"manifests\":[]}";
    static const char both[] = "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}";
    char good[TEXT_MAX], entry[TEXT_MAX], more[2 * TEXT_MAX];
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    struct dr_err err = DR_ERR_INIT;
    static const struct {
        const char *type, *text, *expected;
    } rows[] = {
        {"application/vnd.docker.distribution.manifest.v1+prettyjws", schema1, "carries lists of"},
        {"application/vnd.example+json", list, "carries lists of"},
        {"", list, "carries lists of"},
        {DR_MEDIA_OCI_MANIFEST, list, "is typed"},
        {DR_MEDIA_OCI_MANIFEST, schema1, "is typed"},
        {DR_MEDIA_OCI_INDEX, both, "two kinds at once"},
        {DR_MEDIA_OCI_MANIFEST, "{}", "neither image nor list"},
        {DR_MEDIA_OCI_MANIFEST, "", "JSON"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(shelf, rows[i].type, rows[i].text, "", entry);
        check_fails(read_family(shelf, entry, &family, &err), &err, DR_ERR_FORMAT,
                    rows[i].expected);
    }
    put_image(shelf, 1, "", good);
    memcpy(entry, good, sizeof entry);
    strcpy(strstr(entry, "}"), "1}"); /* ten times as large, and more */
    check_fails(read_family(shelf, entry, &family, &err), &err, DR_ERR_FORMAT, "the list says");
    snprintf(more, sizeof more, "%s,%s", good, entry);
    check_fails(read_family(shelf, more, &family, &err), &err, DR_ERR_FORMAT, "in two ways");
    check_fails(read_family(shelf,
                            "{\"mediaType\":\"" DR_MEDIA_OCI_MANIFEST "\",\"digest\":\"sha256:" HEX
                            "\",\"size\":1}",
                            &family, &err),
                &err, DR_ERR_ABSENT, HEX " in the list: it is not there");
    assert_int_equal(family.count, 0);
}

static void depth_number_and_bytes_have_limits(void **state)
{
    struct shelf *shelf = *state;
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    dr_auto_buf struct dr_buf many = DR_BUF_INIT(1u << 20);
    struct dr_err err = DR_ERR_INIT;
    char entry[TEXT_MAX], list[TEXT_MAX];

    put_image(shelf, 0, "", entry);
    for (int depth = 1; depth < DR_FAMILY_DEPTH; depth++) {
        list_of(entry, list);
        put(shelf, DR_MEDIA_OCI_INDEX, list, "", entry);
    }
    check_ok(read_family(shelf, entry, &family, &err), &err);
    list_of(entry, list);
    put(shelf, DR_MEDIA_OCI_INDEX, list, "", entry);
    check_fails(read_family(shelf, entry, &family, &err), &err, DR_ERR_FORMAT, "in each other");
    dr_buf_add_text(&many, "{\"schemaVersion\":2,\"manifests\":[", NULL);
    for (unsigned i = 0; i <= DR_FAMILY_MAX; i++) {
        put_image(shelf, i + 100, "", entry);
        dr_buf_printf(&many, NULL, "%s%s", i ? "," : "", entry);
    }
    dr_buf_add_text(&many, "]}", NULL);
    check_fails(dr_family_read(many.data, many.size, load, shelf, &family, &err), &err,
                DR_ERR_FORMAT, "more than 256 manifests");
    check_fails(read_family(shelf,
                            "{\"mediaType\":\"" DR_MEDIA_OCI_MANIFEST "\",\"digest\":\"sha256:" HEX
                            "\",\"size\":17000000}",
                            &family, &err),
                &err, DR_ERR_FORMAT, "more than 16777216 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_come_after_what_they_name, begin, end),
        cmocka_unit_test_setup_teardown(chooses_by_platform_or_the_next_best, begin, end),
        cmocka_unit_test_setup_teardown(an_entry_must_be_what_the_list_says, begin, end),
        cmocka_unit_test_setup_teardown(depth_number_and_bytes_have_limits, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

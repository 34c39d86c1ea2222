/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_mirror */
#include "tests/unit/check.h"

#include "mirror/plan.h"
#include "tests/unit/bundle_kit.h"

static struct dr_bundle *open_kit(const struct kit *kit)
{
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, NULL);

    assert_non_null(bundle);
    return bundle;
}

/* Where things go in this test: `to` as on the command line. */
static int plan_for(const struct dr_bundle *bundle, const char *to, struct dr_mirror_plan *ret_plan,
                    struct dr_err *err)
{
    dr_auto_destination struct dr_destination destination = DR_DESTINATION_INIT;

    check_ok(dr_destination_read(to, NULL, 0, &destination, err), err);
    return dr_mirror_plan_make(bundle, &destination, ret_plan, err);
}

static void sends_each_blob_once_and_mounts_it_elsewhere(void **state)
{
    dr_auto_bundle struct dr_bundle *bundle = open_kit(*state);
    dr_auto_mirror_plan struct dr_mirror_plan plan = DR_MIRROR_PLAN_INIT;
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest base;
    uint64_t bytes = 0;
    uint64_t last = 0;

    check_ok(plan_for(bundle, "reg:5000/x/y", &plan, &err), &err);
    assert_int_equal(plan.image_count, 2);
    assert_string_equal(plan.images[0].target.host, "reg:5000");
    assert_string_equal(plan.images[0].target.repository, "x/y/rancher/server");
    assert_int_equal(plan.first_count, 6); /* 2 configs; base, empty, server and agent layer */
    for (size_t i = 0; i < plan.first_count; i++) {
        const struct dr_bundle_blob *blob = dr_bundle_find_blob(bundle, &plan.first[i].digest);

        assert_null(plan.first[i].mount_from);
        assert_true(blob->offset > last);
        last = blob->offset;
        bytes += plan.first[i].size;
    }
    assert_int_equal(plan.more_count, 1);
    dr_digest_of("base layer", 10, &base);
    assert_true(dr_digest_equal(&plan.more[0].digest, &base));
    assert_string_not_equal(plan.more[0].repository, plan.more[0].mount_from);
    assert_int_equal(plan.bytes, bytes + 10);
}

static void reads_what_it_names(void **state)
{
    dr_auto_bundle struct dr_bundle *bundle = open_kit(*state);
    dr_auto_mirror_plan struct dr_mirror_plan plan = DR_MIRROR_PLAN_INIT;
    struct dr_err err = DR_ERR_INIT;

    check_ok(plan_for(bundle, "reg:5000", &plan, &err), &err);
    for (size_t i = 0; i < plan.first_count; i++) {
        const struct dr_blob_put *put = &plan.first[i];
        struct dr_digest digest;
        char data[64];

        assert_true(put->size < sizeof data);
        check_ok(put->read(put->context, 0, data, put->size, &err), &err);
        dr_digest_of(data, put->size, &digest);
        assert_true(dr_digest_equal(&digest, &put->digest));
    }
}

static void refuses_a_prefix_that_makes_names_too_long(void **state)
{
    dr_auto_bundle struct dr_bundle *bundle = open_kit(*state);
    dr_auto_mirror_plan struct dr_mirror_plan plan = DR_MIRROR_PLAN_INIT;
    struct dr_err err = DR_ERR_INIT;
    char to[254] = "reg/";

    memset(to + 4, 'a', sizeof to - 5);
    check_fails(plan_for(bundle, to, &plan, &err), &err, DR_ERR_USAGE, "longer than 255");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_each_blob_once_and_mounts_it_elsewhere),
        cmocka_unit_test(reads_what_it_names),
        cmocka_unit_test(refuses_a_prefix_that_makes_names_too_long),
    };

    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}

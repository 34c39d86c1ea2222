/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle */
/* What each base of a delta saves, and which could be left away. */
#include "tests/unit/check.h"

#include "bundle/savings.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

#define BASE                                                                                       \
    "{\"created\": \"2016-04-14T00:00:00Z\", \"channel\": \"default\", \"serial\": 5, \"id\": "    \
    "\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"

/* Layer i has 10^i bytes; `known[i]` has the digits of the bases that know it. */
static struct dr_delta *make_delta(size_t bases, const char *const *known, size_t count)
{
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *list = json_array();
    json_auto_t *required = json_array();
    struct dr_delta *delta;
    json_int_t size = 1;

    for (size_t i = 0; i < bases; i++)
        json_array_append_new(list, dr_json_parse(BASE, strlen(BASE), "base", NULL));
    for (size_t i = 0; i < count; i++, size *= 10) {
        dr_autofree char *digest = dr_text_format(NULL, "sha256:%064zu", i);
        json_t *holders = json_array();

        for (const char *c = known[i]; *c; c++)
            json_array_append_new(
                holders, json_pack("{s:i, s:s}", "base", *c - '0', "image", "docker.io/a/b:1"));
        json_array_append_new(required, json_pack("{s:s, s:I, s:o}", "digest", digest, "size", size,
                                                  "known", holders));
    }
    delta = dr_delta_new(list, required, &err);
    if (!delta)
        fail_msg("%s", err.text);
    return delta;
}

/* `superfluous` has a letter for each base: + or -. */
static void check(size_t bases, const char *const *known, size_t count, const uint64_t *bytes,
                  const char *superfluous)
{
    dr_auto_delta struct dr_delta *delta = make_delta(bases, known, count);
    dr_autofree struct dr_saving *savings = dr_savings_new(delta, bases, NULL);

    assert_non_null(savings);
    for (size_t i = 0; i < bases; i++) {
        assert_true(savings[i].bytes == bytes[i]);
        assert_int_equal(savings[i].superfluous, superfluous[i] == '+');
    }
}

static void a_base_that_alone_knows_a_layer_is_needed(void **state)
{
    (void)state;
    check(1, (const char *const[]){"0", "0"}, 2, (const uint64_t[]){11}, "-");
    check(2, (const char *const[]){"0", "1"}, 2, (const uint64_t[]){1, 10}, "--");
    check(2, (const char *const[]){"0", "01"}, 2, (const uint64_t[]){11, 10}, "-+");
}

static void of_two_that_know_the_same_one_is_kept(void **state)
{
    (void)state;
    check(2, (const char *const[]){"01", "01"}, 2, (const uint64_t[]){11, 11}, "-+");
    check(3, (const char *const[]){"01", "12", "20"}, 3, (const uint64_t[]){101, 11, 110}, "-+-");
}

static void what_knows_nothing_is_superfluous(void **state)
{
    dr_autofree struct dr_saving *savings = dr_savings_new(NULL, 2, NULL);

    (void)state;
    check(2, (const char *const[]){"0"}, 1, (const uint64_t[]){1, 0}, "-+");
    assert_true(savings[0].superfluous && savings[1].superfluous);
    assert_int_equal(savings[0].layers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_that_alone_knows_a_layer_is_needed),
        cmocka_unit_test(of_two_that_know_the_same_one_is_kept),
        cmocka_unit_test(what_knows_nothing_is_superfluous),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

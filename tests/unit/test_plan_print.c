/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_apply */
/* The plan as an operator reads it. */
#include <stdlib.h>

#include "apply/plan.h"
#include "lib/cleanup.h"
#include "tests/unit/check.h"

static char *print_plan(const json_t *rows)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    dr_plan_print(out, rows);
    fclose(out);
    return text;
}

static void add(json_t *rows, const struct dr_plan_row *row)
{
    struct dr_err err = DR_ERR_INIT;

    check_ok(dr_plan_add(rows, row, &err), &err);
}

static void every_row_tells_what_why_and_what_it_interrupts(void **state)
{
    json_auto_t *rows = json_array();
    dr_autofree char *text = NULL;

    (void)state;
    add(rows, &(struct dr_plan_row){"pull", "an image", "pull", NULL, NULL});
    add(rows, &(struct dr_plan_row){"agents", "on node1", "replace it", "it is old", "no DNS"});
    add(rows, &(struct dr_plan_row){"agents", "on node2", "replace it", "it is old", "no DNS"});
    add(rows, &(struct dr_plan_row){"agents", "on node3", "left alone", "it is away", NULL});
    text = print_plan(rows);
    assert_string_equal(text, "STEP    WHAT, WHY, AND AFTER '!' WHAT IT INTERRUPTS\n"
                              "pull    an image: pull\n"
                              "agents  on node1: replace it\n"
                              "          it is old\n"
                              "        ! no DNS\n"
                              "        on node2: the same\n"
                              "        on node3: left alone\n"
                              "          it is away\n");
}

static void long_texts_are_wrapped_and_nothing_in_them_reaches_the_terminal(void **state)
{
    json_auto_t *rows = json_array();
    dr_autofree char *text = NULL;

    (void)state;
    add(rows, &(struct dr_plan_row){"agents", "on \033[2Jnode1", "replace it",
                                    "until it is replaced, what the new server sends it may fail "
                                    "without internet, and so may health checks",
                                    NULL});
    text = print_plan(rows);
    assert_string_equal(text,
                        "STEP    WHAT, WHY, AND AFTER '!' WHAT IT INTERRUPTS\n"
                        "agents  on ?[2Jnode1: replace it\n"
                        "          until it is replaced, what the new server sends it may fail "
                        "without internet, and so may\n"
                        "          health checks\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_tells_what_why_and_what_it_interrupts),
        cmocka_unit_test(long_texts_are_wrapped_and_nothing_in_them_reaches_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

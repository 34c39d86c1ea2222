/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_parity */
/* The code and the scheme behind parity: any chunks of a stripe make the others. */
#include <stdlib.h>
#include <string.h>

#include "bundle/parity/erasure.h"
#include "bundle/parity/scheme.h"
#include "tests/unit/check.h"

#define SIZE 64
#define PLACES 12

struct stripe {
    unsigned char bytes[PLACES][SIZE];
    unsigned char *places[PLACES];
};

static void fill(struct stripe *stripe, struct dr_erasure *erasure, unsigned columns)
{
    for (unsigned i = 0; i < PLACES; i++) {
        stripe->places[i] = stripe->bytes[i];
        for (unsigned j = 0; j < SIZE; j++)
            stripe->bytes[i][j] = (unsigned char)(i * 37 + j * j + 1);
    }
    dr_erasure_encode(erasure, SIZE, stripe->places, stripe->places + columns);
}

/* Loses the places whose bits are set, and makes them again. */
static void lose(const struct stripe *stripe, struct dr_erasure *erasure, unsigned columns,
                 unsigned mask)
{
    unsigned char made[PLACES][SIZE];
    unsigned char *to[PLACES];
    unsigned char *from[PLACES];
    uint8_t have[PLACES];
    uint8_t wanted[PLACES];
    unsigned had = 0;
    unsigned lost = 0;
    struct dr_err err = DR_ERR_INIT;

    for (unsigned i = 0; i < PLACES; i++) {
        if (mask & 1u << i) {
            to[lost] = made[lost];
            wanted[lost++] = (uint8_t)i;
        } else if (had < columns) {
            from[had] = stripe->places[i];
            have[had++] = (uint8_t)i;
        }
    }
    check_ok(dr_erasure_restore(erasure, SIZE, have, from, wanted, lost, to, &err), &err);
    for (unsigned i = 0; i < lost; i++)
        assert_memory_equal(made[i], stripe->places[wanted[i]], SIZE);
}

static void any_chunks_make_the_others(void **state)
{
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    for (unsigned columns = 1; columns < PLACES; columns++) {
        dr_auto_erasure struct dr_erasure *erasure =
            dr_erasure_new(columns, PLACES - columns, &err);
        struct stripe stripe;

        assert_non_null(erasure);
        fill(&stripe, erasure, columns);
        for (unsigned mask = 1; mask < 1u << PLACES; mask++) {
            if ((unsigned)__builtin_popcount(mask) <= PLACES - columns)
                lose(&stripe, erasure, columns, mask);
        }
    }
}

static void a_row_does_not_depend_on_how_many_there_are(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_erasure struct dr_erasure *few = dr_erasure_new(8, 1, &err);
    dr_auto_erasure struct dr_erasure *many = dr_erasure_new(8, 4, &err);
    struct stripe one;
    struct stripe other;

    (void)state;
    fill(&one, few, 8);
    fill(&other, many, 8);
    assert_memory_equal(one.bytes[8], other.bytes[8], SIZE);
}

static void check_scheme(uint64_t total, unsigned percent)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_scheme scheme;
    uint64_t seen = 0;
    unsigned char *times;

    check_ok(dr_scheme_make(&scheme, total, percent, &err), &err);
    assert_true(scheme.rows * 100 >= scheme.columns * percent);
    assert_true(scheme.columns <= DR_SCHEME_COLUMNS && scheme.rows <= scheme.columns);
    times = calloc(1, dr_scheme_blocks(&scheme));
    for (uint64_t stripe = 0; stripe < scheme.stripes; stripe++) {
        for (unsigned place = 0; place < scheme.columns + scheme.rows; place++) {
            uint64_t block = dr_scheme_block(&scheme, stripe, place);

            if (block == DR_SCHEME_NONE)
                continue;
            assert_true(block < dr_scheme_blocks(&scheme));
            assert_int_equal(dr_scheme_stripe(&scheme, block), stripe);
            assert_int_equal(times[block]++, 0);
            seen += block < scheme.chunks ? dr_scheme_size(&scheme, block) : 0;
        }
    }
    assert_int_equal(seen, total);
    for (uint64_t i = 0; i < dr_scheme_blocks(&scheme); i++)
        assert_int_equal(times[i], 1);
    free(times);
}

static void every_block_is_in_one_place(void **state)
{
    static const uint64_t totals[] = {1,       65535,    65536,    65537,     6553600,
                                      6553601, 13107200, 13107201, 100000000, 1 << 30};

    (void)state;
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        check_scheme(totals[i], 1);
        check_scheme(totals[i], 10);
        check_scheme(totals[i], 100);
    }
}

static void too_large_a_bundle_is_refused(void **state)
{
    struct dr_scheme scheme;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_fails(dr_scheme_make(&scheme, DR_SCHEME_TOTAL_MAX + 1, 10, &err), &err, DR_ERR_FORMAT,
                "parity is for bundles of up to 64 GiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_chunks_make_the_others),
        cmocka_unit_test(a_row_does_not_depend_on_how_many_there_are),
        cmocka_unit_test(every_block_is_in_one_place),
        cmocka_unit_test(too_large_a_bundle_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

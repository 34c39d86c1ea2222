/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/erasure.h"

#include <assert.h>
#include <isa-l/erasure_code.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/* isa-l wants tables of so many bytes for each number of a matrix. */
#define TABLE 32

struct dr_erasure {
    unsigned columns;
    unsigned rows;
    unsigned char *matrix; /* columns + rows rows of `columns` numbers */
    unsigned char *tables; /* of the rows of parity */
};

void dr_erasure_free(struct dr_erasure *erasure)
{
    if (!erasure)
        return;
    free(erasure->matrix);
    free(erasure->tables);
    free(erasure);
}

struct dr_erasure *dr_erasure_new(unsigned columns, unsigned rows, struct dr_err *err)
{
    dr_auto_erasure struct dr_erasure *erasure = calloc(1, sizeof *erasure);

    assert(columns > 0 && rows > 0 && columns + rows <= 255);
    if (erasure) {
        erasure->columns = columns;
        erasure->rows = rows;
        erasure->matrix = calloc(columns + rows, columns);
        erasure->tables = calloc((size_t)columns * rows, TABLE);
    }
    if (!erasure || !erasure->matrix || !erasure->tables) {
        dr_fail_memory(err);
        return NULL;
    }
    gf_gen_cauchy1_matrix(erasure->matrix, (int)(columns + rows), (int)columns);
    ec_init_tables((int)columns, (int)rows, erasure->matrix + (size_t)columns * columns,
                   erasure->tables);
    return dr_steal(erasure);
}

void dr_erasure_encode(const struct dr_erasure *erasure, size_t size, unsigned char **data,
                       unsigned char **ret_parity)
{
    ec_encode_data((int)size, (int)erasure->columns, (int)erasure->rows, erasure->tables, data,
                   ret_parity);
}

/* Row `place` of the matrix times `inverse`: what makes that piece out of those which are there. */
static void make_row(const struct dr_erasure *erasure, const unsigned char *inverse, uint8_t place,
                     unsigned char *ret_row)
{
    const unsigned char *row = erasure->matrix + (size_t)place * erasure->columns;

    for (size_t i = 0; i < erasure->columns; i++) {
        unsigned char sum = 0;

        for (size_t j = 0; j < erasure->columns; j++)
            sum ^= gf_mul(row[j], inverse[j * erasure->columns + i]);
        ret_row[i] = sum;
    }
}

int dr_erasure_restore(const struct dr_erasure *erasure, size_t size, const uint8_t *have,
                       unsigned char **from, const uint8_t *wanted, unsigned count,
                       unsigned char **ret_pieces, struct dr_err *err)
{
    size_t width = erasure->columns;
    dr_autofree unsigned char *square = malloc(width * width);
    dr_autofree unsigned char *inverse = malloc(width * width);
    dr_autofree unsigned char *rows = malloc(width * count);
    dr_autofree unsigned char *tables = malloc(width * count * TABLE);

    if (!square || !inverse || !rows || !tables)
        return dr_fail_memory(err);
    for (size_t i = 0; i < width; i++)
        memcpy(square + i * width, erasure->matrix + have[i] * width, width);
    if (gf_invert_matrix(square, inverse, (int)width) < 0)
        return dr_fail(err, DR_ERR_INTERNAL, "the pieces of a stripe do not determine the others");
    for (unsigned i = 0; i < count; i++)
        make_row(erasure, inverse, wanted[i], rows + i * width);
    ec_init_tables((int)width, (int)count, rows, tables);
    ec_encode_data((int)size, (int)width, (int)count, tables, from, ret_pieces);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/scheme.h"

int dr_scheme_make(struct dr_scheme *scheme, uint64_t total, unsigned percent, struct dr_err *err)
{
    if (total == 0 || total > DR_SCHEME_TOTAL_MAX)
        return dr_fail(err, DR_ERR_FORMAT,
                       "parity is for bundles of up to 64 GiB, and this one has %llu bytes",
                       (unsigned long long)total);
    scheme->total = total;
    scheme->chunks = dr_volume_chunks(total);
    scheme->stripes = (scheme->chunks + DR_SCHEME_COLUMNS - 1) / DR_SCHEME_COLUMNS;
    scheme->columns = (unsigned)((scheme->chunks + scheme->stripes - 1) / scheme->stripes);
    scheme->rows = (scheme->columns * percent + 99) / 100;
    return 0;
}

uint64_t dr_scheme_block(const struct dr_scheme *scheme, uint64_t stripe, unsigned place)
{
    uint64_t chunk = place * scheme->stripes + stripe;

    if (place >= scheme->columns)
        return scheme->chunks + (place - scheme->columns) * scheme->stripes + stripe;
    return chunk < scheme->chunks ? chunk : DR_SCHEME_NONE;
}

uint64_t dr_scheme_stripe(const struct dr_scheme *scheme, uint64_t block)
{
    return (block < scheme->chunks ? block : block - scheme->chunks) % scheme->stripes;
}

size_t dr_scheme_size(const struct dr_scheme *scheme, uint64_t block)
{
    return block + 1 == scheme->chunks ? (size_t)(scheme->total - block * DR_VOLUME_CHUNK)
                                       : (size_t)DR_VOLUME_CHUNK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_parity */
/* The labels of volumes and parity files. Whoever believes a key parses what that has signed; here nobody has to sign. */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/file/volume.h"
#include "bundle/parity/parity.h"
#include "bundle/parity/scheme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dr_bundle_trust anybody = {.unverified = true};

static void make_label(const uint8_t *data, size_t size, struct dr_label *ret_label)
{
    *ret_label = (struct dr_label){.text = malloc(size + 1), .size = size, .signature_size = 1};
    memcpy(ret_label->text, data, size);
    ret_label->text[size] = '\0';
}

/* Everything that is computed from a label stays within the file, and the file within bounds. */
static void check_parity(const struct dr_parity *parity)
{
    const struct dr_scheme *scheme = &parity->scheme;

    assert(parity->set.total <= DR_SCHEME_TOTAL_MAX && scheme->columns <= DR_SCHEME_COLUMNS);
    assert(scheme->rows >= 1 && scheme->columns + scheme->rows <= 255);
    assert(parity->first + parity->count <= dr_scheme_parity(scheme));
    assert(dr_parity_index_at(parity) < dr_parity_blocks_at(parity));
    assert(dr_parity_blocks_at(parity) < dr_parity_copy_at(parity));
    assert(dr_parity_copy_at(parity) < dr_parity_label_at(parity));
    assert(dr_parity_file_size(parity) < UINT64_C(1) << 40);
    for (uint64_t i = 0; i < dr_parity_pieces(parity); i++)
        assert(dr_parity_piece_size(parity, i) - 1 < DR_VOLUME_CHUNK);
}

static void check_volume(const struct dr_volume *volume)
{
    const struct dr_volume_set *set = &volume->set;

    assert(volume->number >= 1 && volume->number <= set->count);
    assert(volume->size >= 1 && volume->size <= set->slice);
    assert(volume->offset + volume->size <= set->total);
    assert(volume->size < dr_volume_label_at(volume));
}

static void open_both(const uint8_t *data, size_t size)
{
    dr_auto_label struct dr_label label = DR_LABEL_INIT;
    dr_auto_label struct dr_label again = DR_LABEL_INIT;
    dr_auto_parity struct dr_parity parity = DR_PARITY_INIT;
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    struct dr_err err = DR_ERR_INIT;

    make_label(data, size, &label);
    make_label(data, size, &again);
    if (dr_parity_open_label(&label, &anybody, &parity, &err) == 0)
        check_parity(&parity);
    else
        assert(err.code != DR_OK);
    if (dr_volume_open_label(&again, &anybody, &volume, NULL) == 0)
        check_volume(&volume);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dr_auto_label struct dr_label label = DR_LABEL_INIT;

    open_both(data, size);
    /* The same as it stands in a file: a copy of it is what was read. */
    if (dr_label_unpack((const char *)data, size, &label, NULL) == 0) {
        dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(1u << 23);

        assert(dr_label_pack(&label, &bytes, NULL) == 0);
        assert(bytes.size == dr_label_room(&label) && memcmp(bytes.data, data, bytes.size) == 0);
        open_both((const uint8_t *)label.text, label.size);
    }
    return 0;
}

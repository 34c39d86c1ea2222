/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/parity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"

#define WHAT "the parity file"

void dr_parity_release(struct dr_parity *parity)
{
    dr_volume_set_release(&parity->set);
    dr_label_release(&parity->label);
    free(parity->pieces);
    *parity = (struct dr_parity)DR_PARITY_INIT;
}

/* ---- labels */

static int write_pieces(const struct dr_parity *parity, json_t *json, struct dr_err *err)
{
    json_t *list = json_array();

    if (dr_json_set(json, "index", list, err) < 0)
        return -1;
    for (uint64_t i = 0; i < dr_parity_pieces(parity); i++) {
        char text[DR_DIGEST_TEXT];

        if (dr_json_append(list, json_string(dr_digest_text(&parity->pieces[i], text)), err) < 0)
            return -1;
    }
    return 0;
}

/* Of a label that is only measured. */
static int measure(const json_t *json, struct dr_label *label, struct dr_err *err)
{
    label->text = dr_json_text(json, false, err);
    label->size = label->text ? strlen(label->text) : 0;
    return label->text ? 0 : -1;
}

int dr_parity_sign(struct dr_parity *parity, const struct dr_key *key, struct dr_err *err)
{
    json_auto_t *json =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "format", DR_PARITY_FORMAT, "columns",
                  (json_int_t)parity->scheme.columns, "rows", (json_int_t)parity->scheme.rows,
                  "stripes", (json_int_t)parity->scheme.stripes, "first", (json_int_t)parity->first,
                  "count", (json_int_t)parity->count, "labels", (json_int_t)parity->labels_size);

    if (!json)
        return dr_fail_memory(err);
    dr_label_release(&parity->label);
    if (dr_volume_set_write(&parity->set, json, err) < 0 || write_pieces(parity, json, err) < 0)
        return -1;
    return key ? dr_label_make(json, key, &parity->label, err) : measure(json, &parity->label, err);
}

int dr_parity_write_label(const struct dr_parity *parity, int fd, const char *what,
                          struct dr_err *err)
{
    dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(DR_LABEL_MAX + 4096);

    if (dr_label_pack(&parity->label, &bytes, err) < 0 ||
        dr_file_pwrite(fd, bytes.data, bytes.size, 0, what, err) < 0)
        return -1;
    return dr_label_write(&parity->label, fd, dr_parity_label_at(parity), what, err);
}

static int parse_pieces(struct dr_parity *parity, const json_t *json, struct dr_err *err)
{
    uint64_t count = dr_parity_pieces(parity);
    json_t *list;

    if (dr_json_get_array(json, "index", &list, err) < 0)
        return -1;
    if (json_array_size(list) != count)
        return dr_fail(err, DR_ERR_FORMAT, "'index' has not as many entries as it must have");
    parity->pieces = calloc(count, sizeof *parity->pieces);
    if (!parity->pieces)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (dr_digest_parse(text ? text : "", &parity->pieces[i], err) < 0)
            return -1;
    }
    return 0;
}

/* All follows from the bundle's size but the number of rows. */
static int parse_scheme(struct dr_parity *parity, const json_t *json, struct dr_err *err)
{
    struct dr_scheme *scheme = &parity->scheme;
    uint64_t columns;
    uint64_t rows;
    uint64_t stripes;

    if (dr_scheme_make(scheme, parity->set.total, 1, err) < 0 ||
        dr_json_get_uint64(json, "columns", &columns, err) < 0 ||
        dr_json_get_uint64(json, "rows", &rows, err) < 0 ||
        dr_json_get_uint64(json, "stripes", &stripes, err) < 0 ||
        dr_json_get_uint64(json, "first", &parity->first, err) < 0 ||
        dr_json_get_uint64(json, "count", &parity->count, err) < 0 ||
        dr_json_get_uint64(json, "labels", &parity->labels_size, err) < 0)
        return -1;
    if (columns != scheme->columns || stripes != scheme->stripes || rows < 1 || rows > columns)
        return dr_fail(err, DR_ERR_FORMAT, "its numbers contradict each other");
    scheme->rows = (unsigned)rows;
    if (parity->count == 0 || parity->count > dr_scheme_parity(scheme) ||
        parity->first > dr_scheme_parity(scheme) - parity->count ||
        parity->labels_size > DR_PARITY_LABELS_MAX ||
        (parity->labels_size == 0 && parity->set.count != 1))
        return dr_fail(err, DR_ERR_FORMAT, "its numbers contradict each other");
    return 0;
}

static int parse(void *context, const json_t *json, struct dr_err *err)
{
    struct dr_parity *parity = context;

    if (dr_volume_set_read(&parity->set, json, err) < 0 || parse_scheme(parity, json, err) < 0)
        return -1;
    return parse_pieces(parity, json, err);
}

int dr_parity_open_label(struct dr_label *label, const struct dr_bundle_trust *trust,
                         struct dr_parity *ret_parity, struct dr_err *err)
{
    dr_auto_parity struct dr_parity parity = DR_PARITY_INIT;

    parity.label = *label;
    *label = (struct dr_label)DR_LABEL_INIT;
    if (dr_label_open(&parity.label, trust, DR_PARITY_FORMAT, parse, &parity, err) < 0)
        return -1;
    *ret_parity = parity;
    parity = (struct dr_parity)DR_PARITY_INIT;
    return 0;
}

int dr_parity_read(int fd, const struct dr_bundle_trust *trust, struct dr_parity *ret_parity,
                   struct dr_err *err)
{
    dr_auto_label struct dr_label last = DR_LABEL_INIT;
    dr_auto_label struct dr_label first = DR_LABEL_INIT;

    if (dr_label_read_first(fd, &first, NULL) == 0 &&
        dr_parity_open_label(&first, trust, ret_parity, NULL) == 0)
        return 0;
    if (dr_label_read(fd, &last, err) < 0)
        return -1;
    return dr_parity_open_label(&last, trust, ret_parity, err);
}

/* ---- the index */

size_t dr_parity_piece_size(const struct dr_parity *parity, uint64_t piece)
{
    uint64_t left = dr_parity_index_size(parity) - piece * DR_VOLUME_CHUNK;

    return (size_t)(left < DR_VOLUME_CHUNK ? left : DR_VOLUME_CHUNK);
}

bool dr_parity_read_copy(const struct dr_parity *parity, int fd, uint64_t piece, unsigned copy,
                         unsigned char *ret_bytes)
{
    uint64_t at = copy ? dr_parity_copy_at(parity) : dr_parity_index_at(parity);
    size_t size = dr_parity_piece_size(parity, piece);
    struct dr_digest digest;

    if (dr_file_pread(fd, ret_bytes, size, at + piece * DR_VOLUME_CHUNK, WHAT, NULL) < 0)
        return false;
    dr_digest_of(ret_bytes, size, &digest);
    return dr_digest_equal(&digest, &parity->pieces[piece]);
}

bool dr_parity_read_piece(const struct dr_parity *parity, int fd, uint64_t piece,
                          unsigned char *ret_bytes)
{
    return dr_parity_read_copy(parity, fd, piece, 0, ret_bytes) ||
           dr_parity_read_copy(parity, fd, piece, 1, ret_bytes);
}

int dr_parity_read_index(const struct dr_parity *parity, int fd, uint64_t from, uint64_t size,
                         unsigned char *ret_bytes, uint64_t *ret_lost, struct dr_err *err)
{
    dr_autofree unsigned char *piece = malloc(DR_VOLUME_CHUNK);

    if (!piece)
        return dr_fail_memory(err);
    for (uint64_t done = 0; done < size;) {
        uint64_t number = (from + done) / DR_VOLUME_CHUNK;
        size_t skip = (size_t)((from + done) % DR_VOLUME_CHUNK);
        size_t now = dr_parity_piece_size(parity, number) - skip;

        if (now > size - done)
            now = (size_t)(size - done);
        if (dr_parity_read_piece(parity, fd, number, piece)) {
            memcpy(ret_bytes + done, piece + skip, now);
        } else {
            memset(ret_bytes + done, 0, now);
            if (ret_lost)
                *ret_lost += now;
        }
        done += now;
    }
    return 0;
}

int dr_parity_read_frame(const struct dr_parity *parity, int fd, int to, struct dr_err *err)
{
    uint64_t at = dr_parity_frame_at(parity);
    dr_autofree unsigned char *piece = malloc(DR_VOLUME_CHUNK);
    uint64_t lost = 0;

    if (!piece)
        return dr_fail_memory(err);
    if (ftruncate(to, (off_t)parity->set.total) < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "size a file in memory");
    for (size_t i = 0; i < parity->set.frame_count; i++) {
        const struct dr_extent *extent = &parity->set.frame[i];

        for (uint64_t done = 0; done < extent->size;) {
            uint64_t left = extent->size - done;
            size_t now = (size_t)(left < DR_VOLUME_CHUNK ? left : DR_VOLUME_CHUNK);

            if (dr_parity_read_index(parity, fd, at + done, now, piece, &lost, err) < 0 ||
                dr_file_pwrite(to, piece, now, extent->offset + done, WHAT, err) < 0)
                return -1;
            done += now;
        }
        at += extent->size;
    }
    return lost == 0 ? 0 : dr_fail(err, DR_ERR_VERIFY, "its copy of the bundle's list is damaged");
}

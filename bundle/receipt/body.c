/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/receipt/body.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/receipt/text.h"
#include "lib/cleanup.h"
#include "lib/reference.h"
#include "lib/text.h"

/* The shortest line that names an image or layer. */
#define LINE_MIN 80

/* ---- writing */

static int write_head(const struct dr_receipt *receipt, struct dr_buf *to, struct dr_err *err)
{
    char sums[DR_DIGEST_TEXT];
    char id[DR_DIGEST_TEXT];
    char time[32];

    dr_text_time(receipt->time, time);
    return dr_buf_printf(to, err,
                         DR_RECEIPT_FORMAT "\n"
                                           "registry %s\n"
                                           "time %s\n"
                                           "look %s\n"
                                           "bundle %s\n"
                                           "id %s\n"
                                           "%s%s%s"
                                           "channel %s\n"
                                           "serial %" PRIu64 "\n"
                                           "created %s\n",
                         receipt->registry, time, receipt->hashed ? "hashed" : "asked",
                         dr_digest_text(&receipt->sums, sums), dr_digest_text(&receipt->id, id),
                         receipt->release ? "release " : "",
                         receipt->release ? receipt->release : "", receipt->release ? "\n" : "",
                         receipt->channel, receipt->serial, receipt->created);
}

static int write_layer(const struct dr_receipt_layer *layer, struct dr_buf *to, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    if (dr_buf_printf(to, err, "layer %s %" PRIu64 " %s", dr_digest_text(&layer->digest, digest),
                      layer->size, dr_receipt_state_text(layer->state)) < 0)
        return -1;
    if (layer->has_diff_id && dr_buf_printf(to, err, " %s %s", layer->plain ? "plain" : "gzip",
                                            dr_digest_text(&layer->diff_id, digest)) < 0)
        return -1;
    return dr_buf_add_text(to, "\n", err);
}

static int write_repository(const struct dr_receipt_repository *repository, struct dr_buf *to,
                            struct dr_err *err)
{
    if (dr_buf_printf(to, err, "repository %s\n", repository->name) < 0)
        return -1;
    for (size_t i = 0; i < repository->image_count; i++) {
        const struct dr_receipt_image *image = &repository->images[i];
        char digest[DR_DIGEST_TEXT];

        if (dr_buf_printf(to, err, "image %s %s %s\n", image->reference,
                          dr_digest_text(&image->digest, digest),
                          dr_receipt_state_text(image->state)) < 0)
            return -1;
    }
    for (size_t i = 0; i < repository->layer_count; i++) {
        if (write_layer(&repository->layers[i], to, err) < 0)
            return -1;
    }
    return 0;
}

static int write_body(const struct dr_receipt *receipt, struct dr_buf *to, struct dr_err *err)
{
    struct dr_receipt_totals totals;

    if (write_head(receipt, to, err) < 0)
        return -1;
    for (size_t i = 0; i < receipt->repository_count; i++) {
        if (write_repository(&receipt->repositories[i], to, err) < 0)
            return -1;
    }
    dr_receipt_count(receipt, &totals);
    return dr_buf_printf(
        to, err, "there %zu of %zu images, %zu of %zu layers, %" PRIu64 " of %" PRIu64 " bytes\n",
        totals.images_there, totals.images, totals.layers_there, totals.layers, totals.bytes_there,
        totals.bytes);
}

int dr_receipt_body(const struct dr_receipt *receipt, struct dr_buf *ret_text, struct dr_err *err)
{
    dr_auto_buf struct dr_buf body = DR_BUF_INIT(DR_RECEIPT_MAX - 1024);

    if (write_body(receipt, &body, err) < 0)
        return err && err->code == DR_ERR_FORMAT
                   ? dr_fail(err, DR_ERR_REFUSED,
                             "a receipt has room for %u bytes, and what it would say of this "
                             "bundle is more; bundles of fewer images have room",
                             DR_RECEIPT_MAX)
                   : -1;
    return dr_buf_add(ret_text, body.data, body.size, err);
}

/* ---- reading */

struct parser {
    struct dr_receipt *receipt;
    char *rest; /* NULL: at the end */
    size_t line;
};

static char *next_line(struct parser *parser)
{
    char *line = parser->rest && *parser->rest ? strsep(&parser->rest, "\n") : NULL;

    parser->line += line != NULL;
    return line;
}

static int fail_line(const struct parser *parser, const char *what, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_VERIFY, "line %zu: %s", parser->line, what);
}

/* What stands behind `key` in the next line. */
static int read_field(struct parser *parser, const char *key, const char **ret, struct dr_err *err)
{
    char *line = next_line(parser);

    if (!line || !dr_text_starts(line, key) || line[strlen(key)] != ' ' || !line[strlen(key) + 1])
        return dr_fail(err, DR_ERR_VERIFY, "line %zu: '%s ...' is expected here", parser->line,
                       key);
    *ret = line + strlen(key) + 1;
    return 0;
}

static int read_digest(struct parser *parser, const char *key, struct dr_digest *ret,
                       struct dr_err *err)
{
    const char *text;

    if (read_field(parser, key, &text, err) < 0)
        return -1;
    return dr_digest_parse(text, ret, NULL) < 0 ? fail_line(parser, "that is no digest", err) : 0;
}

static int read_head(struct parser *parser, struct dr_err *err)
{
    struct dr_receipt *receipt = parser->receipt;
    const char *time;
    const char *look;
    const char *serial;

    next_line(parser);
    if (read_field(parser, "registry", &receipt->registry, err) < 0 ||
        read_field(parser, "time", &time, err) < 0 || read_field(parser, "look", &look, err) < 0 ||
        read_digest(parser, "bundle", &receipt->sums, err) < 0 ||
        read_digest(parser, "id", &receipt->id, err) < 0)
        return -1;
    if (parser->rest && dr_text_starts(parser->rest, "release ") &&
        read_field(parser, "release", &receipt->release, err) < 0)
        return -1;
    if (read_field(parser, "channel", &receipt->channel, err) < 0 ||
        read_field(parser, "serial", &serial, err) < 0 ||
        read_field(parser, "created", &receipt->created, err) < 0)
        return -1;
    receipt->hashed = strcmp(look, "hashed") == 0;
    if (strlen(receipt->registry) > DR_RECEIPT_REGISTRY || strchr(receipt->registry, ' '))
        return dr_fail(err, DR_ERR_VERIFY, "line 2: that is no name of a registry");
    if (dr_text_untime(time, &receipt->time) < 0)
        return dr_fail(err, DR_ERR_VERIFY, "line 3: that is no time");
    if (dr_text_uint64(serial, INT64_MAX, &receipt->serial, NULL) < 0)
        return fail_line(parser, "the serial before it is no number", err);
    return 0;
}

static int read_state(const char *word, enum dr_receipt_state *ret)
{
    for (int i = DR_RECEIPT_THERE; word && i <= DR_RECEIPT_DAMAGED; i++) {
        if (strcmp(word, dr_receipt_state_text((enum dr_receipt_state)i)) == 0) {
            *ret = (enum dr_receipt_state)i;
            return 0;
        }
    }
    return -1;
}

static int add_repository(struct parser *parser, const char *name, struct dr_err *err)
{
    struct dr_receipt *receipt = parser->receipt;
    struct dr_receipt_repository *added = &receipt->repositories[receipt->repository_count];

    if (receipt->repository_count > 0 && strcmp(added[-1].name, name) >= 0)
        return fail_line(parser, "the repositories are not in order", err);
    added->name = name;
    added->images = &receipt->images[receipt->image_count];
    added->layers = &receipt->layers[receipt->layer_count];
    receipt->repository_count++;
    return 0;
}

/* A whole reference, and one of this repository. */
static bool is_of(const char *name, const char *repository)
{
    struct dr_reference reference;
    char text[DR_REFERENCE_TEXT];

    if (dr_reference_parse(name, &reference, NULL) < 0 ||
        strcmp(dr_reference_text(&reference, text), name) != 0)
        return false;
    snprintf(text, sizeof text, "%s/%s", reference.host, reference.repository);
    return strcmp(text, repository) == 0;
}

static int add_image(struct parser *parser, char *line, struct dr_err *err)
{
    struct dr_receipt *receipt = parser->receipt;
    struct dr_receipt_repository *of = &receipt->repositories[receipt->repository_count - 1];
    struct dr_receipt_image *image = &receipt->images[receipt->image_count];
    const char *digest;

    image->reference = strsep(&line, " ");
    digest = strsep(&line, " ");
    if (!digest || dr_digest_parse(digest, &image->digest, NULL) < 0 ||
        read_state(line, &image->state) < 0 || !is_of(image->reference, of->name))
        return fail_line(parser, "that is no image of its repository", err);
    if (of->layer_count > 0 ||
        (of->image_count > 0 && strcmp(image[-1].reference, image->reference) >= 0))
        return fail_line(parser, "the images are not in order", err);
    of->image_count++;
    receipt->image_count++;
    return 0;
}

static int read_diff_id(char *rest, struct dr_receipt_layer *layer)
{
    const char *kind = strsep(&rest, " ");

    layer->has_diff_id = kind != NULL;
    if (!kind)
        return 0;
    layer->plain = strcmp(kind, "plain") == 0;
    return rest ? dr_digest_parse(rest, &layer->diff_id, NULL) : -1;
}

static int add_layer(struct parser *parser, char *line, struct dr_err *err)
{
    struct dr_receipt *receipt = parser->receipt;
    struct dr_receipt_repository *of = &receipt->repositories[receipt->repository_count - 1];
    struct dr_receipt_layer *layer = &receipt->layers[receipt->layer_count];
    const char *digest = strsep(&line, " ");
    const char *size = strsep(&line, " ");
    const char *state = strsep(&line, " ");

    if (dr_digest_parse(digest, &layer->digest, NULL) < 0 || !size ||
        dr_text_uint64(size, UINT64_C(1) << 40, &layer->size, NULL) < 0 ||
        read_state(state, &layer->state) < 0 || read_diff_id(line, layer) < 0)
        return fail_line(parser, "that is no layer", err);
    if (of->image_count == 0 ||
        (of->layer_count > 0 && dr_digest_compare(&layer[-1].digest, &layer->digest) >= 0))
        return fail_line(parser, "the layers are not in order", err);
    of->layer_count++;
    receipt->layer_count++;
    return 0;
}

static int read_line(struct parser *parser, char *line, struct dr_err *err)
{
    bool inside = parser->receipt->repository_count > 0;

    if (dr_text_starts(line, "repository "))
        return add_repository(parser, line + strlen("repository "), err);
    if (inside && dr_text_starts(line, "image "))
        return add_image(parser, line + strlen("image "), err);
    if (inside && dr_text_starts(line, "layer "))
        return add_layer(parser, line + strlen("layer "), err);
    return fail_line(parser, "that has no place in a receipt", err);
}

static size_t count_lines(const char *text, const char *word)
{
    size_t count = 0;

    while ((text = strstr(text, word))) {
        count++;
        text++;
    }
    return count;
}

/* Room for as many lines as there are of each kind. */
static int make_room(struct dr_receipt *receipt, const char *text, struct dr_err *err)
{
    size_t images = count_lines(text, "\nimage ");
    size_t layers = count_lines(text, "\nlayer ");
    size_t repositories = count_lines(text, "\nrepository ");

    if ((images + layers) * LINE_MIN > strlen(text) || repositories > images)
        return dr_fail(err, DR_ERR_VERIFY, "its lines are shorter than any can be");
    receipt->images = calloc(images + 1, sizeof *receipt->images);
    receipt->layers = calloc(layers + 1, sizeof *receipt->layers);
    receipt->repositories = calloc(repositories + 1, sizeof *receipt->repositories);
    if (!receipt->images || !receipt->layers || !receipt->repositories)
        return dr_fail_memory(err);
    return 0;
}

/* The last line is what the others add up to; it is made again, and not read. */
int dr_receipt_body_read(const char *body, struct dr_receipt *receipt, struct dr_err *err)
{
    struct parser parser = {.receipt = receipt};
    const char *copy = dr_receipt_keep(receipt, body, err);
    char *line;

    if (!copy || make_room(receipt, body, err) < 0)
        return -1;
    parser.rest = receipt->texts[receipt->text_count - 1];
    if (read_head(&parser, err) < 0)
        return -1;
    while ((line = next_line(&parser)) && !dr_text_starts(line, "there ")) {
        if (read_line(&parser, line, err) < 0)
            return -1;
    }
    return 0;
}

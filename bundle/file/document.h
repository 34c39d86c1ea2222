/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_DOCUMENT_H
#define DROVER_BUNDLE_FILE_DOCUMENT_H

/* bundle.json: what the builder declares, written and read. docs/bundle-format.md has it key by key. */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "bundle/file/content.h"
#include "lib/err.h"

#define DR_DOCUMENT_FORMAT "drover-bundle/1"
#define DR_DOCUMENT_MAX (4u << 20)

/* A reader that implements less than a bundle's min_reader refuses it. */
enum {
    DR_READER_FIRST = 1,
    DR_READER_DELTA = 2,
    DR_READER_LISTS = 3, /* lists with all of their images */
    DR_READER_VERSION = DR_READER_LISTS,
};

/* The min_reader that a bundle of these images has, or a delta of it. */
int dr_document_reader(const struct dr_bundle_image *images, size_t count, bool delta);

/* A parsed bundle.json; about and images point into it. Of `about` it fills what bundle.json says, of the images
 * everything but `content` and `family`, which the reader adds. */
struct dr_document {
    json_t *json;
    struct dr_bundle_about about;
    struct dr_bundle_image *images;
    size_t image_count;
    const char **texts;     /* storage of all images' warnings and platforms */
    struct dr_delta *delta; /* about.delta; owned */
};

#define DR_DOCUMENT_INIT                                                                           \
    {                                                                                              \
        .json = NULL                                                                               \
    }

/* The text of bundle.json, owned; a delta's where about->delta says one. */
char *dr_document_write(const struct dr_bundle_about *about, const struct dr_bundle_image *images,
                        size_t count, struct dr_err *err);

/* DR_ERR_VERIFY: not what a bundle says; DR_ERR_REFUSED: another format, or needs a newer drover. */
int dr_document_parse(const char *text, size_t size, struct dr_document *ret_document,
                      struct dr_err *err);
void dr_document_release(struct dr_document *document);
#define dr_auto_document __attribute__((cleanup(dr_document_release)))

#endif

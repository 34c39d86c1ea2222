/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/naming.h"

#include <unistd.h>

#include "bundle/file/stream.h"

struct dr_bundle *dr_naming_open(int frame)
{
    /* The frame has the hash that a signed label names; what it says is shown and nothing else. */
    const struct dr_bundle_trust trust = {.unverified = true, .ignore_clock = true};

    if (frame < 0 || lseek(frame, 0, SEEK_SET) < 0)
        return NULL;
    return dr_bundle_open_stream(frame, &trust, NULL);
}

static void name_blob(const struct dr_bundle *bundle, const struct dr_bundle_blob *blob,
                      struct dr_named *named)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    named->what = blob->layer ? "layer" : "manifest or config";
    named->has_digest = true;
    named->digest = blob->digest;
    named->size = blob->size;
    for (size_t i = 0; i < count; i++) {
        if (!dr_bundle_image_has_layer(&images[i], &blob->digest))
            continue;
        if (!named->image)
            named->image = &images[i].reference;
        else
            named->more++;
    }
}

void dr_naming_next(const struct dr_bundle *bundle, uint64_t *offset, struct dr_named *ret_named)
{
    size_t count = 0;
    const struct dr_bundle_blob *blobs = bundle ? dr_bundle_blobs(bundle, &count) : NULL;

    *ret_named = (struct dr_named){.what = bundle ? "list and signatures" : "bundle"};
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = blobs[i].offset - DR_BLOCK;
        uint64_t end = blobs[i].offset + blobs[i].size + dr_padding(blobs[i].size);

        if (*offset < begin) {
            *offset = begin;
            return;
        }
        if (*offset < end) {
            name_blob(bundle, &blobs[i], ret_named);
            *offset = end;
            return;
        }
    }
    if (count > 0)
        ret_named->what = "end";
    *offset = UINT64_MAX;
}

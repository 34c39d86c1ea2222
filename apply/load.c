/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/load.h"

#include "apply/target.h"
#include "bundle/file/reader.h"
#include "lib/engine/image.h"
#include "lib/reference.h"

struct stream {
    const struct dr_bundle *bundle;
    uint64_t offset;
    struct dr_progress progress;
};

static long source(void *context, void *ret_data, size_t size, struct dr_err *err)
{
    struct stream *stream = context;
    long got = dr_bundle_file_read(stream->bundle, stream->offset, ret_data, size, err);

    if (got > 0) {
        stream->offset += (uint64_t)got;
        dr_progress_add(&stream->progress, (uint64_t)got);
    }
    return got;
}

int dr_load_server(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const struct dr_bundle_image *image =
        dr_bundle_image_with_role(upgrade->bundle, DR_ROLE_SERVER);
    uint64_t size = dr_bundle_file_size(upgrade->bundle);
    struct stream stream = {.bundle = upgrade->bundle};
    struct dr_reference wanted;
    char name[DR_REFERENCE_TEXT];
    int done;

    if (!image)
        return dr_fail(err, DR_ERR_INTERNAL, "the bundle has no server image");
    if (dr_reference_parse(dr_target_text(dr_upgrade_target(upgrade), "server"), &wanted, err) < 0)
        return -1;
    dr_progress_start(&stream.progress, upgrade->log, "load", size);
    done = dr_image_load(upgrade->engine, source, &stream, size, err);
    dr_progress_end(&stream.progress);
    if (done < 0)
        return -1;
    dr_reference_familiar(&image->reference, name);
    return dr_image_tag(upgrade->engine, name, &wanted, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/file/reader_parts.h"
#include "bundle/file/volumes.h"
#include "lib/cleanup.h"
#include "lib/file.h"

/* The frame is read as if it were the file; it must be the frame of what the labels say. */
static int open_frame(struct dr_bundle *bundle, struct dr_volumes *volumes,
                      const struct dr_bundle_trust *trust, struct dr_err *err)
{
    const struct dr_volume_set *set = dr_volumes_set(volumes);
    dr_autoclose int frame = dr_file_in_memory(0, err);

    if (frame < 0 || dr_volumes_frame(volumes, frame, err) < 0 ||
        dr_envelope_open_file(&bundle->envelope, dr_steal_fd(&frame), set->total, trust, err) < 0)
        return -1;
    if (!dr_digest_equal(&bundle->envelope.list.digest, &set->sums))
        return dr_fail(err, DR_ERR_VERIFY, "the volumes are labelled as those of another bundle");
    return dr_reader_open_inside(bundle, trust, err);
}

struct dr_bundle *dr_bundle_open_volumes(struct dr_volumes *volumes,
                                         const struct dr_bundle_trust *trust, struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_reader_new(err);
    char text[DR_VOLUME_SET_TEXT];

    if (!bundle)
        return NULL;
    if (open_frame(bundle, volumes, trust, err) < 0) {
        dr_err_wrap(err, "read volumes of %s", dr_volume_set_text(dr_volumes_set(volumes), text));
        return NULL;
    }
    bundle->volumes = volumes;
    return dr_steal(bundle);
}

struct dr_bundle *dr_reader_open_volumes(const char *path, const struct dr_bundle_trust *trust,
                                         struct dr_err *err)
{
    dr_auto_volumes struct dr_volumes *volumes = dr_volumes_open(path, trust, err);
    struct dr_bundle *bundle = volumes ? dr_bundle_open_volumes(volumes, trust, err) : NULL;

    if (bundle)
        volumes = NULL;
    return bundle;
}

struct dr_volumes *dr_bundle_volumes(const struct dr_bundle *bundle)
{
    return bundle->volumes;
}

static int add_hole(struct dr_layout *holes, uint64_t offset, uint64_t size, struct dr_err *err)
{
    holes->end = offset - DR_BLOCK;
    return dr_layout_add(holes, "hole", size, NULL, err);
}

int dr_bundle_describe_set(const struct dr_bundle *bundle, struct dr_volume_set *set,
                           struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    dr_auto_layout struct dr_layout holes = DR_LAYOUT_INIT;
    dr_autofree bool *left_out = NULL;
    size_t count;
    const struct dr_member *programs = dr_bundle_programs(bundle, &count);

    for (size_t i = 0; i < bundle->blob_count; i++) {
        if (bundle->blobs[i].layer &&
            add_hole(&holes, bundle->blobs[i].offset, bundle->blobs[i].size, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (add_hole(&holes, programs[i].offset, programs[i].size, err) < 0)
            return -1;
    }
    holes.end = dr_bundle_file_size(bundle) - DR_TRAILER;
    left_out = malloc(holes.count + 1);
    if (!left_out)
        return dr_fail_memory(err);
    memset(left_out, true, holes.count);
    set->sums = about->sums;
    return dr_volume_set_name(set, about, err) < 0
               ? -1
               : dr_volume_set_frame(set, &holes, left_out, err);
}

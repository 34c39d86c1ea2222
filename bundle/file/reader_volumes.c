/* SPDX-License-Identifier: Apache-2.0 */
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

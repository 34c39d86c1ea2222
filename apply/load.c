/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/load.h"

#include "apply/target.h"
#include "lib/engine/image.h"
#include "lib/reference.h"
#include "mirror/load/send.h"

int dr_load_server(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const struct dr_bundle_image *image =
        dr_bundle_image_with_role(upgrade->bundle, DR_ROLE_SERVER);
    struct dr_reference wanted;
    char name[DR_REFERENCE_TEXT];

    if (!image)
        return dr_fail(err, DR_ERR_INTERNAL, "the bundle has no server image");
    if (dr_reference_parse(dr_target_text(dr_upgrade_target(upgrade), "server"), &wanted, err) <
            0 ||
        dr_load_send(upgrade->engine, upgrade->bundle, upgrade->log, err) < 0)
        return -1;
    dr_reference_familiar(&image->reference, name);
    return dr_image_tag(upgrade->engine, name, &wanted, err);
}

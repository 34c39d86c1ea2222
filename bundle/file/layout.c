/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/layout.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define FILE_MAX (UINT64_C(1) << 62)

static int grow(struct dr_layout *layout, struct dr_err *err)
{
    size_t room = layout->room ? 2 * layout->room : 32;
    struct dr_member *members = reallocarray(layout->members, room, sizeof *members);

    if (!members)
        return dr_fail_memory(err);
    layout->members = members;
    layout->room = room;
    return 0;
}

int dr_layout_add(struct dr_layout *layout, const char *name, uint64_t size,
                  const struct dr_digest *digest, struct dr_err *err)
{
    struct dr_member *member;

    if (layout->end > FILE_MAX || size > FILE_MAX - layout->end)
        return dr_fail(err, DR_ERR_FORMAT, "'%s' with %llu bytes is more than a bundle can hold",
                       name, (unsigned long long)size);
    if (layout->count == layout->room && grow(layout, err) < 0)
        return -1;
    member = &layout->members[layout->count];
    memset(member, 0, sizeof *member);
    if (dr_text_put(member->name, sizeof member->name, name) < 0)
        return dr_fail(err, DR_ERR_INTERNAL, "'%s' is too long for a member's name", name);
    if (digest)
        member->digest = *digest;
    member->size = size;
    member->offset = layout->end + DR_BLOCK;
    layout->end = member->offset + size + dr_padding(size);
    layout->count++;
    return 0;
}

void dr_layout_release(struct dr_layout *layout)
{
    free(layout->members);
    *layout = (struct dr_layout)DR_LAYOUT_INIT;
}

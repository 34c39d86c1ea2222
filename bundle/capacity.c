/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/capacity.h"

#include <stddef.h>
#include <string.h>

#include "lib/text.h"

/* What ISO 9660 or UDF needs for itself around one file, and more. */
#define DISC (UINT64_C(4) << 20)

/* The largest file that fits. docs/carrying.md has these numbers too. */
static const struct {
    const char *name;
    uint64_t bytes;
} media[] = {
    {"fat32", UINT64_C(0xffffffff)},         /* of the file system, whatever the stick has */
    {"cd", UINT64_C(360000) * 2048 - DISC},  /* 80 minutes, mode 1 */
    {"dvd", UINT64_C(4700372992) - DISC},    /* DVD+R; a DVD-R has a little more */
    {"dvd-dl", UINT64_C(8543666176) - DISC}, /* DVD-R DL; a DVD+R DL has a little more */
    {"bd", UINT64_C(24220008448) - DISC},    /* BD-R with the spare sectors that burners leave */
};

int dr_capacity_read(const char *text, uint64_t *ret_bytes, struct dr_err *err)
{
    for (size_t i = 0; i < sizeof media / sizeof *media; i++) {
        if (strcmp(text, media[i].name) != 0)
            continue;
        *ret_bytes = media[i].bytes;
        return 0;
    }
    if (dr_text_bytes(text, UINT64_C(1) << 60, ret_bytes) == 0)
        return 0;
    return dr_fail(err, DR_ERR_USAGE,
                   "'%.40s' is neither a size like 700M or 4GB nor one of fat32, cd, dvd, "
                   "dvd-dl, bd",
                   text);
}

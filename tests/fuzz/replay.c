/* SPDX-License-Identifier: Apache-2.0 */
/* Replays the files of a corpus folder through a fuzz target, where libFuzzer is not at hand. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_buf struct dr_buf data = DR_BUF_INIT(1u << 24);
    dr_autofree char *path = dr_file_join(folder, name, &err);

    if (!path || dr_file_read(path, &data, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    return LLVMFuzzerTestOneInput((const uint8_t *)data.data, data.size);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    unsigned count = 0;

    if (!folder) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder))) {
        if (*entry->d_name == '.')
            continue;
        if (replay(argv[1], entry->d_name) < 0)
            return 1;
        count++;
    }
    closedir(folder);
    printf("%u inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}

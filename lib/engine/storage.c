/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/engine/storage.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/engine/client.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/tree.h"

static json_t *look(struct dr_engine *engine, const char *kind, const char *name,
                    struct dr_err *err)
{
    char before[32];
    char doing[160];
    dr_autofree char *path = NULL;

    snprintf(before, sizeof before, "/%ss/", kind);
    snprintf(doing, sizeof doing, "inspect %s '%.100s'", kind, name);
    path = dr_engine_path(before, name, "", err);
    return path ? dr_engine_get(engine, path, doing, err) : NULL;
}

json_t *dr_volume_inspect(struct dr_engine *engine, const char *name, struct dr_err *err)
{
    return look(engine, "volume", name, err);
}

json_t *dr_network_inspect(struct dr_engine *engine, const char *name, struct dr_err *err)
{
    return look(engine, "network", name, err);
}

int dr_volume_create(struct dr_engine *engine, const char *name, struct dr_err *err)
{
    json_auto_t *body = json_pack("{s:s, s:s}", "Name", name, "Driver", "local");
    char doing[160];

    if (!body)
        return dr_fail_memory(err);
    snprintf(doing, sizeof doing, "create volume '%.100s'", name);
    return dr_engine_change(engine, "POST", "/volumes/create", body, doing, err);
}

static int count_here(struct dr_engine *engine, const char *name, uint64_t *ret_bytes)
{
    json_auto_t *volume = dr_volume_inspect(engine, name, NULL);
    const char *folder = dr_json_string_or(volume, "Mountpoint", NULL);
    struct dr_tree tree;

    if (!dr_engine_local(engine) || !folder || dr_tree_measure(folder, &tree, NULL) < 0)
        return -1;
    *ret_bytes = tree.bytes;
    return 0;
}

int dr_volume_size(struct dr_engine *engine, const char *name, uint64_t *ret_bytes,
                   struct dr_err *err)
{
    json_auto_t *usage = NULL;
    json_t *volume;
    size_t i;

    if (count_here(engine, name, ret_bytes) == 0)
        return 0;
    usage = dr_engine_get(engine, "/system/df", "measure volumes", err);
    if (!usage)
        return -1;
    json_array_foreach(json_object_get(usage, "Volumes"), i, volume)
    {
        int64_t size = dr_json_int_or(json_object_get(volume, "UsageData"), "Size", -1);

        if (strcmp(dr_json_string_or(volume, "Name", ""), name) != 0 || size < 0)
            continue;
        *ret_bytes = (uint64_t)size;
        return 0;
    }
    return dr_fail(err, DR_ERR_ENGINE, "measure volume '%.100s': the engine does not tell its size",
                   name);
}

char *dr_engine_folder(struct dr_engine *engine, struct dr_err *err)
{
    json_auto_t *info = dr_engine_get(engine, "/info", "ask the engine about itself", err);
    const char *folder = NULL;

    if (!info || dr_json_get_string(info, "DockerRootDir", &folder, err) < 0)
        return NULL;
    return dr_text_copy(folder, err);
}

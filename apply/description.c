/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/description.h"

#include "lib/json.h"

void dr_description_read(const json_t *state, unsigned api, struct dr_description *ret_description)
{
    const json_t *server = json_object_get(state, "server");
    const json_t *list = json_object_get(state, "variables");
    size_t count = 0;
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && count < DR_VARIABLES_MAX)
            ret_description->variables[count++] = json_string_value(item);
    }
    ret_description->variables[count] = NULL;
    ret_description->input = (struct dr_spec_input){
        .inspect = json_object_get(server, "inspect"),
        .image = json_object_get(server, "image"),
        .reference = dr_json_string_or(json_object_get(state, "target"), "server", ""),
        .variables = ret_description->variables,
        .data_container = dr_json_string_or(json_object_get(server, "data"), "name", NULL),
        .folder = dr_json_string_or(json_object_get(server, "move"), "folder", NULL),
        .gone = json_object_get(server, "gone"),
        .api = api,
    };
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/sides.h"

#include <string.h>

#include "apply/plan.h"
#include "lib/json.h"

void dr_sides_print(FILE *out, const json_t *rows, bool all)
{
    static const struct dr_column columns[] = {
        {"SETTING", "field", 32, false},
        {"OLD CONTAINER", "old", 32, false},
        {"NEW CONTAINER", "new", 32, false},
        {NULL, NULL, 0, false},
    };
    json_auto_t *shown = json_array();
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (all ||
            strcmp(dr_json_string_or(row, "old", ""), dr_json_string_or(row, "new", "")) != 0)
            json_array_append(shown, row);
    }
    if (json_array_size(shown) == 0)
        return;
    fputc('\n', out);
    dr_plan_table(out, shown, columns);
    if (json_array_size(shown) < json_array_size(rows))
        fprintf(out, "%zu other settings of the container are the same (-v shows them)\n",
                json_array_size(rows) - json_array_size(shown));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/compare.h"

#include <stdio.h>
#include <string.h>

#include "apply/rancher/survey.h"
#include "lib/json.h"
#include "lib/text.h"

bool dr_compare_links(const json_t *after, const json_t *before)
{
    const json_t *link;
    const json_t *other;
    size_t i;
    size_t k;

    if (json_array_size(after) != json_array_size(before))
        return false;
    json_array_foreach(before, i, link)
    {
        bool found = false;

        json_array_foreach(after, k, other)
        {
            found = found || json_equal(link, other);
        }
        if (!found)
            return false;
    }
    return true;
}

bool dr_compare_endpoints(const json_t *after, const json_t *before)
{
    static const char *const keys[] = {"ipAddress", "port", NULL};
    json_auto_t *left = json_array();
    json_auto_t *right = json_array();
    const json_t *endpoint;
    size_t i;

    json_array_foreach(after, i, endpoint)
    {
        json_array_append_new(left, dr_survey_pick(endpoint, keys));
    }
    json_array_foreach(before, i, endpoint)
    {
        json_array_append_new(right, dr_survey_pick(endpoint, keys));
    }
    return dr_compare_links(left, right);
}

void dr_compare_write_endpoints(const json_t *endpoints, char ret[DR_ENDPOINTS_ROOM])
{
    const json_t *endpoint;
    size_t used = 0;
    size_t i;

    snprintf(ret, DR_ENDPOINTS_ROOM, "none");
    json_array_foreach(endpoints, i, endpoint)
    {
        int size = snprintf(ret + used, DR_ENDPOINTS_ROOM - used, "%s%s:%lld", used > 0 ? " " : "",
                            dr_json_string_or(endpoint, "ipAddress", "?"),
                            (long long)dr_json_int_or(endpoint, "port", 0));

        used += size > 0 ? (size_t)size : 0;
        if (used >= DR_ENDPOINTS_ROOM)
            break;
    }
    dr_text_clean(ret);
}

bool dr_compare_is_passing(const char *key)
{
    static const char *const keys[] = {"state",
                                       "healthState",
                                       "transitioning",
                                       "transitioningMessage",
                                       "transitioningProgress",
                                       "instances",
                                       "self",
                                       "links_out",
                                       "links_in",
                                       "publicEndpoints",
                                       "createIndex",
                                       "currentScale",
                                       "upgrade",
                                       NULL};

    for (size_t i = 0; keys[i]; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

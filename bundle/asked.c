/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/asked.h"

#include "lib/json.h"

json_t *dr_asked_new(const struct dr_bundle_options *options, const struct dr_wanted_list *wanted,
                     const struct dr_bases *bases, const struct dr_tools *tools, struct dr_err *err)
{
    char platform[DR_PLATFORM_TEXT];
    json_auto_t *images = json_array();
    json_t *asked;

    for (size_t i = 0; i < wanted->count; i++) {
        char name[DR_REFERENCE_TEXT];

        if (dr_json_append(
                images, json_string(dr_reference_text(&wanted->items[i].reference, name)), err) < 0)
            return NULL;
    }
    asked =
        json_pack("{s:s*, s:O, s:s, s:b, s:s, s:I, s:b, s:O*, s:o*, s:o*}", "release", wanted->name,
                  "images", images, "platform", dr_platform_text(&options->platform, platform),
                  "all-platforms", options->all_platforms, "channel", options->channel, "signers",
                  (json_int_t)options->signers, "expires", options->expires != NULL, "bases",
                  bases->list, "tools", dr_tools_describe(tools, err), "split",
                  options->split ? json_integer((json_int_t)options->split) : NULL);
    if (!asked)
        dr_fail_memory(err);
    return asked;
}

json_t *dr_asked_found(const struct dr_wanted_list *wanted, const struct dr_fetched *fetched,
                       struct dr_err *err)
{
    json_auto_t *found = json_object();

    for (size_t i = 0; i < wanted->count; i++) {
        char name[DR_REFERENCE_TEXT];
        char digest[DR_DIGEST_TEXT];

        if (fetched[i].has_found &&
            dr_json_set(found, dr_reference_text(&wanted->items[i].reference, name),
                        json_string(dr_digest_text(&fetched[i].found, digest)), err) < 0)
            return NULL;
    }
    return json_incref(found);
}

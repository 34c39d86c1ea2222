/* SPDX-License-Identifier: Apache-2.0 */
// Settings with Cattle's precedence: environment (CATTLE_*), database, DEFAULT_CATTLE_*, packaged
// defaults. Two versions must be told apart: what the image's files really are (behaviour, schema,
// packaged defaults) and what the environment says (what the API reports).
#ifndef SIM_SETTINGS_H
#define SIM_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>

struct release {
    const char *server, *cattle, *agent, *agent_instance;
    int schema;
    bool is_1_1;
};

// Reads /usr/share/cattle/version; unknown text gives the last 1.0 release.
const struct release *release_here(void);

// The effective value, interpolated; "" when there is none. The caller frees.
char *setting_value(const char *name);
// The activeSetting resource without links, or NULL when there is no such setting. The caller owns
// it.
json_t *setting_resource(const char *name);
// Every name known: packaged, in the environment, in the database. The caller owns the array.
json_t *setting_names(void);
bool setting_is_public(const char *name);
void setting_put(const char *name, const char *value); // NULL unsets

#endif

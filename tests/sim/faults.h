/* SPDX-License-Identifier: Apache-2.0 */
// Faults that a test switches on by name, kept in the database so that they outlive a restart.
// The names and parameters are listed in README.md.
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "db.h"

extern const char *const FAULT_NAMES[]; // NULL at the end

json_t *fault_get(const char *name); // parameters, or NULL when off; borrowed
// Takes one from the fault's `count` (absent: endless). True when the fault strikes now.
bool fault_strike(const char *name);
// As above, for a fault limited to a host (`host`: id, name or hostname; absent: all).
bool fault_strikes_host(const char *name, const struct row *host);
bool fault_names_host(const json_t *fault, const struct row *host);
double faults_slowness(const struct row *row);
// Sets {"name": {...} | true | false, ...}; 0, or -1 for an unknown name (nothing changed then).
int faults_set(json_t *wanted, const char **ret_unknown);

#endif

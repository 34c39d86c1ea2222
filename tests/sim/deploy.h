/* SPDX-License-Identifier: Apache-2.0 */
// Which instances a service has, and where: the planner, the allocator, and the in-service upgrade.
#ifndef SIM_DEPLOY_H
#define SIM_DEPLOY_H

#include "db.h"

bool service_is_global(const struct row *service);
bool service_allows(const struct row *service, const char *action);

// Creates what is missing, starts what is stopped, removes what is too much.
void deploy_reconcile(struct row *service);
// As many units as wanted, all running.
bool deploy_is_complete(const struct row *service);
// Stops (and removes) all; returns how many are not yet there.
int deploy_stop_all(struct row *service, bool remove);
// A unit more; on `host`, or where the allocator puts it when 0. NULL when there is no place.
struct row *deploy_add_unit(struct row *service, int host);

// NULL, or what is wrong with the body of ?action=upgrade.
const char *upgrade_prepare(struct row *service, json_t *body);
void upgrade_init(void);

#endif

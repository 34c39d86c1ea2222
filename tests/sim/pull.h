/* SPDX-License-Identifier: Apache-2.0 */
// A simulated host pulls an image: the exact reference is looked up at the real registry of the
// test (GET /v2/NAME/manifests/TAG); success adds it to the host's set. Nothing but the manifest is
// fetched.
#ifndef SIM_PULL_H
#define SIM_PULL_H

#include "db.h"

// `error` is NULL when the image is there now. Called from the event loop, never from pull_start
// itself.
typedef void pull_done_fn(struct row *subject, struct row *host, const char *error);

void pull_init(void);
void pull_start(struct row *host, const char *reference, pull_done_fn *done, struct row *subject);

bool host_holds(const struct row *host, const char *reference);
void host_add_image(struct row *host, const char *reference);
// A docker reference with or without "docker:"; false when docker would not take it.
bool image_is_valid(const char *reference);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_CATALOG_H
#define DROVER_MIRROR_SERVE_CATALOG_H

/*
 * The bundle as a registry shows it. An image of the bundle, docker.io/rancher/server:v1.0.2, is found
 *
 *     as rancher/server              as `docker pull HOST:PORT/rancher/server:v1.0.2` asks, and dockerd a mirror of Docker Hub
 *     as rancher/server, ns=docker.io        as containerd asks a mirror: images of other hosts are none then
 *     as docker.io/rancher/server    where two hosts of one bundle have the same name
 *
 * Without a host a name is Docker Hub's where the bundle has an image of that name from there, since it is what a mirror of
 * Docker Hub is asked for; else that of another host, where drover mirror would put it. Two of other hosts that would
 * both be a/b:1 are found by the other two ways only.
 * Manifests and blobs are found only by the names that they belong to, as in any registry.
 */

#include <jansson.h>
#include <stdbool.h>

#include "bundle/file/reader.h"
#include "mirror/serve/question.h"

/* The name fits some image. */
bool dr_catalog_has(const struct dr_bundle *bundle, const struct dr_question *question);

/* What the tag or digest of the question names under its name; false: nothing. */
bool dr_catalog_manifest(const struct dr_bundle *bundle, const struct dr_question *question,
                         struct dr_descriptor *ret_manifest);

/* The config or layer with this digest under the question's name; NULL: there is none. Borrowed. */
const struct dr_bundle_blob *dr_catalog_blob(const struct dr_bundle *bundle,
                                             const struct dr_question *question,
                                             const struct dr_digest *digest);

/* All names without hosts, or all tags of the question's name: sorted, each once, cut as `n` and `last` want. `ret_more`
 * tells that some were cut off. New reference to an array; NULL: memory is out. */
json_t *dr_catalog_list(const struct dr_bundle *bundle, const struct dr_question *question,
                        bool *ret_more);

/* The image is found without its host. */
bool dr_catalog_is_plain(const struct dr_bundle *bundle, const struct dr_bundle_image *image);

/* Says which names are found with their hosts only, and which are taken for Docker Hub's. */
void dr_catalog_warn(const struct dr_bundle *bundle, const struct dr_log *log);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_FEED_H
#define DROVER_MIRROR_FEED_H

/*
 * The layers of a bundle in volumes that are put in one after the other (`--wait-for-media`), into a registry that has
 * been surveyed. No second copy, one pass: a layer that is wholly on what is in goes up at once; one that goes on in the
 * next volume is sent as far as it goes, and its upload waits, with no request open, until that volume is in. Whatever
 * wanted volume comes instead gives what it has. In the order 1 to n each is asked for once; with another start, the one
 * that was first perhaps once more, for the layer that ends on it.
 *
 * A layer is hashed on its way, and the registry gets to know its digest only if that is the one of the signed list.
 * Manifests and tags are dr_mirror_push_all()'s, after all layers. What is there already is not asked for, so a run
 * after one that was cut off wants only those volumes that still have something.
 */

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "mirror/push.h"

/* Takes what it has sent out of the plan. A layer that is damaged is told at once, with its volume and bytes, and the
 * others go on; in the end it is DR_ERR_VERIFY, with what to bring. */
int dr_mirror_feed(struct dr_mirror_push *push, struct dr_bundle *bundle, struct dr_err *err);

#endif

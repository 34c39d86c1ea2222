/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_DIFFID_H
#define DROVER_MANIFESTS_DIFFID_H

/*
 * The diff ID of a layer (OCI image-spec config.md: the digest of its tar, unpacked) while its bytes pass by. Nothing
 * is kept: memory is the same for every layer.
 *
 *     dr_auto_diffid struct dr_diffid *diffid = dr_diffid_new(size, err);
 *     dr_diffid_add(diffid, data, n);                            as the bytes come
 *     if (dr_diffid_end(diffid, &digest, &plain, err) < 0) ...   once, when all have come
 *
 * A layer is gzip of any number of members, or not compressed. What is compressed in another way, damaged, followed
 * by something else, or unpacks to an absurd size is DR_ERR_FORMAT, told at the end: until then nobody knows whether
 * these are the layer's bytes at all, and their digest, which others check, says it better.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/hash.h"

/* Of what a layer unpacks to: at most this, and beyond DR_DIFFID_FREE at most so many times its size. */
#define DR_DIFFID_MAX (UINT64_C(20) << 30)
#define DR_DIFFID_FREE (UINT64_C(256) << 20)
#define DR_DIFFID_RATIO 200

struct dr_diffid;

/* `size` is that of the layer as it is stored. */
struct dr_diffid *dr_diffid_new(uint64_t size, struct dr_err *err);
void dr_diffid_free(struct dr_diffid *diffid);
static inline void dr_cleanup_diffid(struct dr_diffid **diffid)
{
    dr_diffid_free(*diffid);
}
#define dr_auto_diffid __attribute__((cleanup(dr_cleanup_diffid)))

void dr_diffid_add(struct dr_diffid *diffid, const void *data, size_t size);

/* `ret_plain`: it is not compressed. */
int dr_diffid_end(struct dr_diffid *diffid, struct dr_digest *ret_digest, bool *ret_plain,
                  struct dr_err *err);

#endif

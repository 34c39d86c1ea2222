/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_LOAD_RELAY_H
#define DROVER_MIRROR_LOAD_RELAY_H

/*
 * A bundle that comes through a pipe, made into the docker archive that goes on to an engine while it arrives: the
 * bundle's own bytes up to the last layer, and the end of a tar. (What a bundle has behind its layers no engine needs.)
 *
 *     dr_relay_init(&relay, bundle, &progress, log, err);
 *     dr_image_load(engine, dr_relay_read, &relay, relay.total, err);
 *     dr_relay_end(&relay, err);
 *
 * No engine looks at an image before it has all of the archive: it puts the members aside, in a folder of its own or under
 * their hash, and forgets them when the archive ends too early. So nothing is used of a bundle that is not wholly good as
 * long as the archive lacks a part until then, and that is what this does: the last bytes of a layer are given out when its
 * hash was right, and those of the last layer when everything behind it was read and checked as well. The part is
 * one of a layer and not only the end of the tar, since engines do without that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_relay {
    uint64_t total; /* bytes of the archive */

    /* Its own business. */
    struct dr_bundle *bundle;
    struct dr_progress *progress;
    const struct dr_log *log;
    uint64_t head; /* bytes before the first layer */
    uint64_t made; /* bytes that were in `piece` so far */
    char *piece;
    size_t begin; /* what of it was not given out yet */
    size_t end;
    size_t next;   /* the blob that is being read, or comes next */
    bool inside;   /* the stream stands inside of a layer */
    uint64_t left; /* bytes of it */
    bool finished; /* the stream was read to its end */
    struct dr_err failure;
};

/* `bundle` is of dr_bundle_open_stream(), and nothing was read of its layers yet. All are borrowed. */
int dr_relay_init(struct dr_relay *relay, struct dr_bundle *bundle, struct dr_progress *progress,
                  const struct dr_log *log, struct dr_err *err);
void dr_relay_release(struct dr_relay *relay);
#define dr_auto_relay __attribute__((cleanup(dr_relay_release)))

/* A dr_http_source_fn. -1: the stream is not good, or cannot be read. */
long dr_relay_read(void *relay, void *ret_data, size_t size, struct dr_err *err);

/* Reads what is left of the stream, and says whether all of it was good: every layer that was lost is warned of by name,
 * also those that nobody asked for any more. */
int dr_relay_end(struct dr_relay *relay, struct dr_err *err);

/* It was the stream that failed, so whoever was reading cannot be blamed. */
bool dr_relay_failed(const struct dr_relay *relay);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_LOAD_NAMES_H
#define DROVER_MIRROR_LOAD_NAMES_H

/*
 * What an engine should have of a bundle: every image under its own name and, where a registry was given, under the name
 * that it has there; and what the engine has of that. An image without a tag has no names: it goes by its id.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/reader.h"
#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/reference.h"
#include "mirror/audit/destination.h"
#include "mirror/load/identity.h"

enum dr_load_state {
    DR_LOAD_ABSENT,  /* the engine does not have the image */
    DR_LOAD_UNNAMED, /* it has it, but not by this name */
    DR_LOAD_PRESENT, /* all as it should be */
};

struct dr_load_name {
    const struct dr_bundle_image *image;
    const struct dr_identity *identity; /* of the image; borrowed from the names */
    bool own;                           /* the name of the bundle: loading makes it */
    struct dr_reference reference;      /* without tag: only the id counts */
    char text[DR_REFERENCE_TEXT];       /* for the engine and for people: the name, or the id */
    char id[128];                       /* what this engine calls the image; "" until it is known */
    char other[128];                    /* the image that had this name before; "": none */
    enum dr_load_state before;
};

struct dr_load_names {
    struct dr_load_name *items; /* images in the bundle's order, own names first */
    size_t count;
    struct dr_identity *identities; /* one per image */
    size_t image_count;
};

#define DR_LOAD_NAMES_INIT                                                                         \
    {                                                                                              \
        .items = NULL                                                                              \
    }

void dr_load_names_release(struct dr_load_names *names);
#define dr_auto_load_names __attribute__((cleanup(dr_load_names_release)))

/* `registry` NULL: own names only. Two images that would get one name there are DR_ERR_REFUSED. */
int dr_load_names_make(const struct dr_bundle *bundle, const struct dr_destination *registry,
                       struct dr_load_names *ret_names, struct dr_err *err);

/* Asks the engine for each of them and fills `id`, `other` and `before`. */
int dr_load_names_look(struct dr_load_names *names, struct dr_engine *engine, struct dr_err *err);

/* The engine has it under this name, and it is the bundle's: fills `id`. DR_ERR_PROOF otherwise. */
int dr_load_name_prove(struct dr_load_name *name, struct dr_engine *engine, struct dr_err *err);

#endif

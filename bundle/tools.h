/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_TOOLS_H
#define DROVER_BUNDLE_TOOLS_H

/*
 * drover in its own bundle (`bundle --with-tool`): the last members READ-ME-FIRST.txt, which tells how to begin with
 * stock commands where nothing is installed, and drover-<architecture>, as `uname -m` calls that. They are listed and
 * signed like everything else.
 *
 *     dr_auto_tools struct dr_tools tools = DR_TOOLS_INIT;
 *     dr_tools_open(&tools, options, err);                 hashed; tools.members are the extras of a dr_writer
 *     dr_tools_write(&tools, &writer, fd, what, err);      once the file is planned
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bundle/bundle.h"
#include "bundle/file/layout.h"
#include "bundle/file/writer.h"
#include "lib/err.h"

/* What stands for the running program. */
#define DR_TOOL_SELF ""

/* As many architectures as anybody will carry along. */
#define DR_TOOLS_MAX 8

struct dr_tools {
    struct dr_member
        members[1 + DR_TOOLS_MAX]; /* READ-ME-FIRST.txt, then the tools, by name; no offsets */
    int fds[1 + DR_TOOLS_MAX];     /* where their bytes are; -1 for the first */
    size_t count;                  /* 0: there are none */
};

#define DR_TOOLS_INIT                                                                              \
    {                                                                                              \
        .count = 0                                                                                 \
    }

/* Opens and hashes the executables at options->tools (DR_TOOL_SELF: the running one), at most one for each architecture.
 * DR_ERR_REFUSED: one that needs libraries of its host, unless dynamic_tool allows that. DR_ERR_FORMAT: no executable
 * for Linux. Nothing where there are none. */
int dr_tools_open(struct dr_tools *tools, const struct dr_bundle_options *options,
                  struct dr_err *err);
void dr_tools_release(struct dr_tools *tools);
#define dr_auto_tools __attribute__((cleanup(dr_tools_release)))

/* Name and digest of each, as a new object; NULL when there are none. */
json_t *dr_tools_describe(const struct dr_tools *tools, struct dr_err *err);

/* Writes the one that `member` is a copy of, by its digest, to its place in `fd`. Returns whether there is one, or -1. */
int dr_tools_write_same(const struct dr_tools *tools, const struct dr_member *member, int fd,
                        const char *what, struct dr_err *err);

/* Writes them to their places in `fd`, with the zeros behind them. DR_ERR_IO when a file is no longer what was
 * hashed. */
int dr_tools_write(const struct dr_tools *tools, const struct dr_writer *writer, int fd,
                   const char *what, struct dr_err *err);

#endif

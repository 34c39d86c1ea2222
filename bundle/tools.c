/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/tools.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/elf.h"
#include "bundle/file/sums.h"
#include "lib/cleanup.h"
#include "lib/embed.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define PIECE_BYTES ((size_t)1 << 18)

/* READ-ME-FIRST.txt, alone in its table. */
extern const struct dr_embedded dr_readme[];

/* Copies a tool's bytes to `to` at `offset`, or only reads them (`to` -1); they are hashed. */
static int pass_tool(int from, const struct dr_member *tool, int to, uint64_t offset,
                     const char *what, struct dr_digest *ret_digest, struct dr_err *err)
{
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    dr_autofree char *piece = malloc(PIECE_BYTES);

    if (!hash)
        return -1;
    if (!piece)
        return dr_fail_memory(err);
    for (uint64_t done = 0; done < tool->size;) {
        size_t now = tool->size - done < PIECE_BYTES ? (size_t)(tool->size - done) : PIECE_BYTES;

        if (dr_file_pread(from, piece, now, done, tool->name, err) < 0 ||
            (to >= 0 && dr_file_pwrite(to, piece, now, offset + done, what, err) < 0))
            return -1;
        dr_hash_add(hash, piece, now);
        done += now;
    }
    dr_hash_end(hash, ret_digest);
    return 0;
}

static int check_tool(int fd, const char *path, bool dynamic, struct dr_member *ret_tool,
                      struct dr_err *err)
{
    struct dr_elf elf;
    struct stat info;

    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is no ordinary file", path);
    if (dr_elf_read(fd, path, &elf, err) < 0)
        return -1;
    if (elf.dynamic && !dynamic)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "'%s' needs libraries of the host it runs on, and that may have none; give the "
            "portable build with --with-tool=FILE, or take this one by --dynamic-tool",
            path);
    snprintf(ret_tool->name, sizeof ret_tool->name, DR_NAME_PROGRAM "%s", elf.architecture);
    ret_tool->size = (uint64_t)info.st_size;
    return pass_tool(fd, ret_tool, -1, 0, NULL, &ret_tool->digest, err);
}

/* By name, ascending, behind the first member. */
static int insert(struct dr_tools *tools, const struct dr_member *tool, int fd, struct dr_err *err)
{
    size_t at = tools->count;

    while (at > 1 && strcmp(tools->members[at - 1].name, tool->name) >= 0) {
        if (strcmp(tools->members[at - 1].name, tool->name) == 0)
            return dr_fail(err, DR_ERR_USAGE, "there are two for one architecture ('%s')",
                           tool->name);
        tools->members[at] = tools->members[at - 1];
        tools->fds[at] = tools->fds[at - 1];
        at--;
    }
    tools->members[at] = *tool;
    tools->fds[at] = fd;
    tools->count++;
    return 0;
}

static int add_tool(struct dr_tools *tools, const char *path, bool dynamic, struct dr_err *err)
{
    bool self = strcmp(path, DR_TOOL_SELF) == 0;
    const char *file = self ? "/proc/self/exe" : path;
    dr_autoclose int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct dr_member tool = {.size = 0};

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s'", file);
    if (tools->count > DR_TOOLS_MAX)
        return dr_fail(err, DR_ERR_USAGE, "more than %d", DR_TOOLS_MAX);
    if (check_tool(fd, self ? "this drover" : path, dynamic, &tool, err) < 0 ||
        insert(tools, &tool, fd, err) < 0)
        return -1;
    dr_steal_fd(&fd);
    return 0;
}

int dr_tools_open(struct dr_tools *tools, const struct dr_bundle_options *options,
                  struct dr_err *err)
{
    struct dr_member *readme = &tools->members[0];

    if (options->tool_count == 0)
        return 0;
    *readme = (struct dr_member){.name = DR_NAME_README, .size = dr_readme[0].size};
    dr_digest_of(dr_readme[0].text, dr_readme[0].size, &readme->digest);
    tools->fds[0] = -1;
    tools->count = 1;
    for (size_t i = 0; i < options->tool_count; i++) {
        if (add_tool(tools, options->tools[i], options->dynamic_tool, err) < 0)
            return dr_err_wrap(err, "--with-tool");
    }
    return 0;
}

void dr_tools_release(struct dr_tools *tools)
{
    for (size_t i = 1; i < tools->count; i++)
        close(tools->fds[i]);
    tools->count = 0;
}

json_t *dr_tools_describe(const struct dr_tools *tools, struct dr_err *err)
{
    json_auto_t *list = NULL;

    for (size_t i = 0; i < tools->count; i++) {
        const struct dr_member *tool = &tools->members[i];
        char digest[DR_DIGEST_TEXT];

        if (!list)
            list = json_object();
        if (dr_json_set(list, tool->name, json_string(dr_digest_text(&tool->digest, digest)), err) <
            0)
            return NULL;
    }
    return json_incref(list);
}

static int write_tool(const struct dr_tools *tools, size_t index, int fd, uint64_t offset,
                      const char *what, struct dr_err *err)
{
    const struct dr_member *tool = &tools->members[index];
    struct dr_digest found;

    if (tools->fds[index] < 0)
        return dr_file_pwrite(fd, dr_readme[0].text, dr_readme[0].size, offset, what, err);
    if (pass_tool(tools->fds[index], tool, fd, offset, what, &found, err) < 0)
        return -1;
    if (!dr_digest_equal(&found, &tool->digest))
        return dr_fail(err, DR_ERR_IO, "'%s' was changed while the bundle was made; make it again",
                       tool->name);
    return 0;
}

int dr_tools_write_same(const struct dr_tools *tools, const struct dr_member *member, int fd,
                        const char *what, struct dr_err *err)
{
    for (size_t i = 0; i < tools->count; i++) {
        if (tools->members[i].size == member->size &&
            dr_digest_equal(&tools->members[i].digest, &member->digest))
            return write_tool(tools, i, fd, member->offset, what, err) < 0 ? -1 : 1;
    }
    return 0;
}

int dr_tools_write(const struct dr_tools *tools, const struct dr_writer *writer, int fd,
                   const char *what, struct dr_err *err)
{
    static const char zeros[DR_BLOCK];

    for (size_t i = 0; i < tools->count; i++) {
        uint64_t offset = dr_writer_extra(writer, i);
        uint64_t size = tools->members[i].size;

        if (write_tool(tools, i, fd, offset, what, err) < 0 ||
            dr_file_pwrite(fd, zeros, dr_padding(size), offset + size, what, err) < 0)
            return -1;
    }
    return 0;
}

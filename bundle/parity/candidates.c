/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/candidates.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/file/label.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define ENTRIES_MAX 10000

void dr_candidates_release(struct dr_candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        free(candidates->items[i].path);
        if (candidates->items[i].fd >= 0)
            close(candidates->items[i].fd);
    }
    free(candidates->items);
    free(candidates->output);
}

void dr_candidates_strip(char *name)
{
    char *dot = strrchr(name, '.');

    if (!dot)
        return;
    if (strcmp(dot, ".parity") == 0 ||
        (strlen(dot) == 4 && (isdigit((unsigned char)dot[1]) || dot[1] == 'p') &&
         isdigit((unsigned char)dot[2]) && isdigit((unsigned char)dot[3])))
        *dot = '\0';
}

bool dr_candidates_is_called_so(const struct dr_candidates *candidates, const char *path)
{
    char stem[NAME_MAX + 1];

    if (!candidates->output || dr_text_put(stem, sizeof stem, dr_file_name(path)) < 0)
        return false;
    dr_candidates_strip(stem);
    return strcmp(stem, dr_file_name(candidates->output)) == 0;
}

static bool has_label(int fd)
{
    dr_auto_label struct dr_label label = DR_LABEL_INIT;

    return dr_label_is_there(fd) || dr_label_read_first(fd, &label, NULL) == 0;
}

static bool is_there(const struct dr_candidates *candidates, const struct stat *info)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->items[i].device == info->st_dev &&
            candidates->items[i].inode == info->st_ino)
            return true;
    }
    return false;
}

/* Takes `fd`. */
static int add(struct dr_candidates *candidates, const char *path, int fd, const struct stat *info,
               bool named, struct dr_err *err)
{
    dr_autoclose int taken = fd;
    struct dr_candidate *items;

    if (candidates->count == DR_CANDIDATES_MAX)
        return dr_fail(err, DR_ERR_REFUSED,
                       "there are more than %d files with labels: name those of one bundle, in a "
                       "folder of their own",
                       DR_CANDIDATES_MAX);
    items = realloc(candidates->items, (candidates->count + 1) * sizeof *items);
    if (!items)
        return dr_fail_memory(err);
    candidates->items = items;
    items += candidates->count;
    *items = (struct dr_candidate){.path = dr_text_copy(path, err),
                                   .fd = -1,
                                   .device = info->st_dev,
                                   .inode = info->st_ino,
                                   .named = named};
    if (!items->path)
        return -1;
    items->fd = dr_steal_fd(&taken);
    candidates->count++;
    return 0;
}

/* Of a folder, if it is an ordinary file and not there yet: `ret_fd` -1 otherwise. */
static int open_entry(const struct dr_candidates *candidates, const char *path, int *ret_fd,
                      struct stat *ret_info, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    *ret_fd = -1;
    if (fd < 0 && dr_file_is_too_many(errno))
        return dr_file_fail_open(path, err);
    if (fd >= 0 && fstat(fd, ret_info) == 0 && S_ISREG(ret_info->st_mode) &&
        !is_there(candidates, ret_info))
        *ret_fd = dr_steal_fd(&fd);
    return 0;
}

/* The bundle beside its parity file: it has no label that would tell. */
static int add_bundle_of(struct dr_candidates *candidates, char *path, struct dr_err *err)
{
    struct stat info;
    int fd;

    if (!dr_text_ends(path, ".parity"))
        return 0;
    dr_candidates_strip(path);
    if (open_entry(candidates, path, &fd, &info, err) < 0)
        return -1;
    return fd < 0 ? 0 : add(candidates, path, fd, &info, false, err);
}

/* One of a folder; nothing happens if it is nothing for us. */
static int look_at(struct dr_candidates *candidates, const char *folder, const char *name,
                   struct dr_err *err)
{
    dr_autofree char *path = folder ? dr_file_join(folder, name, err) : dr_text_copy(name, err);
    dr_autoclose int fd = -1;
    struct stat info;

    if (!path || open_entry(candidates, path, &fd, &info, err) < 0)
        return -1;
    if (fd < 0 || (!dr_candidates_is_called_so(candidates, name) && !has_label(fd)))
        return 0;
    return add(candidates, path, dr_steal_fd(&fd), &info, false, err) < 0
               ? -1
               : add_bundle_of(candidates, path, err);
}

static int no_draft(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !dr_text_ends(entry->d_name, ".part");
}

/* NULL: the folder that we are in. */
static int scan(struct dr_candidates *candidates, const char *folder, struct dr_err *err)
{
    struct dirent **entries = NULL;
    int count = scandir(folder ? folder : ".", &entries, no_draft, alphasort);
    int done = count < 0
                   ? dr_fail_errno(err, DR_ERR_IO, "read the folder '%s'", folder ? folder : ".")
                   : 0;

    if (count > ENTRIES_MAX)
        done = dr_fail(err, DR_ERR_REFUSED,
                       "the folder '%s' has %d entries: put the files of the bundle into one of "
                       "their own",
                       folder ? folder : ".", count);
    for (int i = 0; i < count; i++) {
        if (done == 0)
            done = look_at(candidates, folder, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return done;
}

int dr_candidates_add_folder(struct dr_candidates *candidates, const char *folder,
                             struct dr_err *err)
{
    size_t before = candidates->count;

    if (scan(candidates, folder, err) < 0)
        return -1;
    for (size_t i = before; i < candidates->count; i++)
        candidates->items[i].asked = true;
    return 0;
}

static int add_folder_of(struct dr_candidates *candidates, const char *path, struct dr_err *err)
{
    dr_autofree char *folder = dr_text_copy(path, err);
    char *slash = folder ? strrchr(folder, '/') : NULL;

    if (!folder)
        return -1;
    if (!slash)
        return scan(candidates, NULL, err);
    slash[slash == folder] = '\0';
    return scan(candidates, folder, err);
}

static int add_file(struct dr_candidates *candidates, const char *path, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat info;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 && errno == ELOOP)
        return dr_fail(err, DR_ERR_REFUSED, "'%s' is a symbolic link; name the file itself", path);
    if (fd < 0 || fstat(fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open '%s'", path);
    if (!S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_IO, "'%s' is not an ordinary file", path);
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->items[i].device == info.st_dev &&
            candidates->items[i].inode == info.st_ino) {
            candidates->items[i].named = true;
            return 0;
        }
    }
    return add(candidates, path, dr_steal_fd(&fd), &info, true, err);
}

int dr_candidates_add(struct dr_candidates *candidates, const char *path, struct dr_err *err)
{
    struct stat info;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return dr_candidates_add_folder(candidates, path, err);
    if (!candidates->output) {
        candidates->output = dr_text_copy(path, err);
        if (!candidates->output)
            return -1;
        dr_candidates_strip(candidates->output);
    }
    return add_file(candidates, path, err) < 0 ? -1 : add_folder_of(candidates, path, err);
}

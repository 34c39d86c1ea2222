/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/media.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

/* NONBLOCK: what was an ordinary file a moment ago may be a pipe now. */
#define HOW (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

bool dr_media_is_named(const char *path)
{
    size_t length = strlen(path);
    const char *end = path + length - 4;

    return length > 4 && end[0] == '.' && isdigit((unsigned char)end[1]) &&
           isdigit((unsigned char)end[2]) && isdigit((unsigned char)end[3]);
}

/* -1: it is no ordinary file, or cannot be opened (errno). */
static int open_ordinary(const char *path)
{
    struct stat info;
    int fd;

    if (lstat(path, &info) < 0)
        return -1;
    if (!S_ISREG(info.st_mode)) {
        errno = 0;
        return -1;
    }
    fd = open(path, HOW);
    if (fd >= 0 && (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))) {
        close(fd);
        errno = 0;
        fd = -1;
    }
    return fd;
}

bool dr_media_is_volume(const char *path)
{
    dr_autoclose int fd = open_ordinary(path);

    return fd >= 0 && dr_label_is_there(fd);
}

bool dr_media_is_at(const char *path)
{
    struct stat info;

    return (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) || dr_media_is_volume(path);
}

bool dr_media_is_file(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && !dr_media_is_at(path);
}

static int tell_bad(const char *path, const struct dr_err *why, dr_find_fn *found, void *context,
                    struct dr_err *err)
{
    struct dr_find find = {.path = path, .fd = -1, .why = why};

    return found(context, &find, err);
}

static int look_at(const char *path, int fd, bool named, const struct dr_bundle_trust *trust,
                   dr_find_fn *found, void *context, struct dr_err *err)
{
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    struct dr_find find = {.path = path, .fd = fd, .volume = &volume};
    struct dr_err why = DR_ERR_INIT;
    int done;

    if (!named && !dr_label_is_there(fd)) {
        close(fd);
        return 0;
    }
    if (dr_volume_read(fd, trust, &volume, &why) < 0) {
        /* Whose it is does not matter here: a site may make parity with a key of its own. */
        if (dr_label_is_called(fd, DR_PARITY_FORMAT))
            dr_fail(&why, DR_ERR_USAGE,
                    "it is a parity file, which 'drover repair' takes and 'drover "
                    "verify FILE' checks");
        close(fd);
        return tell_bad(path, &why, found, context, err);
    }
    done = found(context, &find, err);
    if (find.fd >= 0)
        close(find.fd);
    return done;
}

int dr_media_look_at(const char *path, const struct dr_bundle_trust *trust, dr_find_fn *found,
                     void *context, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    bool named = dr_media_is_named(path);
    int fd = open_ordinary(path);

    if (fd >= 0)
        return look_at(path, fd, named, trust, found, context, err);
    if (dr_file_is_too_many(errno)) /* this would be said to be missing, and the next ones too */
        return dr_file_fail_open(path, err);
    if (errno == 0 || errno == ENOENT || errno == ELOOP || !named)
        return 0;
    dr_fail_errno(&why, DR_ERR_IO, "open it");
    return tell_bad(path, &why, found, context, err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
    char **items; /* files */
    size_t count;
    char **folders;
    size_t folder_count;
};

static void release_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    for (size_t i = 0; i < names->folder_count; i++)
        free(names->folders[i]);
    free(names->items);
    free(names->folders);
}

/* What begins with a dot is hidden: nobody puts a volume there. */
static int add_name(struct names *names, const struct dirent *entry, const char *path,
                    struct dr_err *err)
{
    bool folder = entry->d_type == DT_DIR;
    char **place = folder ? &names->folders[names->folder_count] : &names->items[names->count];

    if ((!folder && entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN) ||
        entry->d_name[0] == '.')
        return 0;
    if (names->count + names->folder_count == DR_MEDIA_ENTRIES_MAX)
        return dr_fail(err, DR_ERR_IO,
                       "look for volumes in '%s': it has more than %d files, which are not looked "
                       "through; put the volumes into a folder of their own",
                       path, DR_MEDIA_ENTRIES_MAX);
    *place = dr_file_join(path, entry->d_name, err);
    if (!*place)
        return -1;
    *(folder ? &names->folder_count : &names->count) += 1;
    return 0;
}

static int fill(struct names *names, DIR *folder, const char *path, struct dr_err *err)
{
    names->items = calloc(DR_MEDIA_ENTRIES_MAX + 1, sizeof *names->items);
    names->folders = calloc(DR_MEDIA_ENTRIES_MAX + 1, sizeof *names->folders);
    if (!names->items || !names->folders)
        return dr_fail_memory(err);
    for (;;) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(folder);
        if (!entry)
            break;
        if (add_name(names, entry, path, err) < 0)
            return -1;
    }
    return errno ? dr_fail_errno(err, DR_ERR_IO, "look for volumes in '%s'", path) : 0;
}

/* The folder is closed again before anything in it is looked at: a medium that nobody holds open can be taken out. */
static int list(const char *path, struct names *names, struct dr_err *err)
{
    DIR *folder = opendir(path);
    int done;

    if (!folder)
        return dr_fail_errno(err, DR_ERR_IO, "look for volumes in '%s'", path);
    done = fill(names, folder, path, err);
    closedir(folder);
    if (done < 0)
        return -1;
    qsort(names->items, names->count, sizeof *names->items, compare_names);
    qsort(names->folders, names->folder_count, sizeof *names->folders, compare_names);
    return 0;
}

static int look(const char *folder, bool below, const struct dr_bundle_trust *trust,
                dr_find_fn *found, void *context, struct dr_err *err)
{
    struct names names = {.count = 0};
    int done = list(folder, &names, below ? NULL : err);

    if (done < 0 && below)
        names.folder_count = done = 0;
    for (size_t i = 0; i < names.count && done == 0; i++)
        done = dr_media_look_at(names.items[i], trust, found, context, err);
    for (size_t i = 0; i < names.folder_count && !below && done == 0; i++)
        done = look(names.folders[i], true, trust, found, context, err);
    release_names(&names);
    return done;
}

int dr_media_look(const char *folder, const struct dr_bundle_trust *trust, dr_find_fn *found,
                  void *context, struct dr_err *err)
{
    return look(folder, false, trust, found, context, err);
}

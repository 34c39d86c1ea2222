/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: what of a folder would be on the disk after a power loss, in the strictest reading of POSIX. The content
 * of a file counts from its fsync on, a name (new, renamed, removed) from the fsync of its folder on; everything else
 * is lost. tests/helpers/powerloss puts the folder into that state.
 *
 *     POWERLOSS_DIR=/folder    below it everything is watched; it is on the disk itself
 *     POWERLOSS_DISK=/other    receives the truth: files/<inode> and folders/<inode>/<name>
 *     POWERLOSS_AT=7           the power goes right before the 7th fsync or rename in there
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int events;

static bool is_watched(const char *path)
{
    const char *top = getenv("POWERLOSS_DIR");
    size_t length = top ? strlen(top) : 0;

    return top && strncmp(path, top, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static void event(void)
{
    const char *at = getenv("POWERLOSS_AT");

    if (++events == (at ? (int)strtol(at, NULL, 10) : 0))
        kill(getpid(), SIGKILL);
}

static void copy(const char *from, const char *to)
{
    char piece[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t got;

    while (in >= 0 && out >= 0 && (got = read(in, piece, sizeof piece)) > 0) {
        if (write(out, piece, (size_t)got) != got)
            abort();
    }
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
}

static void disk(char ret[PATH_MAX], const char *kind, unsigned long long inode)
{
    snprintf(ret, PATH_MAX, "%s/%s/%llu", getenv("POWERLOSS_DISK"), kind, inode);
}

static void empty(const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;

    while (stream && (entry = readdir(stream)))
        unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream)
        closedir(stream);
}

/* Its names, each with what of its file is on the disk; a folder in it is "<name>/" as a link to its inode. */
static void flush_folder(const char *path, unsigned long long inode)
{
    DIR *stream = opendir(path);
    const struct dirent *entry;
    char to[PATH_MAX];

    disk(to, "folders", inode);
    mkdir(to, 0700);
    empty(to);
    while (stream && (entry = readdir(stream))) {
        char from[PATH_MAX];
        char name[2 * PATH_MAX];
        char number[32];
        struct stat info;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(stream), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", to, entry->d_name);
        disk(from, "files", info.st_ino);
        snprintf(number, sizeof number, "%llu", (unsigned long long)info.st_ino);
        if (S_ISDIR(info.st_mode) ? symlink(number, name) < 0 : false)
            abort();
        if (S_ISREG(info.st_mode))
            copy(from, name);
    }
    if (stream)
        closedir(stream);
}

int fsync(int fd)
{
    int (*real)(int);
    char link[64];
    char path[PATH_MAX];
    char to[PATH_MAX];
    struct stat info;
    ssize_t length;

    /* As dlsym(3) shows it: ISO C knows no such conversion. */
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0 || fstat(fd, &info) < 0)
        return real(fd);
    path[length] = '\0';
    if (!is_watched(path))
        return real(fd);
    event();
    disk(to, "files", info.st_ino);
    if (S_ISDIR(info.st_mode))
        flush_folder(path, info.st_ino);
    else
        copy(link, to);
    return real(fd);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);

    *(void **)&real = dlsym(RTLD_NEXT, "rename");
    if (is_watched(to))
        event();
    return real(from, to);
}

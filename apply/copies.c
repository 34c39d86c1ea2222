/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/copies.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/server/archive.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define SUMS_MAX 4096u
#define STAMP "20160526T181338Z"

/* ---- verify */

/* "<hex>  <name>\n", as sha256sum writes it. */
static int read_sum(const char *file, char ret_hex[DR_DIGEST_TEXT], struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(SUMS_MAX);
    dr_autofree char *path = dr_text_format(err, "%s.sha256", file);
    size_t length;

    if (!path || dr_file_read(path, &text, err) < 0)
        return path ? dr_err_advise(err, "the hash that was written with the copy is missing") : -1;
    length = strspn(text.data, "0123456789abcdef");
    if (length != 64)
        return dr_fail(err, DR_ERR_VERIFY, "'%s' does not begin with a SHA-256", path);
    snprintf(ret_hex, DR_DIGEST_TEXT, "%.64s", text.data);
    return 0;
}

static int check_content(const char *file, const struct dr_archive *archive, struct dr_err *err)
{
    if (!archive->has_ibdata || !archive->has_mysql)
        return dr_fail(err, DR_ERR_VERIFY,
                       "'%s' is a whole archive, but holds no %s: it is no copy of a server's "
                       "database",
                       file, archive->has_ibdata ? "folder mysql/" : "file ibdata1");
    if (archive->uid == 0 || archive->strangers > 0)
        return dr_fail(err, DR_ERR_VERIFY,
                       "in '%s' the database belongs to user %lld, and %llu of %llu entries to "
                       "somebody else: MySQL could not use it without a chown",
                       file, (long long)archive->uid, (unsigned long long)archive->strangers,
                       (unsigned long long)archive->entries);
    return 0;
}

static int tell(const char *file, const char *hex, const struct dr_archive *archive, bool json,
                struct dr_err *err)
{
    json_auto_t *document = NULL;
    char size[16];
    char content[16];

    dr_text_size(archive->file_bytes, size);
    dr_text_size(archive->content_bytes, content);
    if (!json) {
        printf("%s: whole\n  sha256   %s\n  size     %s, %llu entries with %s in them\n"
               "  owner    %lld:%lld\n  holds    ibdata1 and mysql/\n",
               file, hex, size, (unsigned long long)archive->entries, content,
               (long long)archive->uid, (long long)archive->gid);
        return 0;
    }
    document =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "outcome", "whole", "file", file,
                  "sha256", hex, "bytes", (json_int_t)archive->file_bytes, "entries",
                  (json_int_t)archive->entries, "content_bytes", (json_int_t)archive->content_bytes,
                  "uid", (json_int_t)archive->uid, "gid", (json_int_t)archive->gid);
    if (!document)
        return dr_fail_memory(err);
    return dr_json_print(document, stdout, err);
}

int dr_copies_verify(const char *file, bool json, struct dr_err *err)
{
    struct dr_archive archive;
    char wanted[DR_DIGEST_TEXT];
    char found[DR_DIGEST_TEXT];

    if (read_sum(file, wanted, err) < 0 || dr_archive_read(file, &archive, err) < 0)
        return -1;
    dr_digest_hex(&archive.digest, found);
    if (strcmp(wanted, found) != 0)
        return dr_fail(err, DR_ERR_VERIFY,
                       "'%s' is not what was written: its SHA-256 is %s, and was %s", file, found,
                       wanted);
    return check_content(file, &archive, err) < 0 ? -1 : tell(file, found, &archive, json, err);
}

/* ---- retention */

/* Where "20160526T181338Z.tar.gz" begins in "rancher-v1.0.1-20160526T181338Z.tar.gz"; NULL: it is no such name. */
static const char *stamp_of(const char *name, const char *container)
{
    size_t length = strlen(container);
    size_t size = strlen(name);
    const char *stamp;

    if (size < length + strlen("-v-" STAMP ".tar.gz") || strncmp(name, container, length) != 0 ||
        name[length] != '-' || name[length + 1] != 'v' || !dr_text_ends(name, "Z.tar.gz"))
        return NULL;
    stamp = name + size - strlen(STAMP ".tar.gz");
    /* No '-' between version and stamp: else it is of a container with a longer name. */
    if (stamp[-1] != '-' || stamp[8] != 'T' || strspn(stamp, "0123456789") != 8 ||
        memchr(name + length + 1, '-', (size_t)(stamp - 1 - (name + length + 1))))
        return NULL;
    return stamp;
}

static int newest_first(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*right + strlen(*right) - strlen(STAMP ".tar.gz"),
                  *left + strlen(*left) - strlen(STAMP ".tar.gz"));
}

static int remove_copy(const char *folder, const char *name, struct dr_err *err)
{
    static const char *const suffixes[] = {".sha256", ".dbdump.zip", ""};

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        dr_autofree char *path = dr_text_format(err, "%s/%s%s", folder, name, suffixes[i]);

        if (!path)
            return -1;
        if (unlink(path) < 0 && errno != ENOENT)
            return dr_fail_errno(err, DR_ERR_IO, "remove '%s'", path);
    }
    return 0;
}

struct names {
    char **item;
    size_t count;
};

static void release(struct names *names)
{
    while (names->count > 0)
        free(names->item[--names->count]);
    free(names->item);
}

static bool is_own(const char *folder, const char *name, const json_t *own)
{
    dr_autofree char *path = dr_file_join(folder, name, NULL);

    return path && json_object_get(own, path);
}

static int collect(const char *folder, const char *container, const json_t *own,
                   struct names *ret_names, struct dr_err *err)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    int done = 0;

    if (!stream)
        return dr_fail_errno(err, DR_ERR_IO, "look into the folder '%s'", folder);
    while (done == 0 && (entry = readdir(stream))) {
        char **more;

        if (!stamp_of(entry->d_name, container) || !is_own(folder, entry->d_name, own))
            continue;
        more = realloc(ret_names->item, (ret_names->count + 1) * sizeof *more);
        if (more)
            ret_names->item = more;
        if (more && (more[ret_names->count] = strdup(entry->d_name)))
            ret_names->count++;
        else
            done = dr_fail_memory(err);
    }
    closedir(stream);
    return done;
}

int dr_copies_thin(const char *file, const char *container, const json_t *own, uint64_t keep,
                   unsigned *ret_count, struct dr_err *err)
{
    dr_autofree char *folder = dr_file_folder(file, err);
    struct names names = {NULL, 0};
    int done = folder ? collect(folder, container, own, &names, err) : -1;

    *ret_count = 0;
    if (names.count > 1)
        qsort(names.item, names.count, sizeof *names.item, newest_first);
    for (size_t i = keep; done == 0 && i < names.count; i++) {
        if (strcmp(names.item[i], dr_file_name(file)) == 0)
            continue;
        done = remove_copy(folder, names.item[i], err);
        *ret_count += done == 0;
    }
    release(&names);
    return done;
}

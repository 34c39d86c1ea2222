/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/trust_folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define KEYS "trust.d"
#define REVOKED "revoked.d"

static bool is_there(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Called for each name in a folder, in alphabetical order. */
typedef int visit_fn(void *context, const char *folder, const char *name, struct dr_err *err);

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int visit(const char *path, visit_fn *each, void *context, struct dr_err *err)
{
    struct dirent **entries = NULL;
    int count;
    int done = 0;

    if (dr_file_check_owned(path, err) < 0)
        return -1;
    count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0)
        return dr_fail_errno(err, DR_ERR_IO, "read the folder '%s'", path);
    for (int i = 0; i < count; i++) {
        if (done == 0)
            done = each(context, path, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return done;
}

/* A name that is none would be a revocation that does not work. */
static int check_revocation(void *context, const char *folder, const char *name, struct dr_err *err)
{
    struct dr_digest id;

    (void)context;
    if (strlen(name) != 2 * sizeof id.bytes || dr_digest_parse_hex(name, &id) < 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s/%s' does not bear the 64 lower-case hex digits of a key's id, which "
                       "'drover key id' prints",
                       folder, name);
    return 0;
}

int dr_trust_folder_revokes(const char *path, const struct dr_digest *id, bool *ret_revoked,
                            struct dr_err *err)
{
    dr_autofree char *folder = dr_file_join(path, REVOKED, err);
    dr_autofree char *file = NULL;
    char hex[DR_DIGEST_TEXT];
    struct stat info;

    file = folder ? dr_file_join(folder, dr_digest_hex(id, hex), err) : NULL;
    if (!file)
        return -1;
    *ret_revoked = lstat(file, &info) == 0;
    if (!*ret_revoked && errno != ENOENT && errno != ENOTDIR)
        return dr_fail_errno(err, DR_ERR_IO, "look whether '%s' is there", file);
    return 0;
}

static bool has_key(struct dr_key *const *keys, size_t count, const struct dr_digest *id)
{
    for (size_t i = 0; i < count; i++) {
        struct dr_digest other;

        if (dr_key_id(keys[i], &other, NULL) == 0 && dr_digest_equal(&other, id))
            return true;
    }
    return false;
}

struct reading {
    const char *path;
    struct dr_trust_folder *folder;
};

static int read_key(void *context, const char *folder, const char *name, struct dr_err *err)
{
    const struct reading *reading = context;
    struct dr_trust_folder *trust = reading->folder;
    dr_autofree char *path = NULL;
    dr_auto_key struct dr_key *key = NULL;
    struct dr_digest id;
    bool revoked;

    if (!dr_text_ends(name, ".pub"))
        return 0;
    path = dr_file_join(folder, name, err);
    if (!path || dr_file_check_owned(path, err) < 0)
        return -1;
    key = dr_key_read_public(path, err);
    if (!key || dr_key_id(key, &id, err) < 0 ||
        dr_trust_folder_revokes(reading->path, &id, &revoked, err) < 0)
        return -1;
    if (has_key(revoked ? trust->revoked : trust->keys,
                revoked ? trust->revoked_count : trust->key_count, &id))
        return 0;
    if (trust->key_count + trust->revoked_count == DR_TRUST_KEYS_MAX)
        return dr_fail(err, DR_ERR_REFUSED, "'%s' holds more than %d keys", folder,
                       DR_TRUST_KEYS_MAX);
    if (revoked)
        trust->revoked[trust->revoked_count++] = dr_steal(key);
    else
        trust->keys[trust->key_count++] = dr_steal(key);
    return 0;
}

static int check_count(const struct dr_trust_folder *folder, const char *path, struct dr_err *err)
{
    if (folder->key_count == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%s' holds no public key that counts (NAME.pub); who may sign is in "
                       "docs/trust.md",
                       path);
    if (folder->channel.threshold > folder->key_count)
        return dr_fail(err, DR_ERR_REFUSED,
                       "channel.conf demands the signatures of %llu keys, and '%s' holds %zu that "
                       "count",
                       (unsigned long long)folder->channel.threshold, path, folder->key_count);
    return 0;
}

int dr_trust_folder_read(const char *path, struct dr_trust_folder *ret_folder, struct dr_err *err)
{
    dr_autofree char *keys = dr_file_join(path, KEYS, err);
    dr_autofree char *revoked = keys ? dr_file_join(path, REVOKED, err) : NULL;
    dr_autofree char *conf = revoked ? dr_file_join(path, "channel.conf", err) : NULL;
    struct reading reading = {.path = path, .folder = ret_folder};

    if (!conf || dr_file_check_owned(path, err) < 0 ||
        (is_there(revoked) && visit(revoked, check_revocation, NULL, err) < 0) ||
        dr_channel_read(conf, &ret_folder->channel, err) < 0 ||
        visit(keys, read_key, &reading, err) < 0)
        return -1;
    return check_count(ret_folder, keys, err);
}

void dr_trust_folder_release(struct dr_trust_folder *folder)
{
    for (size_t i = 0; i < folder->key_count; i++)
        dr_key_free(folder->keys[i]);
    for (size_t i = 0; i < folder->revoked_count; i++)
        dr_key_free(folder->revoked[i]);
    memset(folder, 0, sizeof *folder);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle/file/bytes.h"
#include "bundle/file/damage.h"
#include "bundle/file/hasher.h"
#include "bundle/file/reader_parts.h"
#include "bundle/file/sums.h"
#include "lib/cleanup.h"
#include "lib/hash.h"

static struct dr_bytes bytes_of(const struct dr_bundle *bundle)
{
    return (struct dr_bytes){.file = bundle->envelope.fd, .volumes = bundle->volumes};
}

/* In volumes, the zeros behind a layer are neither in its hash nor in the frame. */
static int check_padding(const struct dr_bundle *bundle, const struct dr_member *member,
                         struct dr_err *err)
{
    static const unsigned char zeros[DR_BLOCK];
    const struct dr_bytes bytes = bytes_of(bundle);
    unsigned char found[DR_BLOCK];
    size_t size = dr_padding(member->size);

    if (dr_bytes_read(&bytes, found, size, member->offset + member->size, err) < 0)
        return -1;
    return memcmp(found, zeros, size) == 0
               ? 0
               : dr_fail(err, DR_ERR_VERIFY, "what is behind '%s' is not zero", member->name);
}

static int hash_members(const struct dr_bundle *bundle, const struct dr_member *const *members,
                        size_t count, struct dr_progress *progress, struct dr_err *err)
{
    const struct dr_bytes bytes = bytes_of(bundle);
    const struct dr_member *bad = NULL;

    if (bundle->volumes && dr_volumes_demand_all(bundle->volumes, err) < 0)
        return -1;
    if (dr_hasher_run(&bytes, members, count, progress, &bad, err) < 0)
        return bundle->volumes && bad ? dr_damage_explain(bundle, bad, err) : -1;
    for (size_t i = 0; bundle->volumes && i < count; i++) {
        if (check_padding(bundle, members[i], err) < 0)
            return dr_damage_explain(bundle, members[i], err);
    }
    return 0;
}

int dr_bundle_hash_layers(struct dr_bundle *bundle, struct dr_progress *progress,
                          struct dr_err *err)
{
    const struct dr_layout *layout = &bundle->envelope.layout;
    dr_autofree const struct dr_member **members = calloc(layout->count, sizeof *members);
    size_t count = 0;

    if (!members)
        return dr_fail_memory(err);
    for (size_t i = AT_BLOBS; i < layout->count; i++) {
        size_t blob = i - AT_BLOBS;

        if (blob < bundle->blob_count ? bundle->blobs[blob].layer
                                      : dr_sums_is_program(layout->members[i].name))
            members[count++] = &layout->members[i];
    }
    return hash_members(bundle, members, count, progress, err);
}

uint64_t dr_bundle_file_size(const struct dr_bundle *bundle)
{
    return bundle->envelope.size;
}

long dr_bundle_file_read(const struct dr_bundle *bundle, uint64_t offset, void *ret_data,
                         size_t size, struct dr_err *err)
{
    uint64_t left = offset < bundle->envelope.size ? bundle->envelope.size - offset : 0;
    size_t piece = size < left ? size : (size_t)left;
    const struct dr_bytes bytes = bytes_of(bundle);

    return dr_bytes_read(&bytes, ret_data, piece, offset, err) < 0 ? -1 : (long)piece;
}

int dr_bundle_file_place(const struct dr_bundle *bundle, uint64_t offset, int *ret_fd,
                         uint64_t *ret_at, uint64_t *ret_size, struct dr_err *err)
{
    const struct dr_bytes bytes = bytes_of(bundle);

    return dr_bytes_place(&bytes, offset, ret_fd, ret_at, ret_size, err);
}

static int stamp(int fd, struct dr_hash *hash, struct dr_err *err)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at the bundle");
    dr_hash_add(hash, &info.st_size, sizeof info.st_size);
    dr_hash_add(hash, &info.st_mtim.tv_sec, sizeof info.st_mtim.tv_sec);
    dr_hash_add(hash, &info.st_mtim.tv_nsec, sizeof info.st_mtim.tv_nsec);
    return 0;
}

int dr_bundle_file_stamp(const struct dr_bundle *bundle, struct dr_digest *ret_stamp,
                         struct dr_err *err)
{
    const struct dr_volumes *volumes = bundle->volumes;
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);

    if (!hash || stamp(bundle->envelope.fd, hash, err) < 0)
        return -1;
    for (uint64_t i = 1; volumes && i <= dr_volumes_set(volumes)->count; i++) {
        if (dr_volumes_is_here(volumes, i) && stamp(dr_volumes_item(volumes, i)->fd, hash, err) < 0)
            return -1;
    }
    dr_hash_end(hash, ret_stamp);
    return 0;
}

int dr_bundle_blob_read(const struct dr_bundle *bundle, const struct dr_bundle_blob *blob,
                        uint64_t offset, void *ret_data, size_t size, struct dr_err *err)
{
    const struct dr_bytes bytes = bytes_of(bundle);

    assert(offset <= blob->size && size <= blob->size - offset);
    return dr_bytes_read(&bytes, ret_data, size, blob->offset + offset, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/pour.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bundle/file/stream.h"
#include "lib/cleanup.h"
#include "lib/file.h"

#define CHUNK ((size_t)256 << 10)

struct pour {
    struct dr_mirror_push *push;
    struct dr_bundle *bundle;
    const char *spool;
    struct dr_progress progress;
    uint64_t at;             /* of the layer that is being read */
    int file;                /* where one is kept; -1: nowhere */
    struct dr_blob_put *put; /* that is being sent */
    struct dr_mirror_uploads *uploads;
    struct dr_err failure; /* the first of an upload */
};

/* ---- straight from the stream */

static int read_stream(void *context, uint64_t offset, void *ret_data, size_t size,
                       struct dr_err *err)
{
    struct pour *pour = context;

    if (offset != pour->at)
        return dr_fail(err, DR_ERR_NET,
                       "the upload broke, and what came through the pipe cannot be read again: "
                       "--spool-dir keeps each layer until it is there");
    if (dr_stream_read(pour->bundle, ret_data, size, err) < 0)
        return -1;
    pour->at += size;
    return 0;
}

/* ---- by way of a file */

static int read_file(void *context, uint64_t offset, void *ret_data, size_t size,
                     struct dr_err *err)
{
    const struct pour *pour = context;

    return dr_file_pread(pour->file, ret_data, size, offset, "the spooled layer", err);
}

static int open_spool(struct pour *pour, struct dr_err *err)
{
    pour->file = open(pour->spool, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (pour->file < 0) {
        dr_autofree char *path = dr_file_join(pour->spool, "drover-layer-XXXXXX", err);

        if (!path)
            return -1;
        pour->file = mkostemp(path, O_CLOEXEC);
        if (pour->file < 0)
            return dr_fail_errno(err, DR_ERR_IO, "make a file in '%s'", pour->spool);
        unlink(path);
    }
    return 0;
}

static int keep_layer(struct pour *pour, const struct dr_bundle_blob *blob, struct dr_err *err)
{
    dr_autofree char *chunk = malloc(CHUNK);

    if (!chunk)
        return dr_fail_memory(err);
    if (ftruncate(pour->file, 0) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "empty the spooled layer");
    if (dr_file_reserve(pour->file, blob->size, pour->spool, err) < 0)
        return -1;
    for (uint64_t done = 0; done < blob->size;) {
        uint64_t left = blob->size - done;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;

        if (read_stream(pour, done, chunk, size, err) < 0 ||
            dr_file_pwrite(pour->file, chunk, size, done, "the spooled layer", err) < 0)
            return -1;
        done += size;
    }
    return 0;
}

/* ---- layers */

static struct dr_blob_put *find_put(const struct pour *pour, const struct dr_bundle_blob *blob)
{
    struct dr_mirror_plan *plan = pour->push->plan;

    for (size_t i = 0; i < plan->first_count; i++) {
        if (dr_digest_equal(&plan->first[i].digest, &blob->digest))
            return &plan->first[i];
    }
    return NULL;
}

static void note_upload(void *context, const char *session)
{
    const struct pour *pour = context;

    dr_mirror_uploads_set(pour->uploads, pour->put->repository, &pour->put->digest, session);
}

/* The file can be read from its beginning as often as it takes, so it can go on in what an earlier run has sent, as a
 * bundle in a file does. What comes straight from the stream could do so once: nothing that breaks then could be mended. */
static void resume(struct pour *pour, struct dr_blob_put *put)
{
    if (put->size < DR_MIRROR_UPLOAD_MIN)
        return;
    put->opened = note_upload;
    put->session = dr_mirror_uploads_get(pour->uploads, put->repository, &put->digest);
}

static int send(struct pour *pour, struct dr_blob_put *put, struct dr_err *err)
{
    pour->put = put;
    put->read = pour->file >= 0 ? read_file : read_stream;
    put->context = pour;
    if (pour->file >= 0)
        resume(pour, put);
    if (dr_registry_put_blobs(pour->push->registry, put, 1, 1, NULL, err) < 0)
        return -1;
    dr_mirror_push_count(pour->push, put, 1);
    put->read = NULL; /* done */
    return 0;
}

/* The first failure of the registry is told in the end; a layer that is bad itself the stream tells. */
static void note(struct pour *pour, const struct dr_err *why, bool good)
{
    if (good && pour->failure.code == DR_OK)
        pour->failure = *why;
}

static int pour_layer(struct pour *pour, const struct dr_bundle_blob *blob, struct dr_err *err)
{
    struct dr_blob_put *put = find_put(pour, blob);
    struct dr_err why = DR_ERR_INIT;
    bool good;

    pour->at = 0;
    if (put && pour->file >= 0) {
        int kept = keep_layer(pour, blob, &why);

        if (dr_stream_end(pour->bundle, &good, err) < 0)
            return -1;
        if (kept < 0 || (good && send(pour, put, &why) < 0))
            note(pour, &why, good);
    } else {
        int sent = put ? send(pour, put, &why) : 0;

        if (why.code == DR_ERR_STOPPED) {
            if (err)
                *err = why;
            return -1;
        }
        if (dr_stream_end(pour->bundle, &good, err) < 0)
            return -1;
        if (sent < 0)
            note(pour, &why, good);
    }
    dr_progress_add(&pour->progress, blob->size);
    return 0;
}

static int pour_layers(struct pour *pour, struct dr_err *err)
{
    const struct dr_bundle_blob *blob;
    int there;

    while ((there = dr_stream_next(pour->bundle, &blob, err)) > 0) {
        if (pour_layer(pour, blob, err) < 0)
            return -1;
    }
    return there;
}

/* ---- the rest */

static int refuse_read(void *context, uint64_t offset, void *ret_data, size_t size,
                       struct dr_err *err)
{
    (void)context;
    (void)offset;
    (void)ret_data;
    (void)size;
    return dr_fail(err, DR_ERR_REFUSED,
                   "the registry does not hand a layer on from one repository to another, and the "
                   "pipe has given it already: mirror this bundle from a file");
}

/* Configs are still there to be read; layers are gone by. */
static void leave_rest(struct dr_mirror_plan *plan, const struct dr_bundle *bundle)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->first_count; i++) {
        if (plan->first[i].read)
            plan->first[kept++] = plan->first[i];
        else
            plan->bytes -= plan->first[i].size;
    }
    plan->first_count = kept;
    for (size_t i = 0; i < plan->more_count; i++) {
        const struct dr_bundle_blob *blob = dr_bundle_find_blob(bundle, &plan->more[i].digest);

        if (blob && blob->layer)
            plan->more[i].read = refuse_read;
    }
}

static int finish(struct pour *pour, struct dr_err *err)
{
    if (dr_stream_finish(pour->bundle, pour->push->log, err) < 0) {
        dr_err_wrap(err, "read the bundle from the stream");
        return dr_err_advise(err,
                             "no tag was changed; what arrived whole is in the registry, so of "
                             "the next sending only the rest goes in");
    }
    if (pour->failure.code == DR_OK)
        return 0;
    if (err)
        *err = pour->failure;
    return dr_err_advise(err, "no tag was changed; send the bundle again: what is there already is "
                              "not sent anew");
}

int dr_mirror_pour(struct dr_mirror_push *push, struct dr_bundle *bundle, const char *spool,
                   struct dr_err *err)
{
    struct pour pour = {.push = push,
                        .bundle = bundle,
                        .spool = spool,
                        .file = -1,
                        .uploads = &push->journal->uploads};
    int done;

    if (spool && open_spool(&pour, err) < 0)
        return -1;
    dr_progress_start(&pour.progress, push->log, "mirror", dr_bundle_about(bundle)->layer_bytes);
    done = pour_layers(&pour, err);
    dr_progress_end(&pour.progress);
    dr_cleanup_close(&pour.file);
    if (done < 0 || finish(&pour, err) < 0)
        return -1;
    leave_rest(push->plan, bundle);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_REGISTRY_H
#define DROVER_LIB_REGISTRY_REGISTRY_H

/*
 * A client for one registry (OCI distribution-spec 1.1, Docker Registry HTTP API v2): manifests,
 * and blobs many at a time. It answers 401 challenges by itself (Basic and Bearer,
 * lib/registry/auth.h), follows redirects by hand without carrying credentials to another host,
 * retries what is worth retrying, and checks every body against its digest before it says that it
 * worked.
 *
 * Plain HTTP is allowed for loopback addresses (127.0.0.0/8, ::1, localhost), as in the docker
 * engine, and for hosts that the operator declared insecure: these are asked which they speak. All
 * others are TLS.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/log.h"

/* Manifests and configs beyond this are refused (containers/image and containerd have the same
 * limit). */
#define DR_MANIFEST_MAX (4u << 20)

/* How many blobs are on their way at once unless somebody asks for another number. */
#define DR_REGISTRY_PARALLEL 4

struct dr_registry;

struct dr_registry_options {
    const char *host;    /* "docker.io", "reg.example:5000" */
    const char *ca_file; /* --ca-cert; NULL: none (certs.d is looked up besides) */
    bool insecure;       /* --insecure-registry named this host: plain HTTP or unverified TLS */
    uint64_t rate;       /* bytes per second, all transfers together; 0: no limit */
    const struct dr_log *log;
};

/* Strings are copied; `log` must outlive the client. Credentials are looked up in
 * REGISTRY_AUTH_FILE or ~/.docker/config.json by host. Nothing is sent yet. NULL on failure. */
struct dr_registry *dr_registry_new(const struct dr_registry_options *options, struct dr_err *err);
void dr_registry_free(struct dr_registry *registry);
static inline void dr_cleanup_registry(struct dr_registry **registry)
{
    dr_registry_free(*registry);
}
#define dr_auto_registry __attribute__((cleanup(dr_cleanup_registry)))

/* As given in the options. Borrowed. */
const char *dr_registry_host(const struct dr_registry *registry);

/* GET /v2/ : reachable, speaks the protocol, credentials (if any) accepted. */
int dr_registry_ping(struct dr_registry *registry, struct dr_err *err);

struct dr_registry_manifest {
    struct dr_buf body;      /* the bytes as served; never re-serialise them */
    struct dr_digest digest; /* of those bytes */
    char media_type[128];    /* Content-Type without parameters */
};

#define DR_REGISTRY_MANIFEST_INIT                                                                  \
    {                                                                                              \
        .body = DR_BUF_INIT(DR_MANIFEST_MAX)                                                       \
    }

void dr_registry_manifest_release(struct dr_registry_manifest *manifest);
#define dr_auto_registry_manifest __attribute__((cleanup(dr_registry_manifest_release)))

/* `reference` is a tag or a digest ("sha256:..."); a body that does not match the digest asked
 * for, or the Docker-Content-Digest served, is DR_ERR_VERIFY. Not there: DR_ERR_ABSENT. Schema 1
 * is passed through with the digest of its bytes. */
int dr_registry_get_manifest(struct dr_registry *registry, const char *repository,
                             const char *reference, struct dr_registry_manifest *ret_manifest,
                             struct dr_err *err);

/* HEAD. Absence is not an error: `ret_there` says it. `ret_digest` (may be NULL) is what the
 * registry claims. */
int dr_registry_head_manifest(struct dr_registry *registry, const char *repository,
                              const char *reference, bool *ret_there, struct dr_digest *ret_digest,
                              struct dr_err *err);

/* HEAD of a tag, which no registry counts as a pull: what it stands for. `ret_known` false: the
 * registry does not tell that without sending the manifest. Not there: DR_ERR_ABSENT. */
int dr_registry_resolve(struct dr_registry *registry, const char *repository, const char *tag,
                        bool *ret_known, struct dr_digest *ret_digest, struct dr_err *err);

/* HEAD. `ret_size` (may be NULL) is what the registry claims, UINT64_MAX when it says nothing. */
int dr_registry_head_blob(struct dr_registry *registry, const char *repository,
                          const struct dr_digest *digest, bool *ret_there, uint64_t *ret_size,
                          struct dr_err *err);

/* One thing to ask for: is it there, and as what? */
struct dr_registry_look {
    const char *repository;
    const char *manifest;    /* tag or digest ("sha256:..."); NULL: a blob */
    struct dr_digest digest; /* the blob's; for a manifest the answer, if `there` */
    bool there;              /* the answer */
    uint64_t size;           /* of a blob, as the registry says; UINT64_MAX: it does not */
};

/* HEAD of all of them, `parallel` at a time over connections that stay. Whatever can't be asked fails
 * all. */
int dr_registry_look(struct dr_registry *registry, struct dr_registry_look *looks, size_t count,
                     unsigned parallel, struct dr_err *err);

/* A small blob (a config) into memory, size and digest checked. */
int dr_registry_get_blob(struct dr_registry *registry, const char *repository,
                         const struct dr_digest *digest, uint64_t size, struct dr_buf *ret_data,
                         struct dr_err *err);

/* One blob to fetch. `write` is called with ascending offsets; after a broken connection the
 * client asks for the rest, and when that can't be had it starts again at offset 0. What an earlier
 * run got of it is read back and hashed first, and only the rest is asked for; when that does not
 * make the digest in the end, all of it is fetched again. */
struct dr_blob_get {
    const char *repository;
    const char
        *url; /* NULL: the repository has it; else it is fetched from there, as it is written */
    struct dr_digest digest;
    uint64_t size;
    int (*write)(void *context, uint64_t offset, const void *data, size_t size, struct dr_err *err);
    /* NULL, or: where the line is slow, parts of the blob may be fetched over several connections. These bytes are not
     * hashed yet; they are read back by `read`, and `write` (also of no bytes) tells up to where all is there. */
    int (*write_ahead)(void *context, uint64_t offset, const void *data, size_t size,
                       struct dr_err *err);
    uint64_t have; /* bytes from its beginning that `read` gives; 0: none */
    int (*read)(void *context, uint64_t offset, void *ret_data, size_t size, struct dr_err *err);
    void *context;
    /* NULL, or: told that it is not there (DR_ERR_ABSENT) or not what its digest says (DR_ERR_VERIFY);
     * with 0 the others go on. */
    int (*wrong)(void *context, const struct dr_err *why, struct dr_err *err);
};

/* Fetches all of them, `parallel` at a time, hashing on the way. Returns 0 only when every one
 * had exactly its size and digest (but see `wrong`); the first failure (after retries) ends the
 * rest. `progress` may be NULL. */
int dr_registry_get_blobs(struct dr_registry *registry, const struct dr_blob_get *gets,
                          size_t count, unsigned parallel, struct dr_progress *progress,
                          struct dr_err *err);

enum dr_blob_outcome {
    DR_BLOB_SENT,
    DR_BLOB_PRESENT, /* it was there already, by what the registry says: not read, not hashed */
    DR_BLOB_MOUNTED, /* taken over from `mount_from` inside the registry */
};

/* One blob to send. `read` gives exactly `size` bytes at `offset`. */
struct dr_blob_put {
    const char *repository;
    const char *mount_from; /* a repository of this registry that may have it; NULL: none */
    struct dr_digest digest;
    uint64_t size;
    bool absent;         /* looked for a moment ago, and not there: not to be looked for again */
    const char *session; /* where an earlier run's upload may be gone on with; NULL: nowhere */
    int (*read)(void *context, uint64_t offset, void *ret_data, size_t size, struct dr_err *err);
    /* NULL, or: asked before each request that sends from `from` on: up to where that may go. It may take as long as it
     * wants to, and, if the call is for this blob alone, send others to the same registry meanwhile: no request is open.
     * DR_ERR_VERIFY: the blob is bad, and its upload is cancelled. */
    int (*reach)(void *context, uint64_t from, uint64_t *ret_to, struct dr_err *err);
    /* NULL, or: told where its upload can be gone on with, also by a later run; NULL: nowhere any more. */
    void (*opened)(void *context, const char *session);
    void *context;
    enum dr_blob_outcome outcome; /* set when done */
};

/* Sends what is not there: HEAD, mount, else upload while hashing; the closing PUT goes out only
 * when the bytes had the digest (DR_ERR_VERIFY otherwise, and the upload is cancelled), so `read`
 * may give bytes that nobody has vouched for. A broken upload goes on where the registry says that
 * it has got to (the bytes before are read and hashed again, not sent), else at byte 0; 3 times in
 * all without progress. A registry that finds a request too large (413) gets it, and all others from then on, in
 * pieces. What was found or mounted counts as done in `progress` (may be NULL). A mount sees what
 * was in `mount_from` when it is tried: blobs that other entries of the same call still send are
 * not there yet. A blob that is there in another size is DR_ERR_PROOF. */
int dr_registry_put_blobs(struct dr_registry *registry, struct dr_blob_put *puts, size_t count,
                          unsigned parallel, struct dr_progress *progress, struct dr_err *err);

/* PUT by tag or digest; the digest that the registry answers must be that of the bytes
 * (DR_ERR_PROOF). */
int dr_registry_put_manifest(struct dr_registry *registry, const char *repository,
                             const char *reference, const char *media_type, const void *body,
                             size_t size, struct dr_err *err);

#endif

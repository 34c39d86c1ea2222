/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_TESTS_UNIT_BUNDLE_KIT_H
#define DROVER_TESTS_UNIT_BUNDLE_KIT_H

/*
 * Small bundles for tests: a good one made by the real writer, taken apart into members, and put together again
 * with whatever a test changes, signed by the same key or by another. Include it after cmocka.h.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/file/reader.h"
#include "bundle/file/sums.h"
#include "bundle/file/writer.h"
#include "lib/file.h"
#include "lib/text.h"

#define KIT_MEMBERS 40
#define KIT_TIME 1464286418 /* 2016-05-26T18:13:38Z */

/* Places of the kit's members in the list. */
enum {
    DOCUMENT,
    OCI_LAYOUT,
    INDEX,
    DOCKER,
    FIRST_SMALL, /* two manifests, two configs */
    FIRST_LAYER = FIRST_SMALL + 4,
    END = FIRST_LAYER + 4,
};

struct kit_member {
    char name[DR_MEMBER_NAME];
    char *data;
    size_t size;
};

struct kit {
    char folder[PATH_MAX];
    char path[PATH_MAX + 16];
    struct dr_key *key;
    struct dr_key *other_key;
    struct kit_member members[KIT_MEMBERS]; /* the listed ones */
    size_t count;
};

static inline void kit_digest(const char *text, struct dr_descriptor *ret)
{
    dr_digest_of(text, strlen(text), &ret->digest);
    ret->size = strlen(text);
}

/* An image whose layers are these texts. `ret_manifest` gets the manifest's bytes (freed by the caller). */
static inline void kit_image(struct dr_bundle_image *image, const char *name, const char *role,
                             const char *config, const char *const *layers, char **ret_manifest)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
    struct dr_descriptor descriptor;
    char digest[DR_DIGEST_TEXT];

    memset(image, 0, sizeof *image);
    assert_int_equal(dr_reference_parse(name, &image->reference, NULL), 0);
    image->role = role;
    image->platform = "linux/amd64";
    kit_digest(config, &descriptor);
    assert_int_equal(dr_buf_printf(&text, NULL,
                                   "{\"schemaVersion\":2,\"mediaType\":\"" DR_MEDIA_DOCKER_MANIFEST
                                   "\",\"config\":{\"mediaType\":\"" DR_MEDIA_DOCKER_CONFIG
                                   "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
                                   dr_digest_text(&descriptor.digest, digest), strlen(config)),
                     0);
    for (size_t i = 0; layers[i]; i++) {
        kit_digest(layers[i], &descriptor);
        dr_buf_printf(&text, NULL, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}",
                      i ? "," : "", "application/vnd.docker.image.rootfs.diff.tar.gzip",
                      dr_digest_text(&descriptor.digest, digest), strlen(layers[i]));
    }
    dr_buf_add_text(&text, "]}", NULL);
    assert_int_equal(dr_image_manifest_parse(text.data, text.size, &image->content, NULL), 0);
    kit_digest(text.data, &image->manifest);
    snprintf(image->manifest.media_type, DR_MEDIA_TYPE_MAX, "%s", DR_MEDIA_DOCKER_MANIFEST);
    *ret_manifest = dr_buf_steal(&text, NULL);
}

static inline void kit_put(int fd, const struct dr_writer *writer, const char *text)
{
    struct dr_digest digest;

    dr_digest_of(text, strlen(text), &digest);
    for (size_t i = 0; i < writer->blob_count; i++) {
        if (dr_digest_equal(&writer->blobs[i].digest, &digest))
            assert_int_equal(
                dr_file_pwrite(fd, text, strlen(text), writer->blobs[i].offset, "kit", NULL), 0);
    }
}

static const char *const kit_server_layers[] = {"base layer", "empty", "server layer", "empty",
                                                NULL};
static const char *const kit_agent_layers[] = {"base layer", "agent layer", NULL};

/* Two images with these layers. `delta`: what is left out; NULL: nothing. */
static inline void kit_write_of(struct kit *kit, const char *path, const struct dr_delta *delta,
                                const char *const *server, const char *const *agent)
{
    static const char *const warnings[] = {"a warning", NULL};
    dr_auto_writer struct dr_writer writer = DR_WRITER_INIT;
    const struct dr_bundle_about about = {
        .release = "v1.0.2",
        .builder = "drover test",
        .created = "2016-05-26T18:13:38Z",
        .expires = "2016-06-26T18:13:38Z",
        .channel = "default",
        .serial = KIT_TIME,
        .delta = delta,
    };
    struct dr_err err = DR_ERR_INIT;
    struct dr_bundle_image images[2];
    char *manifests[2];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    kit_image(&images[0], "rancher/server:v1.0.2", DR_ROLE_SERVER, "{\"os\":\"linux\"}", server,
              &manifests[0]);
    kit_image(&images[1], "rancher/agent:v1.0.1", DR_ROLE_AGENT, "{\"os\":\"linux\",\"n\":1}",
              agent, &manifests[1]);
    images[1].warnings = warnings;
    writer.key = kit->key;
    assert_int_equal(dr_writer_plan(&writer, &about, images, 2, &err), 0);
    assert_int_equal(ftruncate(fd, (off_t)dr_layout_total(&writer.layout)), 0);
    assert_int_equal(dr_writer_frame(&writer, fd, &err), 0);
    for (size_t i = 0; i < 2; i++)
        kit_put(fd, &writer, manifests[i]);
    kit_put(fd, &writer, "{\"os\":\"linux\"}");
    kit_put(fd, &writer, "{\"os\":\"linux\",\"n\":1}");
    for (size_t i = 0; server[i]; i++)
        kit_put(fd, &writer, server[i]);
    for (size_t i = 0; agent[i]; i++)
        kit_put(fd, &writer, agent[i]);
    assert_int_equal(dr_writer_sign(&writer, fd, kit->key, &err), 0);
    close(fd);
    for (size_t i = 0; i < 2; i++) {
        dr_image_manifest_release(&images[i].content);
        free(manifests[i]);
    }
}

/* Two images that share a layer; one has a layer twice. */
static inline void kit_write(struct kit *kit, const char *path, const struct dr_delta *delta)
{
    kit_write_of(kit, path, delta, kit_server_layers, kit_agent_layers);
}

static inline void kit_write_good(struct kit *kit, const char *path)
{
    kit_write(kit, path, NULL);
}

static inline void kit_insert(struct kit *kit, size_t at, const char *name, const char *data,
                              size_t size)
{
    struct kit_member *member = &kit->members[at];

    assert_true(kit->count < KIT_MEMBERS && at <= kit->count);
    memmove(member + 1, member, (kit->count - at) * sizeof *member);
    kit->count++;
    assert_int_equal(dr_text_put(member->name, sizeof member->name, name), 0);
    member->data = malloc(size + 1);
    memcpy(member->data, data, size);
    member->data[size] = '\0';
    member->size = size;
}

static inline void kit_add_blob(struct kit *kit, size_t at, const char *text)
{
    char name[DR_MEMBER_NAME];
    struct dr_digest digest;

    dr_digest_of(text, strlen(text), &digest);
    kit_insert(kit, at, dr_sums_blob_name(&digest, name), text, strlen(text));
}

static inline void kit_remove(struct kit *kit, size_t at)
{
    free(kit->members[at].data);
    memmove(&kit->members[at], &kit->members[at + 1], (--kit->count - at) * sizeof *kit->members);
}

static inline void kit_swap(struct kit *kit, size_t a, size_t b)
{
    struct kit_member kept = kit->members[a];

    kit->members[a] = kit->members[b];
    kit->members[b] = kept;
}

static inline void kit_clear(struct kit *kit)
{
    while (kit->count > 0)
        kit_remove(kit, kit->count - 1);
}

/* Takes the file apart into kit->members. */
static inline void kit_unpack(struct kit *kit)
{
    dr_auto_buf struct dr_buf file = DR_BUF_INIT(1u << 20);
    size_t at = 0;
    uint64_t size;

    kit_clear(kit);
    assert_int_equal(dr_file_read(kit->path, &file, NULL), 0);
    for (int i = 0; file.data[at]; i++) {
        assert_int_equal(dr_header_size((const unsigned char *)file.data + at, &size), 0);
        if (i >= 2)
            kit_insert(kit, kit->count, file.data + at, file.data + at + DR_BLOCK, (size_t)size);
        at += DR_BLOCK + (size_t)(size + dr_padding(size));
    }
}

/* Replaces the first occurrence of `old` in the member at `at`. */
static inline void kit_edit(struct kit *kit, size_t at, const char *old, const char *new)
{
    struct kit_member *member = &kit->members[at];
    char *place = strstr(member->data, old);
    char name[DR_MEMBER_NAME];
    char *text;

    assert_non_null(place);
    assert_true(asprintf(&text, "%.*s%s%s", (int)(place - member->data), member->data, new,
                         place + strlen(old)) > 0);
    memcpy(name, member->name, sizeof name);
    kit_remove(kit, at);
    kit_insert(kit, at, name, text, strlen(text));
    free(text);
}

static inline void kit_append(int fd, const char *name, const void *data, size_t size)
{
    static const char zeros[DR_BLOCK];
    unsigned char header[DR_BLOCK];

    dr_header_make(name, size, header);
    assert_int_equal(write(fd, header, DR_BLOCK), DR_BLOCK);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    assert_int_equal(write(fd, zeros, dr_padding(size)), (ssize_t)dr_padding(size));
}

/* What a co-signature by this key is called. */
static inline const char *kit_cosignature(const struct dr_key *key, char ret[DR_MEMBER_NAME])
{
    char hex[DR_DIGEST_TEXT];
    struct dr_digest id;

    assert_int_equal(dr_key_id(key, &id, NULL), 0);
    snprintf(ret, DR_MEMBER_NAME, DR_NAME_SUMS ".%.16s.sig", dr_digest_hex(&id, hex));
    return ret;
}

/* A member among the signatures, whatever is in it. */
struct kit_signature {
    char name[DR_MEMBER_NAME];
    unsigned char bytes[DR_SIGNATURE_MAX + 1];
    size_t size;
};

/* The list over kit->members. */
static inline void kit_list(const struct kit *kit, struct dr_buf *sums)
{
    for (size_t i = 0; i < kit->count; i++) {
        struct dr_digest digest;

        dr_digest_of(kit->members[i].data, kit->members[i].size, &digest);
        assert_int_equal(dr_sums_add(sums, kit->members[i].name, &digest, NULL), 0);
    }
}

/* A good signature of the kit's list; `name` NULL: that of a co-signature. */
static inline void kit_sign(const struct kit *kit, const char *name, const struct dr_key *key,
                            struct kit_signature *ret)
{
    dr_auto_buf struct dr_buf sums = DR_BUF_INIT(1u << 20);

    kit_list(kit, &sums);
    memset(ret, 0, sizeof *ret);
    assert_int_equal(dr_key_sign(key, sums.data, sums.size, ret->bytes, &ret->size, NULL), 0);
    if (name)
        assert_int_equal(dr_text_put(ret->name, sizeof ret->name, name), 0);
    else
        kit_cosignature(key, ret->name);
}

/* Puts kit->members together again, with a matching list and these signatures. */
static inline void kit_pack_signed(const struct kit *kit, const struct kit_signature *signatures,
                                   size_t count)
{
    static const char zeros[DR_TRAILER];
    dr_auto_buf struct dr_buf sums = DR_BUF_INIT(1u << 20);
    int fd = open(kit->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    kit_list(kit, &sums);
    kit_append(fd, DR_NAME_SUMS, sums.data, sums.size);
    for (size_t i = 0; i < count; i++)
        kit_append(fd, signatures[i].name, signatures[i].bytes, signatures[i].size);
    for (size_t i = 0; i < kit->count; i++)
        kit_append(fd, kit->members[i].name, kit->members[i].data, kit->members[i].size);
    assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
    close(fd);
}

/* The same with a good signature. `cosigner` may be NULL. */
static inline void kit_pack(const struct kit *kit, const struct dr_key *cosigner)
{
    struct kit_signature signatures[2];

    kit_sign(kit, DR_NAME_SIGNATURE, kit->key, &signatures[0]);
    if (cosigner)
        kit_sign(kit, NULL, cosigner, &signatures[1]);
    kit_pack_signed(kit, signatures, cosigner ? 2 : 1);
}

/* Open and hash: what `drover verify` does. */
static inline int kit_verify_at(const struct kit *kit, const struct dr_key *key, int64_t now,
                                struct dr_err *err)
{
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = now};
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, err);

    return bundle ? dr_bundle_hash_layers(bundle, NULL, err) : -1;
}

static inline int kit_verify(const struct kit *kit, struct dr_err *err)
{
    return kit_verify_at(kit, kit->key, KIT_TIME, err);
}

static inline int kit_setup(void **state)
{
    const char *under = getenv("TMPDIR");
    struct kit *kit = calloc(1, sizeof *kit);

    snprintf(kit->folder, sizeof kit->folder, "%s/drover-test-XXXXXX", under ? under : "/tmp");
    if (!mkdtemp(kit->folder))
        return -1;
    snprintf(kit->path, sizeof kit->path, "%s/b.tar", kit->folder);
    kit->key = dr_key_new(NULL);
    kit->other_key = dr_key_new(NULL);
    kit_write_good(kit, kit->path);
    kit_unpack(kit);
    *state = kit;
    return 0;
}

static inline int kit_teardown(void **state)
{
    struct kit *kit = *state;

    kit_clear(kit);
    unlink(kit->path);
    rmdir(kit->folder);
    dr_key_free(kit->key);
    dr_key_free(kit->other_key);
    free(kit);
    return 0;
}

#endif

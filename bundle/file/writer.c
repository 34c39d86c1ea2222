/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/writer.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/delta.h"
#include "bundle/file/document.h"
#include "bundle/file/sums.h"
#include "lib/file.h"
#include "lib/text.h"

#define WHAT "the bundle"

/* Where the planned layout has them; behind the slots come the listed members. */
enum {
    AT_SUMS,
    AT_SLOTS,
};

static int write_texts(struct dr_writer *writer, const struct dr_bundle_about *about,
                       const struct dr_bundle_image *images, size_t count, struct dr_err *err)
{
    struct dr_bundle_about complete = *about;

    if (dr_images_id(images, count, &complete.id, err) < 0)
        return -1;
    writer->document = dr_document_write(&complete, images, count, err);
    writer->oci_layout = about->delta ? DR_DELTA_OCI_LAYOUT : DR_OCI_LAYOUT;
    if (writer->document)
        writer->index =
            about->delta ? dr_text_copy(DR_DELTA_INDEX, err) : dr_images_index(images, count, err);
    if (writer->index)
        writer->docker = about->delta ? dr_text_copy(DR_DELTA_DOCKER, err)
                                      : dr_images_docker(images, count, err);
    return writer->docker ? 0 : -1;
}

/* An ECDSA signature has 70 to 72 bytes, which take one block, as does what stands here without a key. */
static int sign_whole(struct dr_writer *writer, struct dr_err *err)
{
    const struct dr_buf *list = &writer->whole->sums;

    writer->whole_signature_size = 64;
    return writer->key ? dr_key_sign(writer->key, list->data, list->size, writer->whole_signature,
                                     &writer->whole_signature_size, err)
                       : 0;
}

static int plan_whole(struct dr_writer *writer, const struct dr_bundle_about *about,
                      const struct dr_bundle_image *images, size_t count, struct dr_err *err)
{
    struct dr_bundle_about whole = *about;

    if (!about->delta)
        return 0;
    whole.delta = NULL;
    writer->whole = calloc(1, sizeof *writer->whole);
    if (!writer->whole)
        return dr_fail_memory(err);
    *writer->whole = (struct dr_writer)DR_WRITER_INIT;
    writer->whole->extras = writer->extras;
    writer->whole->extra_count = writer->extra_count;
    return dr_writer_plan(writer->whole, &whole, images, count, err) < 0 ? -1
                                                                         : sign_whole(writer, err);
}

/* What a delta carries of the whole: three members behind the blobs. */
#define WHOLE_COUNT 3
struct piece {
    const char *name;
    const void *data;
    size_t size;
};

static size_t whole_pieces(const struct dr_writer *writer, struct piece ret[WHOLE_COUNT])
{
    const struct dr_writer *whole = writer->whole;

    if (!whole)
        return 0;
    ret[0] = (struct piece){DR_NAME_WHOLE_SUMS, whole->sums.data, whole->sums.size};
    ret[1] = (struct piece){DR_NAME_WHOLE_SIGNATURE, writer->whole_signature,
                            writer->whole_signature_size};
    ret[2] = (struct piece){DR_NAME_WHOLE_DOCUMENT, whole->document, strlen(whole->document)};
    return WHOLE_COUNT;
}

static int list_text(struct dr_writer *writer, const char *name, const char *text,
                     struct dr_err *err)
{
    struct dr_digest digest;

    dr_digest_of(text, strlen(text), &digest);
    return dr_sums_add(&writer->sums, name, &digest, err);
}

static int list_whole(struct dr_writer *writer, struct dr_err *err)
{
    struct piece pieces[WHOLE_COUNT];
    size_t count = whole_pieces(writer, pieces);

    for (size_t i = 0; i < count; i++) {
        struct dr_digest digest;

        dr_digest_of(pieces[i].data, pieces[i].size, &digest);
        if (dr_sums_add(&writer->sums, pieces[i].name, &digest, err) < 0)
            return -1;
    }
    return 0;
}

static int list_members(struct dr_writer *writer, struct dr_err *err)
{
    if (list_text(writer, DR_NAME_DOCUMENT, writer->document, err) < 0 ||
        list_text(writer, DR_NAME_OCI_LAYOUT, writer->oci_layout, err) < 0 ||
        list_text(writer, DR_NAME_INDEX, writer->index, err) < 0 ||
        list_text(writer, DR_NAME_DOCKER, writer->docker, err) < 0)
        return -1;
    for (size_t i = 0; i < writer->blob_count; i++) {
        char name[DR_MEMBER_NAME];

        dr_sums_blob_name(&writer->blobs[i].digest, name);
        if (dr_sums_add(&writer->sums, name, &writer->blobs[i].digest, err) < 0)
            return -1;
    }
    if (list_whole(writer, err) < 0)
        return -1;
    for (size_t i = 0; i < writer->extra_count; i++) {
        if (dr_sums_add(&writer->sums, writer->extras[i].name, &writer->extras[i].digest, err) < 0)
            return -1;
    }
    return 0;
}

/* A signature's size is known only when it is made; whatever it is, its slot has one. */
static int place_slots(struct dr_writer *writer, struct dr_err *err)
{
    for (size_t i = 0; i < writer->slots.count; i++) {
        char name[DR_MEMBER_NAME];

        if (dr_layout_add(&writer->layout, dr_slots_name(&writer->slots, i, name), DR_SIGNATURE_MAX,
                          NULL, err) < 0)
            return -1;
    }
    return 0;
}

static int place_whole(struct dr_writer *writer, struct dr_err *err)
{
    struct piece pieces[WHOLE_COUNT];
    size_t count = whole_pieces(writer, pieces);

    for (size_t i = 0; i < count; i++) {
        if (dr_layout_add(&writer->layout, pieces[i].name, pieces[i].size, NULL, err) < 0)
            return -1;
    }
    return 0;
}

static int place_members(struct dr_writer *writer, struct dr_err *err)
{
    struct dr_layout *layout = &writer->layout;

    if (dr_layout_add(layout, DR_NAME_SUMS, writer->sums.size, NULL, err) < 0 ||
        place_slots(writer, err) < 0 ||
        dr_layout_add(layout, DR_NAME_DOCUMENT, strlen(writer->document), NULL, err) < 0 ||
        dr_layout_add(layout, DR_NAME_OCI_LAYOUT, strlen(writer->oci_layout), NULL, err) < 0 ||
        dr_layout_add(layout, DR_NAME_INDEX, strlen(writer->index), NULL, err) < 0 ||
        dr_layout_add(layout, DR_NAME_DOCKER, strlen(writer->docker), NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < writer->blob_count; i++) {
        struct dr_bundle_blob *blob = &writer->blobs[i];
        char name[DR_MEMBER_NAME];

        dr_sums_blob_name(&blob->digest, name);
        if (dr_layout_add(layout, name, blob->size, &blob->digest, err) < 0)
            return -1;
        blob->offset = layout->members[layout->count - 1].offset;
        writer->blob_bytes += blob->size;
    }
    if (place_whole(writer, err) < 0)
        return -1;
    for (size_t i = 0; i < writer->extra_count; i++) {
        const struct dr_member *extra = &writer->extras[i];

        if (dr_layout_add(layout, extra->name, extra->size, &extra->digest, err) < 0)
            return -1;
    }
    return 0;
}

uint64_t dr_writer_extra(const struct dr_writer *writer, size_t index)
{
    return writer->layout.members[writer->layout.count - writer->extra_count + index].offset;
}

int dr_writer_plan(struct dr_writer *writer, const struct dr_bundle_about *about,
                   const struct dr_bundle_image *images, size_t count, struct dr_err *err)
{
    if (count > DR_IMAGES_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "%zu images are more than a bundle can name (%d)", count,
                       DR_IMAGES_MAX);
    if (dr_images_check_names(images, count, err) < 0 ||
        plan_whole(writer, about, images, count, err) < 0 ||
        write_texts(writer, about, images, count, err) < 0 ||
        dr_images_blobs(images, count, &writer->blobs, &writer->blob_count, err) < 0 ||
        dr_delta_leave_out(about->delta, writer->blobs, &writer->blob_count, err) < 0 ||
        list_members(writer, err) < 0)
        return -1;
    if (strlen(writer->document) > DR_DOCUMENT_MAX || strlen(writer->docker) >= 1u << 20)
        return dr_fail(err, DR_ERR_FORMAT, "%zu images are more than a bundle can describe", count);
    return place_members(writer, err);
}

static int write_header(const struct dr_member *member, int fd, struct dr_err *err)
{
    unsigned char block[DR_BLOCK];

    dr_header_make(member->name, member->size, block);
    return dr_file_pwrite(fd, block, sizeof block, member->offset - DR_BLOCK, WHAT, err);
}

static int write_slots(const struct dr_writer *writer, const struct dr_slots *slots, int fd,
                       struct dr_err *err)
{
    unsigned char bytes[DR_SLOTS_MAX * DR_SLOT];

    dr_slots_make(slots, bytes);
    return dr_file_pwrite(fd, bytes, slots->count * DR_SLOT,
                          writer->layout.members[AT_SLOTS].offset - DR_BLOCK, WHAT, err);
}

/* With their padding: layers may have lain there before they moved up (bundle/bundle.c). */
static int write_whole(const struct dr_writer *writer, int fd, struct dr_err *err)
{
    static const char zeros[DR_BLOCK];
    struct piece pieces[WHOLE_COUNT];
    size_t count = whole_pieces(writer, pieces);
    const struct dr_member *member =
        writer->layout.members + writer->layout.count - writer->extra_count - count;

    for (size_t i = 0; i < count; i++, member++) {
        if (dr_file_pwrite(fd, pieces[i].data, pieces[i].size, member->offset, WHAT, err) < 0 ||
            dr_file_pwrite(fd, zeros, dr_padding(pieces[i].size), member->offset + pieces[i].size,
                           WHAT, err) < 0)
            return -1;
    }
    return 0;
}

int dr_writer_frame(const struct dr_writer *writer, int fd, struct dr_err *err)
{
    const char *const texts[] = {writer->document, writer->oci_layout, writer->index,
                                 writer->docker};
    const struct dr_member *members = writer->layout.members;

    const struct dr_member *listed = members + AT_SLOTS + writer->slots.count;

    if (write_header(&members[AT_SUMS], fd, err) < 0 ||
        write_slots(writer, &writer->slots, fd, err) < 0)
        return -1;
    for (const struct dr_member *i = listed; i < members + writer->layout.count; i++) {
        if (write_header(i, fd, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (dr_file_pwrite(fd, texts[i], listed[i].size, listed[i].offset, WHAT, err) < 0)
            return -1;
    }
    if (write_whole(writer, fd, err) < 0)
        return -1;
    return dr_file_pwrite(fd, writer->sums.data, writer->sums.size, members[AT_SUMS].offset, WHAT,
                          err);
}

int dr_writer_sign(const struct dr_writer *writer, int fd, const struct dr_key *key,
                   struct dr_err *err)
{
    struct dr_slots signed_slots = writer->slots;
    unsigned char signature[DR_SIGNATURE_MAX];
    size_t size;

    if (!key)
        return 0;
    if (dr_key_sign(key, writer->sums.data, writer->sums.size, signature, &size, err) < 0 ||
        dr_slots_add(&signed_slots, NULL, signature, size, err) < 0)
        return -1;
    return write_slots(writer, &signed_slots, fd, err);
}

void dr_writer_release(struct dr_writer *writer)
{
    dr_layout_release(&writer->layout);
    dr_buf_release(&writer->sums);
    free(writer->document);
    free(writer->index);
    free(writer->docker);
    free(writer->blobs);
    if (writer->whole)
        dr_writer_release(writer->whole);
    free(writer->whole);
    *writer = (struct dr_writer)DR_WRITER_INIT;
}

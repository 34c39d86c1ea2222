/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"

#define MAGIC "drover-label/1 "
#define WHAT "the label"

void dr_label_release(struct dr_label *label)
{
    free(label->text);
    *label = (struct dr_label)DR_LABEL_INIT;
}

int dr_label_make(const json_t *json, const struct dr_key *key, struct dr_label *ret_label,
                  struct dr_err *err)
{
    dr_auto_label struct dr_label label = DR_LABEL_INIT;

    label.text = dr_json_text(json, false, err);
    if (!label.text)
        return -1;
    label.size = strlen(label.text);
    if (label.size > DR_LABEL_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "the bundle has more layers than a label can name");
    if (dr_key_sign(key, label.text, label.size, label.signature, &label.signature_size, err) < 0)
        return -1;
    *ret_label = label;
    label.text = NULL;
    return 0;
}

static void make_footer(size_t size, size_t signature_size, char ret[DR_LABEL_FOOTER])
{
    memset(ret, 0, DR_LABEL_FOOTER);
    snprintf(ret, DR_LABEL_FOOTER, MAGIC "%zu %zu\n", size, signature_size);
}

int dr_label_write(const struct dr_label *label, int fd, uint64_t at, const char *what,
                   struct dr_err *err)
{
    char footer[DR_LABEL_FOOTER];

    make_footer(label->size, label->signature_size, footer);
    if (dr_file_pwrite(fd, label->text, label->size, at, what, err) < 0 ||
        dr_file_pwrite(fd, label->signature, label->signature_size, at + label->size, what, err) <
            0)
        return -1;
    return dr_file_pwrite(fd, footer, sizeof footer, at + label->size + label->signature_size, what,
                          err);
}

/* The two sizes that a footer tells, once it is the one that there is for them. */
static int parse_footer(const char *found, size_t *ret_size, size_t *ret_signature,
                        struct dr_err *err)
{
    char text[DR_LABEL_FOOTER + 1] = "";
    char right[DR_LABEL_FOOTER];

    memcpy(text, found, DR_LABEL_FOOTER);
    if (sscanf(text, MAGIC "%zu %zu\n", ret_size, ret_signature) != 2)
        return dr_fail(err, DR_ERR_VERIFY,
                       "it has no label at its end: it is damaged there, or cut off, or no volume");
    make_footer(*ret_size, *ret_signature, right);
    if (memcmp(found, right, sizeof right) != 0 || *ret_size == 0 || *ret_size > DR_LABEL_MAX ||
        *ret_signature == 0 || *ret_signature > DR_SIGNATURE_MAX)
        return dr_fail(err, DR_ERR_VERIFY, "the label at its end is damaged");
    return 0;
}

/* The footer that is there. */
static int read_footer(int fd, uint64_t *ret_end, size_t *ret_size, size_t *ret_signature,
                       struct dr_err *err)
{
    char found[DR_LABEL_FOOTER];
    struct stat info;

    if (fstat(fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at it");
    if (!S_ISREG(info.st_mode) || info.st_size < DR_LABEL_FOOTER)
        return dr_fail(err, DR_ERR_VERIFY, "it has no label at its end");
    *ret_end = (uint64_t)info.st_size - DR_LABEL_FOOTER;
    if (dr_file_pread(fd, found, DR_LABEL_FOOTER, *ret_end, WHAT, err) < 0 ||
        parse_footer(found, ret_size, ret_signature, err) < 0)
        return -1;
    if (*ret_size + *ret_signature > *ret_end)
        return dr_fail(err, DR_ERR_VERIFY, "the label at its end is damaged");
    return 0;
}

bool dr_label_is_there(int fd)
{
    uint64_t end;
    size_t size;
    size_t signature;

    return read_footer(fd, &end, &size, &signature, NULL) == 0;
}

int dr_label_read(int fd, struct dr_label *ret_label, struct dr_err *err)
{
    dr_auto_label struct dr_label label = DR_LABEL_INIT;
    uint64_t end;

    if (read_footer(fd, &end, &label.size, &label.signature_size, err) < 0)
        return -1;
    label.text = calloc(1, label.size + 1);
    if (!label.text)
        return dr_fail_memory(err);
    label.begin = end - label.signature_size - label.size;
    if (dr_file_pread(fd, label.text, label.size, label.begin, WHAT, err) < 0 ||
        dr_file_pread(fd, label.signature, label.signature_size, label.begin + label.size, WHAT,
                      err) < 0)
        return -1;
    *ret_label = label;
    label.text = NULL;
    return 0;
}

int dr_label_pack(const struct dr_label *label, struct dr_buf *ret_bytes, struct dr_err *err)
{
    char footer[DR_LABEL_FOOTER];

    make_footer(label->size, label->signature_size, footer);
    return dr_buf_add(ret_bytes, footer, sizeof footer, err) < 0 ||
                   dr_buf_add(ret_bytes, label->text, label->size, err) < 0 ||
                   dr_buf_add(ret_bytes, label->signature, label->signature_size, err) < 0
               ? -1
               : 0;
}

int dr_label_unpack(const char *bytes, size_t size, struct dr_label *ret_label, struct dr_err *err)
{
    dr_auto_label struct dr_label label = DR_LABEL_INIT;

    if (size < DR_LABEL_FOOTER)
        return dr_fail(err, DR_ERR_VERIFY, "a copy of a label is cut off");
    if (parse_footer(bytes, &label.size, &label.signature_size, err) < 0)
        return -1;
    if (dr_label_room(&label) > size)
        return dr_fail(err, DR_ERR_VERIFY, "a copy of a label is cut off");
    label.text = calloc(1, label.size + 1);
    if (!label.text)
        return dr_fail_memory(err);
    memcpy(label.text, bytes + DR_LABEL_FOOTER, label.size);
    memcpy(label.signature, bytes + DR_LABEL_FOOTER + label.size, label.signature_size);
    *ret_label = label;
    label.text = NULL;
    return 0;
}

int dr_label_read_first(int fd, struct dr_label *ret_label, struct dr_err *err)
{
    char footer[DR_LABEL_FOOTER];
    dr_autofree char *bytes = NULL;
    size_t size;
    size_t signature;

    if (dr_file_pread(fd, footer, sizeof footer, 0, WHAT, err) < 0 ||
        parse_footer(footer, &size, &signature, err) < 0)
        return -1;
    size += DR_LABEL_FOOTER + signature;
    bytes = malloc(size);
    if (!bytes)
        return dr_fail_memory(err);
    return dr_file_pread(fd, bytes, size, 0, WHAT, err) < 0
               ? -1
               : dr_label_unpack(bytes, size, ret_label, err);
}

static bool is_of(const struct dr_label *label, const char *format)
{
    char begin[64];
    int length = snprintf(begin, sizeof begin, "{\"format\":\"%s\"", format);

    return strncmp(label->text, begin, (size_t)length) == 0;
}

bool dr_label_is_called(int fd, const char *format)
{
    dr_auto_label struct dr_label last = DR_LABEL_INIT;
    dr_auto_label struct dr_label first = DR_LABEL_INIT;

    return (dr_label_read(fd, &last, NULL) == 0 && is_of(&last, format)) ||
           (dr_label_read_first(fd, &first, NULL) == 0 && is_of(&first, format));
}

static int check_signature(const struct dr_label *label, const struct dr_bundle_trust *trust,
                           struct dr_err *err)
{
    struct dr_bundle_trust one = *trust;
    struct dr_slots slots = {.filled = 1, .count = 1};
    struct dr_signers signers;

    /* The bundle inside has to have as many signatures as are demanded; its maker alone labels what carries it. */
    one.threshold = 1;
    memcpy(slots.items[0].bytes, label->signature, label->signature_size);
    slots.items[0].size = label->signature_size;
    return dr_trust_check(&one, label->text, label->size, &slots, &signers, err);
}

static int check_format(const json_t *json, const char *format, struct dr_err *err)
{
    const char *found;

    if (dr_json_get_string(json, "format", &found, err) < 0)
        return -1;
    return strcmp(found, format) == 0
               ? 0
               : dr_fail(err, DR_ERR_FORMAT, "it is '%.64s', not '%s'", found, format);
}

int dr_label_open(const struct dr_label *label, const struct dr_bundle_trust *trust,
                  const char *format, dr_label_parse_fn *parse, void *context, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_auto_t *json = NULL;

    if (!trust->unverified && check_signature(label, trust, err) < 0)
        return dr_err_wrap(err, WHAT);
    json = dr_json_parse(label->text, label->size, WHAT, &why);
    if (json && check_format(json, format, &why) == 0 && parse(context, json, &why) == 0)
        return 0;
    return dr_fail(err, why.code == DR_ERR_FORMAT ? DR_ERR_VERIFY : why.code, "%s%s",
                   json ? WHAT ": " : "", why.text);
}

bool dr_label_is_same(const struct dr_label *one, const struct dr_label *other)
{
    return one->size == other->size && memcmp(one->text, other->text, one->size) == 0 &&
           one->signature_size == other->signature_size &&
           memcmp(one->signature, other->signature, one->signature_size) == 0;
}

int dr_label_get_digest(const json_t *json, const char *key, struct dr_digest *ret,
                        struct dr_err *err)
{
    const char *text;

    return dr_json_get_string(json, key, &text, err) < 0 ? -1 : dr_digest_parse(text, ret, err);
}

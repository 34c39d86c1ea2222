/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/account.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/text.h"

#define PASSWD_MAX (1u << 20)

/* The field that begins at `text`, up to the next colon. */
static int read_number(const char *text, uint64_t *ret_number)
{
    char digits[16];
    size_t size = strcspn(text, ":\n");

    if (size == 0 || size >= sizeof digits)
        return -1;
    memcpy(digits, text, size);
    digits[size] = '\0';
    return dr_text_uint64(digits, UINT32_MAX - 1, ret_number, NULL);
}

/* "name:password:uid:gid:..." */
static int parse_line(const char *line, struct dr_account *ret_account)
{
    const char *field = line;
    uint64_t uid = 0;
    uint64_t gid = 0;

    for (int skip = 0; skip < 2; skip++) {
        field += strcspn(field, ":\n");
        if (*field != ':')
            return -1;
        field++;
    }
    if (read_number(field, &uid) < 0)
        return -1;
    field += strcspn(field, ":\n");
    if (*field != ':' || read_number(field + 1, &gid) < 0)
        return -1;
    *ret_account = (struct dr_account){.uid = (uid_t)uid, .gid = (gid_t)gid};
    return 0;
}

int dr_account_parse(const char *passwd, const char *name, struct dr_account *ret_account)
{
    size_t length = strlen(name);

    for (const char *line = passwd; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return parse_line(line, ret_account);
    }
    return -1;
}

static int sink(void *context, const void *data, size_t size, struct dr_err *err)
{
    return dr_buf_add(context, data, size, err);
}

/* The first file of a tar, as text. */
static int unpack(const struct dr_buf *tar, struct dr_buf *ret_text)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    char piece[4096];
    la_ssize_t got = -1;

    if (archive && archive_read_support_format_tar(archive) == ARCHIVE_OK &&
        archive_read_open_memory(archive, tar->data, tar->size) == ARCHIVE_OK &&
        archive_read_next_header(archive, &entry) == ARCHIVE_OK)
        while ((got = archive_read_data(archive, piece, sizeof piece)) > 0)
            if (dr_buf_add(ret_text, piece, (size_t)got, NULL) < 0)
                break;
    archive_read_free(archive);
    return got == 0 && ret_text->size > 0 ? 0 : -1;
}

int dr_account_find(struct dr_engine *engine, const char *container, const char *name,
                    struct dr_account *ret_account, struct dr_err *err)
{
    dr_auto_buf struct dr_buf tar = DR_BUF_INIT(PASSWD_MAX);
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(PASSWD_MAX);
    struct dr_err why = DR_ERR_INIT;

    *ret_account = (struct dr_account){DR_ACCOUNT_MYSQL_UID, DR_ACCOUNT_MYSQL_GID};
    if (dr_docker_archive(engine, container, "/etc/passwd", sink, &tar, &why) < 0) {
        if (why.code == DR_ERR_ABSENT)
            return 0;
        if (err)
            *err = why;
        return -1;
    }
    if (unpack(&tar, &text) == 0)
        dr_account_parse(text.data, name, ret_account);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/uploads.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define UPLOADS_MAX (1u << 20)

void dr_mirror_uploads_open(struct dr_mirror_uploads *uploads, char *path)
{
    uploads->path = path;
    if (path && dr_file_check_owned(path, NULL) == 0)
        uploads->json = dr_json_read(path, UPLOADS_MAX, NULL);
    if (!json_is_object(uploads->json)) {
        json_decref(uploads->json);
        uploads->json = json_object();
    }
}

void dr_mirror_uploads_release(struct dr_mirror_uploads *uploads)
{
    free(uploads->path);
    json_decref(uploads->json);
    *uploads = (struct dr_mirror_uploads){.path = NULL};
}

static char *key_of(const char *repository, const struct dr_digest *digest)
{
    char text[DR_DIGEST_TEXT];

    return dr_text_format(NULL, "%s@%s", repository, dr_digest_text(digest, text));
}

const char *dr_mirror_uploads_get(const struct dr_mirror_uploads *uploads, const char *repository,
                                  const struct dr_digest *digest)
{
    dr_autofree char *key = key_of(repository, digest);

    return key ? dr_json_string_or(uploads->json, key, NULL) : NULL;
}

/* Renamed into place, so that it is whole whenever this process ends. */
static void save(const struct dr_mirror_uploads *uploads)
{
    dr_autofree char *draft = dr_text_format(NULL, "%s.new", uploads->path);
    dr_autofree char *text = dr_json_text(uploads->json, false, NULL);
    dr_autoclose int fd = -1;

    if (json_object_size(uploads->json) == 0) {
        unlink(uploads->path);
        return;
    }
    if (!draft || !text)
        return;
    fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && dr_file_pwrite(fd, text, strlen(text), 0, draft, NULL) == 0)
        rename(draft, uploads->path);
}

void dr_mirror_uploads_set(struct dr_mirror_uploads *uploads, const char *repository,
                           const struct dr_digest *digest, const char *session)
{
    dr_autofree char *key = key_of(repository, digest);
    const char *known = key ? dr_json_string_or(uploads->json, key, NULL) : NULL;

    if (!key || !uploads->path || (!known && !session) ||
        (known && session && strcmp(known, session) == 0))
        return;
    if (session)
        dr_json_set(uploads->json, key, json_string(session), NULL);
    else
        json_object_del(uploads->json, key);
    save(uploads);
}

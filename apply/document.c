/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/document.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/json.h"

#define DOCUMENT_MAX (256u << 20)

int dr_document_check_folder(const char *folder, struct dr_err *err)
{
    struct stat info;

    if (lstat(folder, &info) < 0 && errno == ENOENT)
        return 0;
    return dr_file_check_owned(folder, err) < 0 ? dr_err_wrap(err, "trust the state folder") : 0;
}

json_t *dr_document_part(const char *path, struct dr_err *err)
{
    return dr_file_check_owned(path, err) < 0 ? NULL : dr_json_read(path, DOCUMENT_MAX, err);
}

json_t *dr_document_read(const char *path, struct dr_err *err)
{
    json_auto_t *state = dr_document_part(path, err);

    if (!state)
        return NULL;
    if (dr_json_int_or(state, "format", 0) != DR_DOCUMENT_FORMAT ||
        !json_is_object(json_object_get(state, "steps"))) {
        dr_fail(err, DR_ERR_FORMAT,
                "'%s' tells of an upgrade in a form that this drover does not know; continue "
                "it with the drover that began it",
                path);
        return NULL;
    }
    return json_incref(state);
}

int dr_document_save(const char *path, const json_t *value, bool pretty, struct dr_err *err)
{
    return dr_json_save(path, 0600, value, pretty, err) < 0 ? dr_err_wrap(err, "write the journal")
                                                            : 0;
}

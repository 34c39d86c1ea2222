/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/certs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define PEM_MAX (4u << 20)

static void free_names(struct dirent **names, int count)
{
    while (count > 0)
        free(names[--count]);
    free(names);
}

static int add_pem(const char *path, struct dr_buf *pem, struct dr_err *err)
{
    if (dr_file_read(path, pem, err) < 0)
        return -1;
    return dr_buf_add(pem, "\n", 1, err);
}

/* NAME.cert belongs with NAME.key; the first pair counts. */
static int take_pair(struct dr_certs *certs, const char *path, struct dr_err *err)
{
    dr_autofree char *key = dr_text_format(err, "%.*skey", (int)(strlen(path) - 4), path);

    if (!key)
        return -1;
    if (certs->cert_file)
        return 0;
    if (access(key, R_OK) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "read '%s', the key of the certificate beside it",
                             key);
    certs->cert_file = dr_text_copy(path, err);
    certs->key_file = dr_steal(key);
    return certs->cert_file ? 0 : -1;
}

static int take_entry(struct dr_certs *certs, const char *folder, const char *name,
                      struct dr_buf *pem, struct dr_err *err)
{
    dr_autofree char *path = dr_file_join(folder, name, err);

    if (!path)
        return -1;
    if (dr_text_ends(name, ".crt"))
        return add_pem(path, pem, err);
    return dr_text_ends(name, ".cert") ? take_pair(certs, path, err) : 0;
}

static int take_folder(struct dr_certs *certs, const char *folder, struct dr_buf *pem,
                       struct dr_err *err)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    int done = 0;

    if (count < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : dr_fail_errno(err, DR_ERR_IO, "read folder '%s'", folder);
    for (int i = 0; i < count && done == 0; i++)
        done = take_entry(certs, folder, names[i]->d_name, pem, err);
    free_names(names, count);
    return done;
}

int dr_certs_find(const char *folder, const char *host, const char *ca_file,
                  struct dr_certs *ret_certs, struct dr_err *err)
{
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(PEM_MAX);
    dr_autofree char *own = dr_file_join(folder, host, err);
    struct dr_certs certs = {0};

    if (!own)
        return -1;
    if ((ca_file && add_pem(ca_file, &pem, err) < 0) || take_folder(&certs, own, &pem, err) < 0) {
        dr_certs_release(&certs);
        return dr_err_wrap(err, "certificates for registry '%s'", host);
    }
    if (pem.size > 0)
        certs.ca_pem = dr_steal(pem.data);
    *ret_certs = certs;
    return 0;
}

void dr_certs_release(struct dr_certs *certs)
{
    free(certs->ca_pem);
    free(certs->cert_file);
    free(certs->key_file);
    *certs = (struct dr_certs){0};
}

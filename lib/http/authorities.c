/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/authorities.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define PEM_MAX (8u << 20)

/* The order of Go's crypto/x509, from the most to the least common. */
static const char *const usual_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL 6 */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/pki/tls/cacert.pem",                           /* OpenELEC */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* RHEL 7 and later */
    "/etc/ssl/cert.pem",                                 /* Alpine, BSD */
    NULL,
};
static const char *const usual_folders[] = {
    "/etc/ssl/certs",                                 /* Debian, SUSE */
    "/etc/pki/tls/certs",                             /* Fedora, RHEL */
    "/etc/pki/ca-trust/extracted/pem/directory-hash", /* RHEL 9 */
    NULL,
};

static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* As X509_LOOKUP_hash_dir(3) names them: eight hex digits, a dot, a number. */
static bool is_hash_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
           isdigit((unsigned char)name[9]);
}

static bool is_hashed(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool found = false;

    if (!folder)
        return false;
    while (!found && (entry = readdir(folder)))
        found = is_hash_name(entry->d_name);
    closedir(folder);
    return found;
}

static bool is_readable(const char *path)
{
    return access(path, R_OK) == 0;
}

/* The first of `usual` that is fit; NULL in `ret` when there is none. */
static int find_usual(char **ret, const char *root, const char *const *usual,
                      bool (*is_fit)(const char *), struct dr_err *err)
{
    for (; *usual; usual++) {
        dr_autofree char *path = dr_text_format(err, "%s%s", root, *usual);

        if (!path)
            return -1;
        if (!is_fit(path))
            continue;
        *ret = dr_steal(path);
        return 0;
    }
    return 0;
}

static int find_hosts(struct dr_authorities *hosts, const char *root, struct dr_err *err)
{
    const char *file = given("SSL_CERT_FILE");
    const char *folder = given("SSL_CERT_DIR");

    if (!file && !folder) {
        if (find_usual(&hosts->file, root, usual_files, is_readable, err) < 0)
            return -1;
        return find_usual(&hosts->folder, root, usual_folders, is_hashed, err);
    }
    if (file && !(hosts->file = dr_text_copy(file, err)))
        return -1;
    return folder && !(hosts->folder = dr_text_copy(folder, err)) ? -1 : 0;
}

/* Text, since libcurl takes one file or one text. A hashed folder of the host's is not read for it: its certificates
 * are looked up one by one, which is quicker than reading all of them for every connection. */
static int add_own(struct dr_authorities *hosts, const struct dr_http_options *options,
                   struct dr_err *err)
{
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(PEM_MAX);
    bool in_folder = hosts->folder && !given("SSL_CERT_FILE");

    if (options->ca_pem && dr_buf_add_text(&pem, options->ca_pem, err) < 0)
        return -1;
    if (options->ca_file && dr_file_read(options->ca_file, &pem, err) < 0)
        return dr_err_wrap(err, "the CA that was given");
    if (hosts->file && !in_folder &&
        (dr_buf_add(&pem, "\n", 1, err) < 0 || dr_file_read(hosts->file, &pem, err) < 0))
        return dr_err_wrap(err, "the CAs of this host");
    free(dr_steal(hosts->file));
    hosts->pem = dr_buf_steal(&pem, err);
    return hosts->pem ? 0 : -1;
}

int dr_authorities_find(struct dr_authorities *ret, const char *root,
                        const struct dr_http_options *options, struct dr_err *err)
{
    dr_auto_authorities struct dr_authorities found = {0};

    if (find_hosts(&found, root, err) < 0 ||
        ((options->ca_file || options->ca_pem) && add_own(&found, options, err) < 0))
        return -1;
    *ret = found;
    found = (struct dr_authorities){0};
    return 0;
}

void dr_authorities_release(struct dr_authorities *authorities)
{
    free(authorities->file);
    free(authorities->folder);
    free(authorities->pem);
    *authorities = (struct dr_authorities){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/reference.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_word(char c)
{
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* One path component: alphanumerics joined by '.', '_', '__' or any number of '-'. */
static const char *skip_component(const char *c)
{
    while (is_lower_or_digit(*c)) {
        while (is_lower_or_digit(*c))
            c++;
        if (*c == '.') {
            c++;
        } else if (*c == '_') {
            c += c[1] == '_' ? 2 : 1;
        } else if (*c == '-') {
            while (*c == '-')
                c++;
        } else {
            return c;
        }
    }
    return NULL;
}

static bool valid_path(const char *path)
{
    while ((path = skip_component(path))) {
        if (!*path)
            return true;
        if (*path++ != '/')
            return false;
    }
    return false;
}

static bool valid_host(const char *host)
{
    const char *c = host;

    if (*c == '[') { /* IPv6 literal */
        c += 1 + strspn(c + 1, "0123456789abcdefABCDEF:.");
        if (*c++ != ']')
            return false;
    } else {
        if (!is_word(*c) || *c == '_')
            return false;
        while ((is_word(*c) && *c != '_') || *c == '.' || *c == '-')
            c++;
    }
    if (*c == ':') {
        size_t digits = strspn(c + 1, "0123456789");

        return digits >= 1 && digits <= 5 && !c[1 + digits];
    }
    return !*c;
}

static bool valid_tag(const char *tag)
{
    size_t length = strlen(tag);

    if (length < 1 || length > 128 || !is_word(*tag))
        return false;
    for (const char *c = tag; *c; c++) {
        if (!is_word(*c) && *c != '.' && *c != '-')
            return false;
    }
    return true;
}

static bool is_host(const char *part)
{
    return strpbrk(part, ".:[") || strcmp(part, "localhost") == 0;
}

/* Cuts `name` at its first slash when what stands before is a host. NULL: the host is too long. */
static const char *split_host(char *name, char ret_host[256])
{
    char *slash = strchr(name, '/');

    if (slash) {
        *slash = '\0';
        if (is_host(name))
            return dr_text_put(ret_host, 256, name) < 0 ? NULL : slash + 1;
        *slash = '/';
    }
    dr_text_put(ret_host, 256, "docker.io");
    return name;
}

/* The order matters: the digest is cut off first, then the tag (a ':' after the last '/'). */
static int split_tail(char *name, struct dr_reference *reference, struct dr_err *err)
{
    char *at = strchr(name, '@');
    char *slash;
    char *colon;

    if (at) {
        *at = '\0';
        if (dr_digest_parse(at + 1, &reference->digest, err) < 0)
            return -1;
        reference->has_digest = true;
    }
    slash = strrchr(name, '/');
    colon = strchr(slash ? slash : name, ':');
    if (colon) {
        *colon = '\0';
        if (!valid_tag(colon + 1) || dr_text_put(reference->tag, 129, colon + 1) < 0)
            return dr_fail(err, DR_ERR_FORMAT, "'%.130s' is not a valid tag", colon + 1);
    } else if (!at) {
        dr_text_put(reference->tag, sizeof reference->tag, "latest");
    }
    return 0;
}

/* One-word names on Docker Hub lie in library/. */
static int put_repository(struct dr_reference *reference, const char *path)
{
    static const char library[] = "library/";
    bool short_name = strcmp(reference->host, "docker.io") == 0 && !strchr(path, '/');
    size_t skip = short_name ? sizeof library - 1 : 0;

    memcpy(reference->repository, library, skip);
    return dr_text_put(reference->repository + skip, sizeof reference->repository - skip, path);
}

int dr_reference_parse(const char *text, struct dr_reference *ret_reference, struct dr_err *err)
{
    struct dr_reference reference = {0};
    char name[512];
    const char *path;

    if (dr_text_put(name, sizeof name, text) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "'%.40s...' is too long for an image reference", text);
    if (split_tail(name, &reference, err) < 0)
        return dr_err_wrap(err, "read the image reference '%s'", text);
    path = split_host(name, reference.host);
    if (strcmp(reference.host, "index.docker.io") == 0)
        dr_text_put(reference.host, sizeof reference.host, "docker.io");
    if (!path || !valid_host(reference.host) || !valid_path(path) ||
        put_repository(&reference, path) < 0)
        return dr_fail(err, DR_ERR_FORMAT,
                       "'%s' is not an image reference like [HOST[:PORT]/]NAME[:TAG][@DIGEST]",
                       text);
    *ret_reference = reference;
    return 0;
}

static const char *format(const struct dr_reference *reference, const char *host,
                          const char *repository, char ret[DR_REFERENCE_TEXT])
{
    char digest[DR_DIGEST_TEXT];

    snprintf(ret, DR_REFERENCE_TEXT, "%s%s%s%s%s%s", host, repository, *reference->tag ? ":" : "",
             reference->tag, reference->has_digest ? "@" : "",
             reference->has_digest ? dr_digest_text(&reference->digest, digest) : "");
    return ret;
}

const char *dr_reference_text(const struct dr_reference *reference, char ret[DR_REFERENCE_TEXT])
{
    char host[260];

    snprintf(host, sizeof host, "%s/", reference->host);
    return format(reference, host, reference->repository, ret);
}

/* docker.io/a.b/c must not become a.b/c, which is another image. */
static bool begins_like_host(const char *repository)
{
    char first[256];

    snprintf(first, sizeof first, "%.*s", (int)strcspn(repository, "/"), repository);
    return is_host(first);
}

const char *dr_reference_familiar(const struct dr_reference *reference, char ret[DR_REFERENCE_TEXT])
{
    const char *repository = reference->repository;

    if (strcmp(reference->host, "docker.io") != 0)
        return dr_reference_text(reference, ret);
    if (dr_text_starts(repository, "library/") && !strchr(repository + strlen("library/"), '/'))
        repository += strlen("library/");
    else if (begins_like_host(repository))
        return dr_reference_text(reference, ret);
    return format(reference, "", repository, ret);
}

int dr_reference_parse_registry(const char *text, char ret_host[256], char ret_prefix[256],
                                struct dr_err *err)
{
    char copy[512];
    const char *prefix = "";
    char *slash;

    if (dr_text_put(copy, sizeof copy, text) < 0)
        return dr_fail(err, DR_ERR_USAGE, "'%.40s...' is too long for a registry", text);
    if (*copy && dr_text_ends(copy, "/"))
        copy[strlen(copy) - 1] = '\0';
    slash = strchr(copy, '/');
    if (slash) {
        *slash = '\0';
        prefix = slash + 1;
    }
    if (!valid_host(copy) || (slash && !valid_path(prefix)) ||
        dr_text_put(ret_host, 256, copy) < 0 || dr_text_put(ret_prefix, 256, prefix) < 0)
        return dr_fail(err, DR_ERR_USAGE, "'%.200s' is not a registry like HOST[:PORT][/PREFIX]",
                       text);
    return 0;
}

int dr_reference_parse_beginning(const char *text, char ret_host[256], char ret_path[256],
                                 struct dr_err *err)
{
    char name[512];
    const char *path = "";

    if (dr_text_put(name, sizeof name, text) < 0)
        return dr_fail(err, DR_ERR_USAGE, "'%.40s...' is too long for a name", text);
    if (!strchr(name, '/') && is_host(name)) {
        if (dr_text_put(ret_host, 256, name) < 0)
            path = NULL;
    } else {
        path = split_host(name, ret_host);
    }
    if (path && strcmp(ret_host, "index.docker.io") == 0)
        dr_text_put(ret_host, 256, "docker.io");
    if (!path || !valid_host(ret_host) || (*path && !valid_path(path)) ||
        (!*path && strchr(text, '/')) || !*text || dr_text_put(ret_path, 256, path) < 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "'%.200s' is not what image names begin with, like docker.io/rancher", text);
    return 0;
}

bool dr_reference_is_path(const char *path)
{
    return valid_path(path);
}

int dr_reference_move(const struct dr_reference *from, const char *host, const char *prefix,
                      struct dr_reference *ret_reference, struct dr_err *err)
{
    struct dr_reference moved = *from;
    int length = snprintf(moved.repository, sizeof moved.repository, "%s%s%s", prefix,
                          *prefix ? "/" : "", from->repository);

    if (length < 0 || (size_t)length >= sizeof moved.repository)
        return dr_fail(err, DR_ERR_USAGE,
                       "the prefix '%s' makes the name '%s' longer than 255 bytes", prefix,
                       from->repository);
    if (dr_text_put(moved.host, sizeof moved.host, host) < 0)
        return dr_fail(err, DR_ERR_USAGE, "'%.40s...' is too long for a registry", host);
    *ret_reference = moved;
    return 0;
}

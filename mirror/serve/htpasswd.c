/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/htpasswd.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/stop.h"
#include "lib/text.h"

#define FILE_MAX (1u << 20)
#define USERS_MAX 4096
#define CREDENTIALS_MAX 1024
#define REMEMBERED 256

/* Tries of a second, and the largest cost of one: 2^12 rounds take about a quarter of a second. */
#define TRIES_PER_SECOND 4
#define COST_MAX 12u

struct user {
    const char *name; /* both point into `text` */
    const char *hash;
};

struct dr_htpasswd {
    struct dr_buf text;
    struct user *users;
    size_t count;
    unsigned char key[32]; /* of this process; goes into what is remembered */
    struct dr_digest good[REMEMBERED];
    size_t good_count;
    size_t good_next;
    double tries; /* that may be made now, up to TRIES_PER_SECOND */
    double tried; /* when the last was */
    struct crypt_data crypt;
};

void dr_htpasswd_free(struct dr_htpasswd *htpasswd)
{
    if (!htpasswd)
        return;
    dr_buf_release(&htpasswd->text);
    free(htpasswd->users);
    OPENSSL_cleanse(htpasswd, sizeof *htpasswd);
    free(htpasswd);
}

/* "$2y$05$" and 53 characters of salt and hash; $2a$ and $2b$ are the same to crypt(3). */
static int check_hash(const char *hash, size_t line, struct dr_err *err)
{
    unsigned cost;

    if (strlen(hash) != 60 || hash[0] != '$' || hash[1] != '2' || !strchr("aby", hash[2]) ||
        hash[3] != '$' || strspn(hash + 4, "0123456789") != 2 || hash[6] != '$')
        return dr_fail(err, DR_ERR_FORMAT,
                       "line %zu holds no bcrypt hash; make it with 'htpasswd -B'", line);
    cost = (unsigned)(hash[4] - '0') * 10 + (unsigned)(hash[5] - '0');
    if (cost > COST_MAX)
        return dr_fail(err, DR_ERR_FORMAT,
                       "line %zu: a hash of cost %u would hold up the server; use at most %u", line,
                       cost, COST_MAX);
    return 0;
}

static int add_user(struct dr_htpasswd *htpasswd, char *line, size_t number, struct dr_err *err)
{
    char *colon = strchr(line, ':');

    line[strcspn(line, "\r")] = '\0';
    if (!*line || *line == '#')
        return 0;
    if (!colon || colon == line || colon - line >= DR_HTPASSWD_USER)
        return dr_fail(err, DR_ERR_FORMAT, "line %zu is not of the form USER:HASH", number);
    *colon = '\0';
    if (check_hash(colon + 1, number, err) < 0)
        return -1;
    for (size_t i = 0; i < htpasswd->count; i++) {
        if (strcmp(htpasswd->users[i].name, line) == 0)
            return dr_fail(err, DR_ERR_FORMAT, "line %zu names a user again", number);
    }
    if (htpasswd->count == USERS_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "it names more than %d users", USERS_MAX);
    htpasswd->users[htpasswd->count++] = (struct user){.name = line, .hash = colon + 1};
    return 0;
}

static int parse(struct dr_htpasswd *htpasswd, struct dr_err *err)
{
    size_t number = 0;

    htpasswd->users = calloc(USERS_MAX, sizeof *htpasswd->users);
    if (!htpasswd->users)
        return dr_fail_memory(err);
    for (char *line = htpasswd->text.data, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (add_user(htpasswd, line, ++number, err) < 0)
            return -1;
    }
    if (htpasswd->count == 0)
        return dr_fail(err, DR_ERR_FORMAT, "it names no user");
    if (RAND_bytes(htpasswd->key, sizeof htpasswd->key) != 1)
        return dr_fail(err, DR_ERR_INTERNAL, "no random numbers");
    return 0;
}

struct dr_htpasswd *dr_htpasswd_read(const char *path, struct dr_err *err)
{
    struct dr_htpasswd *htpasswd = calloc(1, sizeof *htpasswd);

    if (!htpasswd) {
        dr_fail_memory(err);
        return NULL;
    }
    htpasswd->text = (struct dr_buf)DR_BUF_INIT(FILE_MAX);
    htpasswd->tries = TRIES_PER_SECOND;
    if (dr_file_read(path, &htpasswd->text, err) == 0 && parse(htpasswd, err) == 0)
        return htpasswd;
    dr_err_wrap(err, "read the users in '%s'", path);
    dr_htpasswd_free(htpasswd);
    return NULL;
}

/* "Basic" and base64 of user, colon, password (RFC 7617). */
static bool read_credentials(const char *authorization, char ret[CREDENTIALS_MAX], char **ret_user,
                             char **ret_password)
{
    char *colon;
    size_t size;

    if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
        return false;
    authorization += 6;
    authorization += strspn(authorization, " ");
    if (dr_text_unbase64(authorization, ret, CREDENTIALS_MAX - 1, &size) < 0)
        return false;
    ret[size] = '\0';
    colon = strchr(ret, ':');
    if (strlen(ret) != size || !colon || colon - ret >= DR_HTPASSWD_USER)
        return false;
    *colon = '\0';
    *ret_user = ret;
    *ret_password = colon + 1;
    return true;
}

static void digest_of(const struct dr_htpasswd *htpasswd, const char *user, const char *password,
                      struct dr_digest *ret_digest)
{
    unsigned char text[sizeof htpasswd->key + CREDENTIALS_MAX];
    size_t at = sizeof htpasswd->key;

    memcpy(text, htpasswd->key, at);
    memcpy(text + at, user, strlen(user) + 1);
    at += strlen(user) + 1;
    memcpy(text + at, password, strlen(password));
    dr_digest_of(text, at + strlen(password), ret_digest);
    OPENSSL_cleanse(text, sizeof text);
}

static bool is_remembered(const struct dr_htpasswd *htpasswd, const struct dr_digest *digest)
{
    bool found = false;

    for (size_t i = 0; i < htpasswd->good_count; i++)
        found |= CRYPTO_memcmp(htpasswd->good[i].bytes, digest->bytes, sizeof digest->bytes) == 0;
    return found;
}

static void remember(struct dr_htpasswd *htpasswd, const struct dr_digest *digest)
{
    htpasswd->good[htpasswd->good_next] = *digest;
    htpasswd->good_next = (htpasswd->good_next + 1) % REMEMBERED;
    if (htpasswd->good_count < REMEMBERED)
        htpasswd->good_count++;
}

static bool may_try(struct dr_htpasswd *htpasswd)
{
    double now = dr_clock();

    htpasswd->tries += (now - htpasswd->tried) * TRIES_PER_SECOND;
    if (htpasswd->tries > TRIES_PER_SECOND)
        htpasswd->tries = TRIES_PER_SECOND;
    htpasswd->tried = now;
    if (htpasswd->tries < 1)
        return false;
    htpasswd->tries -= 1;
    return true;
}

/* An unknown user's password is hashed all the same, with somebody's salt. */
static bool is_right(struct dr_htpasswd *htpasswd, const char *user, const char *password)
{
    const struct user *found = NULL;
    const char *hash;
    const char *made;

    for (size_t i = 0; i < htpasswd->count; i++) {
        if (strcmp(htpasswd->users[i].name, user) == 0)
            found = &htpasswd->users[i];
    }
    hash = found ? found->hash : htpasswd->users[0].hash;
    made = crypt_r(password, hash, &htpasswd->crypt);
    return made && strlen(made) == strlen(hash) && CRYPTO_memcmp(made, hash, strlen(hash)) == 0 &&
           found;
}

enum dr_login dr_htpasswd_check(struct dr_htpasswd *htpasswd, const char *authorization,
                                char ret_user[DR_HTPASSWD_USER])
{
    char credentials[CREDENTIALS_MAX];
    struct dr_digest digest;
    enum dr_login login = DR_LOGIN_WRONG;
    char *user;
    char *password;

    *ret_user = '\0';
    if (!read_credentials(authorization, credentials, &user, &password))
        return DR_LOGIN_NONE;
    dr_text_put(ret_user, DR_HTPASSWD_USER, user);
    digest_of(htpasswd, user, password, &digest);
    if (is_remembered(htpasswd, &digest)) {
        login = DR_LOGIN_GOOD;
    } else if (!may_try(htpasswd)) {
        login = DR_LOGIN_LATER;
    } else if (is_right(htpasswd, user, password)) {
        remember(htpasswd, &digest);
        login = DR_LOGIN_GOOD;
    }
    OPENSSL_cleanse(credentials, sizeof credentials);
    return login;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/auth.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

#define TOKEN_CHARACTERS                                                                           \
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define HEADER_MAX 4096

static const char *skip_space(const char *c)
{
    return c + strspn(c, " \t");
}

static const char *skip_commas(const char *c)
{
    return c + strspn(c, " \t,");
}

/* Copies what stands between; what is too long is an error only for parameters we use. */
static int put_part(char *to, size_t room, const char *from, size_t size)
{
    if (size >= room)
        return -1;
    memcpy(to, from, size);
    to[size] = '\0';
    return 0;
}

/* A quoted-string at its opening quote. Returns what follows it, NULL when it has no end or does
 * not fit. Backslash takes the next character as it is. */
static const char *read_quoted(const char *c, char *to, size_t room)
{
    size_t size = 0;

    for (c++; *c && *c != '"'; c++) {
        if (*c == '\\' && *++c == '\0')
            return NULL;
        if (size + 1 >= room)
            return NULL;
        to[size++] = *c;
    }
    to[size] = '\0';
    return *c == '"' ? c + 1 : NULL;
}

static const char *read_value(const char *c, char *to, size_t room)
{
    size_t size;

    if (*c == '"')
        return read_quoted(c, to, room);
    size = strspn(c, TOKEN_CHARACTERS);
    if (size == 0 || put_part(to, room, c, size) < 0)
        return NULL;
    return c + size;
}

static int set_parameter(struct dr_challenge *challenge, const char *name, const char *value)
{
    const struct {
        const char *name;
        char *to;
        size_t room;
    } known[] = {
        {"realm", challenge->realm, sizeof challenge->realm},
        {"service", challenge->service, sizeof challenge->service},
        {"scope", challenge->scope, sizeof challenge->scope},
        {"error", challenge->error, sizeof challenge->error},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcasecmp(name, known[i].name) != 0)
            continue;
        return *known[i].to ? -1 : dr_text_put(known[i].to, known[i].room, value);
    }
    return 0;
}

/* Whether a parameter begins here: NAME BWS "=" BWS and then a value. A token68 ("abc==") and the
 * name of the next scheme are none. Returns where the value begins, NULL: it is none. */
static const char *parameter_value(const char *c, size_t *ret_name_size)
{
    size_t size = strspn(c, TOKEN_CHARACTERS);
    const char *equals = skip_space(c + size);
    const char *value;

    if (size == 0 || *equals != '=')
        return NULL;
    value = skip_space(equals + 1);
    if (*value != '"' && !strspn(value, TOKEN_CHARACTERS))
        return NULL;
    *ret_name_size = size;
    return value;
}

static const char *skip_token68(const char *c)
{
    const char *end = c + strspn(c, "-._~+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz");

    return end == c ? c : end + strspn(end, "=");
}

/* The parameters after a scheme's name. Returns where the next challenge may begin. */
static const char *read_parameters(const char *c, struct dr_challenge *challenge)
{
    char value[1024];
    char name[64];
    size_t size;
    const char *start;

    while ((start = parameter_value(c, &size))) {
        const char *end = read_value(start, value, sizeof value);

        if (!end || put_part(name, sizeof name, c, size) < 0 ||
            set_parameter(challenge, name, value) < 0)
            return NULL;
        end = skip_space(end);
        if (*end && *end != ',')
            return NULL;
        c = skip_commas(end);
    }
    return c;
}

static const char *read_challenge(const char *c, struct dr_challenge *challenge)
{
    size_t size = strspn(c, TOKEN_CHARACTERS);
    const char *rest = skip_space(c + size);
    size_t name_size;

    *challenge = (struct dr_challenge){0};
    if (size == 0)
        return NULL;
    if (put_part(challenge->scheme, sizeof challenge->scheme, c, size) < 0)
        *challenge->scheme = '\0';
    if (*rest && *rest != ',' && rest == c + size)
        return NULL;
    if (*rest && *rest != ',' && !parameter_value(rest, &name_size)) {
        rest = skip_space(skip_token68(rest));
        return *rest && *rest != ',' ? NULL : rest;
    }
    return *rest == ',' ? rest : read_parameters(rest, challenge);
}

int dr_challenge_parse(const char *value, struct dr_challenge *ret_challenges, struct dr_err *err)
{
    const char *c = skip_commas(value);
    int count = 0;

    while (*c) {
        if (count == DR_CHALLENGE_MAX || !(c = read_challenge(c, &ret_challenges[count])))
            return dr_fail(err, DR_ERR_FORMAT, "the login challenge '%.200s' is malformed", value);
        count++;
        c = skip_commas(c);
    }
    return count;
}

bool dr_challenge_choose(const struct dr_http_response *response, struct dr_challenge *ret)
{
    struct dr_challenge found[DR_CHALLENGE_MAX];
    char value[HEADER_MAX];
    bool basic = false;

    for (unsigned i = 0; dr_http_header(response, "WWW-Authenticate", i, value, sizeof value);
         i++) {
        int count = dr_challenge_parse(value, found, NULL);

        for (int j = 0; j < count; j++) {
            if (strcasecmp(found[j].scheme, "Bearer") == 0 && *found[j].realm) {
                *ret = found[j];
                return true;
            }
            if (strcasecmp(found[j].scheme, "Basic") == 0 && !basic) {
                *ret = found[j];
                basic = true;
            }
        }
    }
    return basic;
}

static bool is_inner4(uint32_t address)
{
    return address >> 24 == 127 || address >> 24 == 10 || address >> 24 == 0 ||
           address >> 20 == 0xac1 || address >> 16 == 0xc0a8 || address >> 16 == 0xa9fe ||
           address >> 22 == 0x191; /* 100.64/10 */
}

static bool is_inner6(const unsigned char a[16])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const unsigned char zero[15];

    if (memcmp(a, mapped, sizeof mapped) == 0)
        return is_inner4((uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 |
                         a[15]);
    return (memcmp(a, zero, sizeof zero) == 0 && a[15] <= 1) || (a[0] & 0xfe) == 0xfc ||
           (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

/* A literal address that only means something within this machine or site. */
static bool is_inner_address(const char *host)
{
    unsigned char six[16];
    struct in_addr four;
    char bare[64];

    if (inet_pton(AF_INET, host, &four) == 1)
        return is_inner4(ntohl(four.s_addr));
    if (*host != '[' || dr_text_put(bare, sizeof bare, host + 1) < 0)
        return strcasecmp(host, "localhost") == 0;
    bare[strcspn(bare, "]%")] = '\0';
    return inet_pton(AF_INET6, bare, six) == 1 && is_inner6(six);
}

int dr_realm_check(const char *realm, const char *base, struct dr_err *err)
{
    bool plain = strncasecmp(realm, "http://", 7) == 0;
    char own[256];
    char host[256];

    if (!plain && strncasecmp(realm, "https://", 8) != 0)
        return dr_fail(err, DR_ERR_AUTH, "it sends logins to '%.200s', which is not https", realm);
    if (dr_http_url_host(base, own, sizeof own, err) < 0)
        return -1;
    if (dr_http_url_host(realm, host, sizeof host, err) < 0)
        return dr_err_wrap(err, "where it sends logins to");
    if (plain && !dr_text_starts(base, "http://"))
        return dr_fail(err, DR_ERR_AUTH, "it sends logins to '%.200s', in the clear", realm);
    if (strcasecmp(host, own) != 0 && is_inner_address(host))
        return dr_fail(err, DR_ERR_AUTH,
                       "it sends logins to '%.200s', an inner address of another host", realm);
    return 0;
}

int dr_outer_url_check(const char *url, struct dr_err *err)
{
    char host[256];

    if (strncasecmp(url, "https://", 8) != 0)
        return dr_fail(err, DR_ERR_FORMAT, "'%.200s' is not https", url);
    if (dr_http_url_host(url, host, sizeof host, NULL) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "'%.200s' is not a usable address", url);
    if (is_inner_address(host))
        return dr_fail(err, DR_ERR_FORMAT, "'%.200s' is an inner address", url);
    return 0;
}

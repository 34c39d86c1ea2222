/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/text.h"

#define DEFAULT_PORT "5000"

/* Takes the text apart; -1 when it has not that form. */
static int split(const char *text, char ret_host[DR_ADDRESS_TEXT], char ret_port[8])
{
    const char *colon = strrchr(text, ':');
    size_t host;
    uint64_t port;

    if (*text == '[') {
        const char *end = strchr(text, ']');

        if (!end || (end[1] && end[1] != ':'))
            return -1;
        colon = end[1] ? end + 1 : NULL;
        text++;
        host = (size_t)(end - text);
    } else {
        host = colon ? (size_t)(colon - text) : strlen(text);
    }
    if (host >= DR_ADDRESS_TEXT || (!colon && host == 0) ||
        dr_text_put(ret_port, 8, colon ? colon + 1 : DEFAULT_PORT) < 0 ||
        dr_text_uint64(ret_port, 65535, &port, NULL) < 0)
        return -1;
    memcpy(ret_host, text, host);
    ret_host[host] = '\0';
    return 0;
}

static void describe(struct dr_address *address)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[64] = "?";
    char port[8] = "?";
    bool six;

    getsockname(address->fd, (struct sockaddr *)&bound, &size);
    getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    six = bound.ss_family == AF_INET6;
    snprintf(address->text, sizeof address->text, "%s%s%s:%s", six ? "[" : "", host, six ? "]" : "",
             port);
    address->loopback = six ? strcmp(host, "::1") == 0 : dr_text_starts(host, "127.");
    address->any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static int bind_first(const struct addrinfo *found, const char *text,
                      struct dr_address *ret_address, struct dr_err *err)
{
    dr_autoclose int fd =
        socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_REFUSED, "make a socket for '%.100s'", text);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, found->ai_addr, found->ai_addrlen) < 0)
        return dr_fail_errno(err, DR_ERR_REFUSED, "take the address '%.100s'", text);
    ret_address->fd = dr_steal_fd(&fd);
    describe(ret_address);
    return 0;
}

int dr_address_bind(const char *text, struct dr_address *ret_address, struct dr_err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[DR_ADDRESS_TEXT];
    char port[8];
    int failed;
    int done;

    if (split(text, host, port) < 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "--listen '%.100s' is none of ADDR, ADDR:PORT, :PORT and [ADDR6]:PORT",
                       text);
    failed = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (failed)
        return dr_fail(err, DR_ERR_USAGE, "--listen '%.100s': %s", text, gai_strerror(failed));
    done = bind_first(found, text, ret_address, err);
    freeaddrinfo(found);
    return done;
}

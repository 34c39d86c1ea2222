/* SPDX-License-Identifier: Apache-2.0 */
// libevent's evutil names glibc's resolver, which in a static program would load the machine's own
// modules at run time. Only numbers ever reach these (names go through evdns), so numbers are all
// they know.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct answer {
    struct addrinfo info;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
};

static int set_address(struct answer *answer, const char *node, in_port_t port)
{
    if (!node || inet_pton(AF_INET, node, &answer->address.v4.sin_addr) == 1) {
        answer->address.v4.sin_family = AF_INET;
        answer->address.v4.sin_port = port;
        answer->info.ai_addrlen = sizeof answer->address.v4;
    } else if (inet_pton(AF_INET6, node, &answer->address.v6.sin6_addr) == 1) {
        answer->address.v6.sin6_family = AF_INET6;
        answer->address.v6.sin6_port = port;
        answer->info.ai_addrlen = sizeof answer->address.v6;
    } else {
        return EAI_NONAME;
    }
    answer->info.ai_family = answer->address.any.sa_family;
    answer->info.ai_addr = &answer->address.any;
    return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    struct answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return EAI_MEMORY;
    int error = set_address(answer, node, htons((in_port_t)(service ? atoi(service) : 0)));
    if (error || (hints && hints->ai_family && hints->ai_family != answer->info.ai_family)) {
        free(answer);
        return error ? error : EAI_FAMILY;
    }
    answer->info.ai_socktype = hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM;
    answer->info.ai_protocol = hints && hints->ai_protocol ? hints->ai_protocol : IPPROTO_TCP;
    *result = &answer->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

struct servent *getservbyname(const char *name, const char *protocol)
{
    (void)name, (void)protocol;
    return NULL;
}

struct protoent *getprotobynumber(int number)
{
    (void)number;
    return NULL;
}

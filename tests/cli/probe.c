/* SPDX-License-Identifier: Apache-2.0 */
//
// The only program in the image that harness.bats runs: serve PORT, get HOST PORT PATH,
// write FILE, read FILE.
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void end(int signal)
{
    (void)signal;
    _exit(0);
}

static struct sockaddr_in address(const char *host, const char *port)
{
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    if (inet_pton(AF_INET, host, &result.sin_addr) != 1)
        errx(1, "bad address %s", host);
    return result;
}

static int serve(const char *port)
{
    struct sockaddr_in own = address("0.0.0.0", port);
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) || listen(listener, 8))
        err(1, "listen");
    for (;;) {
        char request[4096];
        int client = accept(listener, NULL, NULL);
        if (read(client, request, sizeof request) > 0)
            dprintf(client, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\npong\n");
        close(client);
    }
}

static int get(const char *host, const char *port, const char *path)
{
    struct sockaddr_in peer = address(host, port);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&peer, sizeof peer))
        err(1, "connect");
    dprintf(server, "GET %s HTTP/1.0\r\n\r\n", path);
    char reply[4096];
    for (ssize_t n; (n = read(server, reply, sizeof reply)) > 0;)
        fwrite(reply, 1, (size_t)n, stdout);
    return 0;
}

static int copy(FILE *from, FILE *to)
{
    if (!from || !to)
        err(1, "open");
    for (int byte; (byte = getc(from)) != EOF;)
        putc(byte, to);
    return fclose(to) ? 1 : 0;
}

int main(int count, char **words)
{
    signal(SIGTERM, end); // process 1 has no default for it
    if (count == 3 && !strcmp(words[1], "serve"))
        return serve(words[2]);
    if (count == 5 && !strcmp(words[1], "get"))
        return get(words[2], words[3], words[4]);
    if (count == 3 && !strcmp(words[1], "read"))
        return copy(fopen(words[2], "r"), stdout);
    if (count == 3 && !strcmp(words[1], "write")) {
        char text[] = "written\n";
        return copy(fmemopen(text, strlen(text), "r"), fopen(words[2], "w"));
    }
    return 2;
}

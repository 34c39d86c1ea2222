/* SPDX-License-Identifier: Apache-2.0 */
// One binary, several names: what the image's commands are called decides what it does.
#include "mysqld.h"
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void end_at_once(int number)
{
    (void)number;
    _Exit(0);
}

// As PID 1 of a data container's or an agent's image: it must end on docker stop.
static int sleep_main(const char *seconds)
{
    signal(SIGTERM, end_at_once);
    signal(SIGINT, end_at_once);
    double left = !seconds || !strcmp(seconds, "infinity") ? 1e9 : strtod(seconds, NULL);
    struct timespec time = {.tv_sec = (time_t)left};
    time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
    while (nanosleep(&time, &time))
        continue;
    return 0;
}

// Random-looking bytes that are the same every time, to give an image's layers some size.
static int pad_main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    unsigned long long x = 0x9e3779b97f4a7c15ull, block[512];
    for (const char *p = argv[1]; *p; p++)
        x = (x ^ (unsigned char)*p) * 0x100000001b3ull;
    x |= 1; // xorshift never leaves zero
    for (long long left = atoll(argv[2]) * 256; left > 0; left--) {
        for (size_t i = 0; i < 512; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            block[i] = x;
        }
        if (fwrite(block, sizeof block, 1, stdout) != 1)
            return 1;
    }
    return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc ? argv[0] : "";
    if (!strcmp(name, "rancher-sim") && argc > 1) {
        name = argv[1];
        argc--;
        argv++;
    }
    if (!strcmp(name, "s6-svscan"))
        return server_main();
    if (!strcmp(name, "mysqladmin"))
        return mysqladmin_main(argc, argv);
    if (!strcmp(name, "sleep"))
        return sleep_main(argc > 1 ? argv[1] : NULL);
    if (!strcmp(name, "pad"))
        return pad_main(argc, argv);
    if (!strcmp(name, "true"))
        return 0;
    fprintf(stderr,
            "usage: rancher-sim s6-svscan | mysqladmin [-uroot] COMMAND | sleep N | true\n");
    return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

double sim_scaled(double seconds)
{
    static double scale = -1;
    if (scale < 0) {
        const char *text = getenv("DROVER_TEST_SCALE");
        scale = text && *text ? strtod(text, NULL) : 1;
        if (!(scale > 0) || scale > 1000)
            scale = 1;
    }
    return seconds * scale;
}

const char *sim_path(char out[SIM_PATH_MAX], const char *absolute)
{
    const char *root = getenv("RANCHER_SIM_ROOT");
    snprintf(out, SIM_PATH_MAX, "%s%s", root ? root : "", absolute);
    return out;
}

int64_t sim_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sim_iso(int64_t ms, char out[32])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void sim_uuid(char out[37])
{
    unsigned char b[16] = {0};
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        memset(b, 0x42, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

void sim_log(const char *level, const char *format, ...)
{
    char when[32];
    sim_iso(sim_now_ms(), when);
    printf("%.10s %.8s %-5s ", when, when + 11, level);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void sim_mysql_log(const char *format, ...)
{
    char path[SIM_PATH_MAX];
    FILE *f = fopen(sim_path(path, "/var/log/mysql/error.log"), "ae");
    if (!f)
        return;
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    char when[32];
    strftime(when, sizeof when, "%y%m%d %H:%M:%S", &parts);
    fprintf(f, "%s ", when);
    va_list args;
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
    fputc('\n', f);
    fflush(f);
    fsync(fileno(f));
    fclose(f);
}

int sim_mkdirs(const char *path)
{
    char copy[SIM_PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(copy, 0755) && errno != EEXIST)
            return -1;
        *p = '/';
    }
    return mkdir(copy, 0755) && errno != EEXIST ? -1 : 0;
}

char *sim_read_file(const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    struct stat st;
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode) || st.st_size > ((off_t)1 << 30)) {
        fclose(f);
        return NULL;
    }
    char *data = malloc((size_t)st.st_size + 1);
    size_t got = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
    fclose(f);
    if (!data)
        return NULL;
    data[got] = 0;
    if (ret_size)
        *ret_size = got;
    return data;
}

void sim_own(const char *path, unsigned mode)
{
    // Modes first: chown clears nothing that we set, and a non-root run only gets the mode.
    if (chmod(path, mode))
        return;
    if (geteuid() == 0 && chown(path, 102, 105))
        sim_log("WARN", "chown %s: %s", path, strerror(errno));
}

bool sim_in_container(void)
{
    // Not /.dockerenv: the whole test may run inside a container, whose loopback is the test's.
    return getpid() == 1;
}

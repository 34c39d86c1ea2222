/* SPDX-License-Identifier: Apache-2.0 */
// What every module of the simulator needs: the root prefix, the time scale, clocks and the two
// logs (stdout, as cattle writes it, and mysqld's error.log). Nothing here allocates for the
// caller.
#ifndef SIM_BASE_H
#define SIM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_PATH_MAX 1024

// All base delays are in true seconds; DROVER_TEST_SCALE shrinks them.
double sim_scaled(double seconds);

// Absolute path below RANCHER_SIM_ROOT (the self test) or below / (the image).
const char *sim_path(char out[SIM_PATH_MAX], const char *absolute);

int64_t sim_now_ms(void);
void sim_iso(int64_t ms, char out[32]);
void sim_uuid(char out[37]);

// One line on stdout with the time and the level of cattle's log.
__attribute__((format(printf, 2, 3))) void sim_log(const char *level, const char *format, ...);
// One line in /var/log/mysql/error.log with mysqld 5.5's date.
__attribute__((format(printf, 1, 2))) void sim_mysql_log(const char *format, ...);

// Folder and its parents; an existing one is no error.
int sim_mkdirs(const char *path);
// The whole file, NUL added; NULL when it can't be read. The caller frees.
char *sim_read_file(const char *path, size_t *ret_size);
// mysql's uid and gid in the real image; only root can give files away.
void sim_own(const char *path, unsigned mode);
bool sim_in_container(void);

#endif

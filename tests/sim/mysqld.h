/* SPDX-License-Identifier: Apache-2.0 */
// The part of mysqld that an upgrade meets: the socket that mysqladmin talks to. The protocol is
// one word there, one line back.
#ifndef SIM_MYSQLD_H
#define SIM_MYSQLD_H

// Server side: listens on /var/run/mysqld/mysqld.sock; `shutdown` runs the callback after the
// answer.
int mysqld_listen(void (*on_shutdown)(void));
// The program mysqladmin; returns the exit status.
int mysqladmin_main(int argc, char **argv);

#endif

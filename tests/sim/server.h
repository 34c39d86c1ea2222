/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

// PID 1 of the image: database, migration, Cattle, HTTP. Returns the exit status.
int server_main(void);

#endif

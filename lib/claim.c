/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/claim.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"

static int keep(struct dr_claims *claims, int *fd, struct dr_err *err)
{
    int *more = realloc(claims->fds, (claims->count + 1) * sizeof *more);

    if (!more)
        return dr_fail_memory(err);
    claims->fds = more;
    claims->fds[claims->count++] = dr_steal_fd(fd);
    return 0;
}

int dr_claims_take(struct dr_claims *claims, const char *what, struct dr_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    dr_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A path that begins with a zero byte is a name in the abstract namespace. */
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "drover %.96s", what);

    if (fd < 0 || length < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "make the lock '%s'", what);
    if (bind(fd, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
        return keep(claims, &fd, err);
    if (errno == EADDRINUSE)
        return dr_fail(err, DR_ERR_REFUSED, "another drover on this machine holds '%.96s'", what);
    return dr_fail_errno(err, DR_ERR_INTERNAL, "take the lock '%s'", what);
}

void dr_claims_release(struct dr_claims *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        close(claims->fds[i]);
    free(claims->fds);
    *claims = (struct dr_claims)DR_CLAIMS_INIT;
}

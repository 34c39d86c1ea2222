/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/credential.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

/* It may ask the operator to unlock a key store. */
#define HELPER_SECONDS 60
#define ANSWER_MAX 65536
#define PIECE_MS 100
/* What stands for the user when the secret is an identity token. */
#define IDENTITY_USER "<token>"

/* The question as a pipe that holds all of it already: nobody who hangs up early can break it. (A memfd would need
 * Linux 3.17.) */
static int make_question(const char *server, struct dr_err *err)
{
    size_t size = strlen(server);
    int ends[2];
    bool written;

    if (size > PIPE_BUF)
        return dr_fail(err, DR_ERR_AUTH, "the name '%.100s...' is too long", server);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "prepare a question");
    written = write(ends[1], server, size) == (ssize_t)size;
    close(ends[1]);
    if (written)
        return ends[0];
    dr_fail_errno(err, DR_ERR_INTERNAL, "prepare a question");
    close(ends[0]);
    return -1;
}

static int spawn(const char *program, int from, int to, pid_t *ret_child, struct dr_err *err)
{
    char *const arguments[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "get", NULL};
    posix_spawn_file_actions_t actions;
    int failure = posix_spawn_file_actions_init(&actions);

    if (failure == 0) {
        failure = posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
        if (failure == 0)
            failure = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
        if (failure == 0)
            failure = posix_spawnp(ret_child, program, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    if (failure == 0)
        return 0;
    errno = failure;
    return dr_fail_errno(err, DR_ERR_AUTH, "start it");
}

static int read_answer(int fd, struct dr_buf *answer, struct dr_err *err)
{
    double end = dr_clock() + dr_scaled(HELPER_SECONDS);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char piece[4096];
    ssize_t got = 1;

    while (got > 0) {
        if (dr_stop_check(err, "asking a credential helper") < 0)
            return -1;
        if (dr_clock() > end)
            return dr_fail(err, DR_ERR_AUTH, "no answer within %d s", HELPER_SECONDS);
        if (poll(&ready, 1, PIECE_MS) <= 0)
            continue;
        got = read(fd, piece, sizeof piece);
        if (got > 0 && dr_buf_add(answer, piece, (size_t)got, err) < 0)
            return dr_err_wrap(err, "its answer");
    }
    explicit_bzero(piece, sizeof piece);
    return 0;
}

/* Returns the exit status, -1 when a signal ended it. */
static int end_child(pid_t child, bool kill_it)
{
    int status = 0;

    if (kill_it)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *program, const char *server, struct dr_buf *answer, int *ret_status,
               struct dr_err *err)
{
    dr_autoclose int question = make_question(server, err);
    dr_autoclose int from = -1;
    dr_autoclose int to = -1;
    int ends[2];
    pid_t child;
    int done;

    if (question < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "make a pipe");
    from = ends[0];
    to = ends[1];
    if (spawn(program, question, to, &child, err) < 0)
        return -1;
    close(dr_steal_fd(&to));
    done = read_answer(from, answer, err);
    *ret_status = end_child(child, done < 0);
    return done;
}

static int understand(const struct dr_buf *answer, struct dr_credential *ret_credential,
                      struct dr_err *err)
{
    json_auto_t *document =
        dr_json_parse(answer->data ? answer->data : "", answer->size, "its answer", err);
    const char *user = dr_json_string_or(document, "Username", "");
    const char *secret = dr_json_string_or(document, "Secret", "");

    if (!document) {
        if (err)
            err->code = DR_ERR_AUTH;
        return -1;
    }
    if (!*secret)
        return 0;
    if (strcmp(user, IDENTITY_USER) == 0)
        return dr_credential_set(ret_credential, NULL, NULL, secret, err) < 0 ? -1 : 1;
    return dr_credential_set(ret_credential, user, secret, NULL, err) < 0 ? -1 : 1;
}

/* Helpers tell failures on stdout; this one says that there is no login (docker's client looks for
 * the same words). */
static bool says_absent(const struct dr_buf *answer)
{
    return answer->data && (strstr(answer->data, "credentials not found") ||
                            strstr(answer->data, "no credentials"));
}

static int ask(const char *program, const char *server, struct dr_credential *ret_credential,
               struct dr_err *err)
{
    dr_auto_buf struct dr_buf answer = DR_BUF_INIT(ANSWER_MAX);
    int status = 0;
    int done = run(program, server, &answer, &status, err);

    if (done == 0 && status == 0)
        done = understand(&answer, ret_credential, err);
    else if (done == 0 && !says_absent(&answer))
        done = dr_fail(err, DR_ERR_AUTH, "it failed: %.200s",
                       answer.size > 0 ? answer.data : "and did not say why");
    if (answer.data)
        explicit_bzero(answer.data, answer.size);
    return done;
}

int dr_credential_ask_helper(const char *helper, const char *server,
                             struct dr_credential *ret_credential, struct dr_err *err)
{
    dr_autofree char *program = dr_text_format(err, "docker-credential-%s", helper);
    int done;

    if (!program)
        return -1;
    if (!*helper || strchr(helper, '/'))
        return dr_fail(err, DR_ERR_AUTH, "'%s' is not the name of a credential helper", helper);
    done = ask(program, server, ret_credential, err);
    return done < 0 && !dr_stop_wanted() ? dr_err_wrap(err, "ask %s", program) : done;
}

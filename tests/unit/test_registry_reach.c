/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "lib/stop.h"
#include "tests/unit/registry_helper.h"

#define HEAD "HEAD /v2/a/b/manifests/"
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0, false                                                                       \
    }

static int ask(struct dr_registry *registry, struct dr_err *err)
{
    bool there;

    return dr_registry_head_manifest(registry, "a/b", "v1", &there, NULL, err);
}

static void asks_a_name_that_nobody_knows_once(void **state)
{
    static const struct dr_log log = {.verbosity = -1};
    const char *const hosts[] = {"no-such-host.invalid", "no-such-host.invalid:5000"};

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        for (int insecure = 0; insecure < 2; insecure++) {
            struct dr_err err = DR_ERR_INIT;
            dr_auto_registry struct dr_registry *registry = dr_registry_new(
                &(struct dr_registry_options){
                    .host = hosts[i], .insecure = insecure == 1, .log = &log},
                &err);

            assert_int_equal(ask(registry, &err), -1);
            assert_int_equal(err.code, DR_ERR_NET);
            assert_null(strstr(err.text, "tried"));
            assert_non_null(strstr(err.text, "check the name"));
        }
    }
}

/* Its connections are taken by the kernel, and by nobody else. */
static void a_silent_registry_is_given_up_soon(void **state)
{
    static const struct dr_log log = {.verbosity = -1};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    double started = dr_clock();
    char host[64];

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(host, sizeof host, "127.0.0.1:%u", ntohs(address.sin_port));
    registry = dr_registry_new(&(struct dr_registry_options){.host = host, .log = &log}, &err);
    assert_int_equal(ask(registry, &err), -1);
    assert_int_equal(err.code, DR_ERR_NET);
    assert_non_null(strstr(err.text, "it is silent"));
    assert_true(dr_clock() - started < 30);
    close(fd);
}

static void ask_badly(const char *reply, const char *text, unsigned requests)
{
    const struct step steps[] = {{HEAD, reply, 9, false}, END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct server server;

    server_start(&server, steps);
    registry = client_of(&server);
    assert_int_equal(ask(registry, &err), -1);
    server_stop(&server);
    assert_int_equal(err.code, DR_ERR_NET);
    if (!strstr(err.text, text))
        fail_msg("no '%s' in: %s", text, err.text);
    assert_int_equal(server_saw(&server, HEAD), requests);
    server_release(&server);
}

#define BUSY(after) "HTTP/1.1 429 X\r\nRetry-After: " after "\r\nContent-Length: 0\r\n\r\n"

static void leaves_a_registry_alone_that_wants_hours(void **state)
{
    (void)state;
    ask_badly(BUSY("18720"), "it asks to be left alone for 5h12m: run the same command again", 1);
    ask_badly(BUSY("Fri, 31 Dec 2100 23:59:59 GMT"), "it asks to be left alone", 1);
    ask_badly(BUSY("999999999999"), "tried 3 times", 3);
    ask_badly(BUSY("Fri, 31 Dec 1999 23:59:59 GMT"), "tried 3 times", 3);
    ask_badly(BUSY("soon"), "docker login 127.0.0.1:", 3);
}

static void waits_as_long_as_it_is_asked_to(void **state)
{
    static const struct step steps[] = {
        {HEAD, BUSY("60"), 0, false},
        {HEAD,
         "HTTP/1.1 200 OK\r\nratelimit-limit: 100;w=21600\r\nratelimit-remaining: 76;w=21600\r\n"
         "Content-Length: 0\r\n\r\n",
         0, false},
        END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    double started = dr_clock();
    struct server server;

    (void)state;
    server_start(&server, steps);
    registry = client_of(&server);
    if (ask(registry, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(dr_clock() - started > 0.55); /* a minute of the tests */
    server_stop(&server);
    server_release(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_a_name_that_nobody_knows_once),
        cmocka_unit_test(a_silent_registry_is_given_up_soon),
        cmocka_unit_test(leaves_a_registry_alone_that_wants_hours),
        cmocka_unit_test(waits_as_long_as_it_is_asked_to),
    };

    quiet_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

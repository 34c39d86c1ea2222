/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_apply_server */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "apply/server/answer.h"
#include "apply/server/archive.h"
#include "apply/server/clean.h"
#include "apply/server/find.h"
#include "apply/server/version.h"
#include "lib/engine/container.h"
#include "lib/file.h"
#include "lib/json.h"

static void only_known_ways_up_are_allowed(void **state)
{
    static const struct {
        const char *from, *to, *words;
    } rows[] = {
        {"v1.0.1", "v1.0.2", NULL},
        {"v1.0.2", "v1.1.4", NULL},
        {"v1.0.2", "v1.0.2", NULL},
        {"v1.1.4", "v1.0.2", "newer than the bundle's"},
        {"v1.0.10", "v1.0.9", "newer than the bundle's"},
        {"v1.0.2", "v1.2.0", "v1.0 and v1.1 only"},
        {"v1.2.0", "v1.2.1", "v1.0 and v1.1 only"},
        {"v1.2.0", "v1.1.4", "running server is v1.2.0"},
        {"v0.63.1", "v1.0.2", "running server is v0.63.1"},
        {NULL, "v1.0.2", "can't be told"},
        {"master", "v1.0.2", "'master'"},
        {"v1.1.0-dev1", "v1.1.4", "'v1.1.0-dev1'"},
        {"v1.0", "v1.1.4", "'v1.0'"},
        {"1.0.1", "v1.1.4", "'1.0.1'"},
        {"v1.0.01", "v1.1.4", "'v1.0.01'"},
        {"v1.0.99999", "v1.1.4", "'v1.0.99999'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        int done = dr_version_check(rows[i].from, rows[i].to, &err);

        assert_int_equal(done, rows[i].words ? -1 : 0);
        if (rows[i].words) {
            assert_int_equal(err.code, DR_ERR_REFUSED);
            assert_non_null(strstr(err.text, rows[i].words));
        }
    }
}

static void a_server_tells_its_version_by_its_image(void **state)
{
    static const struct {
        const char *env, *reference, *version;
    } rows[] = {
        {"CATTLE_RANCHER_SERVER_IMAGE=v1.0.1", "reg/x@y", "v1.0.1"},
        {"CATTLE_RANCHER_SERVER_VERSION=v1.1.4", "rancher/server:v9", "v1.1.4"},
        {"CATTLE_RANCHER_SERVER_IMAGE=rancher/server", "rancher/server:v1.1.0", "v1.1.0"},
        {"OTHER=1", "reg:5000/mirror/rancher/server:v1.0.2", "v1.0.2"},
        {"OTHER=1", "sha256:abc", NULL},
        {"OTHER=1", "my/cattle:v1.0.2", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *image = json_pack("{s:{s:[s]}}", "Config", "Env", rows[i].env);
        json_auto_t *inspect = json_pack("{s:{s:s}}", "Config", "Image", rows[i].reference);
        struct dr_server server = {.inspect = inspect, .image = image};
        char version[64] = "";

        assert_int_equal(dr_server_version(&server, version), rows[i].version != NULL);
        assert_string_equal(version, rows[i].version ? rows[i].version : "");
    }
}

static void a_container_comes_back_by_its_policy_alone(void **state)
{
    static const struct {
        const char *inspect, *policy;
        bool comes_back;
    } rows[] = {
        {"{}", "no", false},
        {"{\"HostConfig\": {\"RestartPolicy\": {\"Name\": \"\"}}}", "no", false},
        {"{\"HostConfig\": {\"RestartPolicy\": {\"Name\": \"no\"}}}", "no", false},
        {"{\"HostConfig\": {\"RestartPolicy\": {\"Name\": \"always\"}}}", "always", true},
        {"{\"HostConfig\": {\"RestartPolicy\": {\"Name\": \"on-failure\", \"MaximumRetryCount\": "
         "3}}}",
         "on-failure", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *inspect = json_loads(rows[i].inspect, 0, NULL);

        assert_non_null(inspect);
        assert_string_equal(dr_docker_policy(inspect), rows[i].policy);
        assert_int_equal(dr_docker_comes_back(inspect), rows[i].comes_back);
    }
}

static void its_port_is_where_the_engine_published_it(void **state)
{
    static const struct {
        const char *inspect;
        unsigned port;
    } rows[] = {
        {"{\"HostConfig\":{\"NetworkMode\":\"host\"}}", 8080},
        {"{\"NetworkSettings\":{\"Ports\":{\"8080/"
         "tcp\":[{\"HostIp\":\"::\",\"HostPort\":\"80\"}]}}}",
         80},
        {"{\"NetworkSettings\":{\"Ports\":{\"8080/tcp\":null}}}", 0},
        {"{\"NetworkSettings\":{\"Ports\":{\"8080/tcp\":[{\"HostPort\":\"99999\"}]}}}", 0},
        {"{}", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *inspect = json_loads(rows[i].inspect, 0, NULL);

        assert_int_equal(dr_server_port(inspect), rows[i].port);
    }
}

static void a_clean_end_is_the_last_that_mysql_said(void **state)
{
    static const char start[] =
        "161126 10:00:00 mysqld_safe Starting mysqld daemon with databases\n"
        "161126 10:00:00 InnoDB: Initializing buffer pool, size = 128.0M\n"
        "161126 10:00:01 [Note] /usr/sbin/mysqld: ready for connections.\n";
    static const char leaving[] = "161126 10:09:00 [Note] /usr/sbin/mysqld: Normal shutdown\n"
                                  "161126 10:09:00  InnoDB: Starting shutdown...\n";
    static const char end[] =
        "161126 10:09:05  InnoDB: Shutdown completed; log sequence number 1595675\n"
        "161126 10:09:05 [Note] /usr/sbin/mysqld: Shutdown complete\n"
        "161126 10:09:05 mysqld_safe mysqld from pid file /var/run/mysqld/mysqld.pid ended\n";
    const struct {
        const char *parts[4];
        enum dr_clean clean;
    } rows[] = {
        {{""}, DR_CLEAN_UNKNOWN},
        {{"161126 10:00:00 [Warning] something\n"}, DR_CLEAN_UNKNOWN},
        {{start, leaving, end}, DR_CLEAN_YES},
        {{end}, DR_CLEAN_YES}, /* the beginning was too long ago */
        {{start}, DR_CLEAN_NO},
        {{start, leaving}, DR_CLEAN_NO},
        {{leaving, end, start}, DR_CLEAN_NO},
        {{leaving, end, start, leaving}, DR_CLEAN_NO},
        {{leaving, end, "161126 10:20:00 mysqld_safe Starting mysqld daemon\n"}, DR_CLEAN_NO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char log[2000] = "";

        for (size_t k = 0; k < 4 && rows[i].parts[k]; k++)
            strncat(log, rows[i].parts[k], sizeof log - strlen(log) - 1);
        assert_int_equal(dr_clean_read(log), rows[i].clean);
    }
}

static void a_failed_start_is_read_from_the_log(void **state)
{
    static const struct {
        const char *log, *words;
    } rows[] = {
        {"2016-05-26 INFO all is well\n", NULL},
        {"x\nERROR STARTUP FAILED [1234] ms\ny", "STARTUP FAILED [1234] ms'"},
        {"liquibase.exception.LockException: Could not acquire change log lock. Currently locked "
         "by "
         "abc (172.17.0.2) since 5/26/16\nSTARTUP FAILED",
         "(Currently locked by abc (172.17.0.2) since 5/26/16)"},
        {"LockException", "can't get the lock"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(dr_answer_read_log("new server", rows[i].log, &err),
                         rows[i].words ? -1 : 0);
        if (rows[i].words)
            assert_non_null(strstr(err.text, rows[i].words));
    }
}

/* ---- archives */

static int remove_folders(void **state)
{
    (void)state;
    return system("rm -rf /tmp/drover-server-*") == 0 ? 0 : -1;
}

static void write_archive(const char *path, const void *tar, size_t size)
{
    gzFile file = gzopen(path, "wb1");

    assert_non_null(file);
    assert_int_equal(gzwrite(file, tar, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* "mysql/" and "mysql/a" with five bytes, as an engine would stream them. */
static size_t make_tar(char tar[10240], const char *folder)
{
    char command[512];
    FILE *pipe;
    size_t size;

    snprintf(command, sizeof command,
             "cd '%s' && mkdir -p mysql && printf 12345 >mysql/a && tar -cf - mysql", folder);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    size = fread(tar, 1, 10240, pipe);
    assert_int_equal(pclose(pipe), 0);
    return size;
}

static void a_whole_archive_is_counted_and_hashed(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char folder[] = "/tmp/drover-server-XXXXXX";
    char path[64];
    char tar[10240];
    struct dr_archive archive;
    struct dr_digest digest;
    dr_auto_buf struct dr_buf file = DR_BUF_INIT(65536);

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.tar.gz", folder);
    write_archive(path, tar, make_tar(tar, folder));
    assert_int_equal(dr_archive_read(path, &archive, &err), 0);
    assert_int_equal(archive.entries, 2);
    assert_int_equal(archive.content_bytes, 5);
    assert_int_equal(dr_file_read(path, &file, &err), 0);
    dr_digest_of(file.data, file.size, &digest);
    assert_true(dr_digest_equal(&digest, &archive.digest));
    assert_int_equal(archive.file_bytes, file.size);
}

static void a_cut_archive_is_noticed_wherever_it_is_cut(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char folder[] = "/tmp/drover-server-XXXXXX";
    char path[64];
    char tar[10240];
    dr_auto_buf struct dr_buf file = DR_BUF_INIT(65536);

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.tar.gz", folder);
    write_archive(path, tar, make_tar(tar, folder));
    assert_int_equal(dr_file_read(path, &file, &err), 0);
    for (size_t size = 0; size < file.size; size++) {
        struct dr_err failure = DR_ERR_INIT;
        struct dr_archive archive;

        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(dr_file_save(path, 0600, file.data, size, &err), 0);
        if (dr_archive_read(path, &archive, &failure) == 0)
            fail_msg("cut to %zu of %zu bytes and not noticed", size, file.size);
        assert_int_equal(failure.code, DR_ERR_VERIFY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_known_ways_up_are_allowed),
        cmocka_unit_test(a_server_tells_its_version_by_its_image),
        cmocka_unit_test(a_container_comes_back_by_its_policy_alone),
        cmocka_unit_test(its_port_is_where_the_engine_published_it),
        cmocka_unit_test(a_clean_end_is_the_last_that_mysql_said),
        cmocka_unit_test(a_failed_start_is_read_from_the_log),
        cmocka_unit_test(a_whole_archive_is_counted_and_hashed),
        cmocka_unit_test(a_cut_archive_is_noticed_wherever_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, remove_folders);
}

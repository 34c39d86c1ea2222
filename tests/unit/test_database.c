/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_apply_server */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/server/account.h"
#include "apply/server/database.h"
#include "apply/server/sides.h"
#include "lib/json.h"

/* An inspected container: `env` and `links` are JSON lists, `mount` an object or "null". */
static json_t *container(const char *env, const char *mode, const char *links, const char *mount)
{
    json_t *inspect =
        json_pack("{s:s, s:{s:o}, s:{s:s, s:o}, s:[o]}", "Id", "0123456789abcdef", "Config", "Env",
                  json_loads(env, 0, NULL), "HostConfig", "NetworkMode", mode, "Links",
                  json_loads(links, JSON_DECODE_ANY, NULL), "Mounts",
                  json_loads(mount, JSON_DECODE_ANY, NULL));

    assert_non_null(inspect);
    return inspect;
}

#define VOLUME "{\"Name\":\"v\",\"Source\":\"/vol/v/_data\",\"Destination\":\"/var/lib/mysql\"}"
#define FOLDER "{\"Source\":\"/vol/v/_data\",\"Destination\":\"/var/lib/mysql/\"}"

static void where_the_database_is(void **state)
{
    static const struct {
        const char *env, *mode, *links, *mount, *kind, *place;
    } cases[] = {
        {"[]", "default", "null", VOLUME, "volume", "v"},
        {"[]", "default", "null", FOLDER, "folder", "/vol/v/_data"},
        {"[]", "host", "null", "{\"Destination\":\"/other\"}", "none", "none"},
        {"[\"CATTLE_DB_CATTLE_MYSQL_HOST=db\"]", "default", "null", VOLUME, "external",
         "db:3306/cattle"},
        {"[\"CATTLE_DB_CATTLE_MYSQL_HOST=db\",\"CATTLE_DB_CATTLE_MYSQL_PORT=1\","
         "\"CATTLE_DB_CATTLE_MYSQL_NAME=n\"]",
         "default", "null", VOLUME, "external", "db:1/n"},
        {"[\"CATTLE_DB_CATTLE_MYSQL_HOST=\"]", "default", "null", VOLUME, "volume", "v"},
        {"[\"MYSQL_PORT_3306_TCP_ADDR=10.0.0.1\"]", "host", "null", VOLUME, "external",
         "10.0.0.1:3306/cattle"},
        {"[]", "bridge", "[\"/db:/rancher/mysql\"]", VOLUME, "external", "container db, by a link"},
        {"[]", "default", "[\"/db:/rancher/mysqlite\"]", VOLUME, "volume", "v"},
        /* No variables are made of links in such a network. */
        {"[]", "site", "[\"/db:/rancher/mysql\"]", VOLUME, "volume", "v"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_auto_t *inspect =
            container(cases[i].env, cases[i].mode, cases[i].links, cases[i].mount);
        char place[256];

        dr_database_place(inspect, place);
        assert_string_equal(dr_database_kind_name(dr_database_kind(inspect)), cases[i].kind);
        assert_string_equal(place, cases[i].place);
    }
}

static void only_a_link_that_nothing_else_names_needs_its_variables_spelled_out(void **state)
{
    json_auto_t *link = container("[]", "default", "[\"/db:/rancher/mysql\"]", VOLUME);
    json_auto_t *both = container("[\"CATTLE_DB_CATTLE_MYSQL_HOST=db\"]", "default",
                                  "[\"/db:/rancher/mysql\"]", VOLUME);

    (void)state;
    assert_true(dr_database_is_by_link(link));
    assert_false(dr_database_is_by_link(both));
}

static void a_volume_is_the_same_by_its_name_and_by_its_path(void **state)
{
    json_auto_t *volume = container("[]", "default", "null", VOLUME);
    json_auto_t *folder = container("[]", "default", "null", FOLDER);
    json_auto_t *other = container(
        "[]", "default", "null",
        "{\"Name\":\"w\",\"Source\":\"/vol/w/_data\",\"Destination\":\"/var/lib/mysql\"}");
    json_auto_t *none = container("[]", "default", "null", "{\"Destination\":\"/other\"}");

    (void)state;
    assert_true(dr_database_same_files(volume, volume));
    assert_true(dr_database_same_files(volume, folder));
    assert_false(dr_database_same_files(volume, other));
    assert_false(dr_database_same_files(none, none));
}

static void a_second_database_in_the_folder_mysql_is_refused(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char folder[] = "/tmp/drover-database.XXXXXX";
    char path[128];
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/mysql", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(dr_database_check_folder(folder, &err), 0);
    snprintf(path, sizeof path, "%s/mysql/ibdata1", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(dr_database_check_folder(folder, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
    assert_int_equal(remove(path), 0);
    snprintf(path, sizeof path, "%s/mysql", folder);
    assert_int_equal(remove(path), 0);
    assert_int_equal(remove(folder), 0);
}

static void accounts_are_read_from_passwd(void **state)
{
    static const char *const bad[] = {"",
                                      "mysql",
                                      "mysql:x",
                                      "mysql:x:1",
                                      "mysql:x::5:",
                                      "mysql:x:a:5:",
                                      "mysqld:x:1:2:",
                                      "mysql:x:99999999999:2:",
                                      "mysql:x\n:102:105:"};
    struct dr_account account = {7, 7};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dr_account_parse(bad[i], "mysql", &account), -1);
    assert_int_equal(account.uid, 7);
    assert_int_equal(
        dr_account_parse("root:x:0:0:root:/root:/bin/sh\nmysql:x:102:105:M:/:/bin/false\n", "mysql",
                         &account),
        0);
    assert_int_equal(account.uid, 102);
    assert_int_equal(account.gid, 105);
}

static const char *side(const json_t *rows, const char *field, const char *key)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (strcmp(dr_json_string_or(row, "field", ""), field) == 0)
            return dr_json_string_or(row, key, "");
    }
    return "absent";
}

static void sides_show_what_the_engine_will_make_of_it(void **state)
{
    static const char *const variables[] = {"CATTLE_AGENT_INSTANCE_IMAGE=reg/i:2", NULL};
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *document = dr_json_read(TEST_DATA "/server/rich.json", 1u << 20, &err);
    json_auto_t *image = json_loads("{\"Env\":[\"CATTLE_RANCHER_SERVER_IMAGE=v1.0.2\"],"
                                    "\"Cmd\":[\"/new\"],\"Labels\":{\"of\":\"image\"}}",
                                    0, NULL);
    const struct dr_spec_input input = {
        .inspect = json_object_get(document, "inspect"),
        .image = json_object_get(document, "image"),
        .reference = "reg/s:2",
        .variables = variables,
        .folder = "/data/mysql",
        .api = 41,
    };
    json_auto_t *spec = dr_spec_make(&input, &err);
    json_auto_t *rows = spec ? dr_sides_make(&input, spec, image, &err) : NULL;

    (void)state;
    assert_non_null(rows);
    assert_string_equal(side(rows, "Image", "new"), "reg/s:2");
    assert_string_equal(side(rows, "Env MINE", "old"), "yes");
    assert_string_equal(side(rows, "Env MINE", "new"), "yes");
    assert_string_equal(side(rows, "Env CATTLE_RANCHER_SERVER_IMAGE", "new"), "v1.0.2");
    assert_string_equal(side(rows, "Env CATTLE_AGENT_INSTANCE_IMAGE", "old"), "old/image:1");
    assert_string_equal(side(rows, "Env CATTLE_AGENT_INSTANCE_IMAGE", "new"), "reg/i:2");
    assert_string_equal(side(rows, "Label of", "old"), "-");
    assert_string_equal(side(rows, "Cmd", "new"), "[\"/new\"]");
    assert_string_equal(side(rows, "Label of", "new"), "image");
    assert_string_equal(side(rows, "Label team", "new"), "platform");
    assert_string_equal(side(rows, "Mount /var/lib/mysql", "new"), "/data/mysql");
}

static void a_database_that_moves_leaves_no_other_mount_at_its_place(void **state)
{
    json_auto_t *inspect = container("[]", "default", "null", VOLUME);
    static const char *const none[] = {NULL};
    const struct dr_spec_input input = {.inspect = inspect,
                                        .image = inspect,
                                        .reference = "r",
                                        .variables = none,
                                        .folder = "/data",
                                        .api = 41};
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *wanted = json_loads("[\"/a:/b\",\"/data:/var/lib/mysql\"]", 0, NULL);
    json_t *host = json_object_get(inspect, "HostConfig");
    json_auto_t *spec = NULL;

    (void)state;
    json_object_set_new(host, "Binds",
                        json_pack("[s, s, s]", "v:/var/lib/mysql/:rw", "/a:/b", "/var/lib/mysql"));
    json_object_set_new(host, "Mounts",
                        json_pack("[{s:s, s:s}]", "Type", "volume", "Target", "/var/lib/mysql"));
    spec = dr_spec_make(&input, &err);
    assert_true(json_equal(dr_json_at(spec, "body", "HostConfig", "Binds", NULL), wanted));
    assert_int_equal(json_array_size(dr_json_at(spec, "body", "HostConfig", "Mounts", NULL)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_database_is),
        cmocka_unit_test(only_a_link_that_nothing_else_names_needs_its_variables_spelled_out),
        cmocka_unit_test(a_volume_is_the_same_by_its_name_and_by_its_path),
        cmocka_unit_test(a_second_database_in_the_folder_mysql_is_refused),
        cmocka_unit_test(accounts_are_read_from_passwd),
        cmocka_unit_test(sides_show_what_the_engine_will_make_of_it),
        cmocka_unit_test(a_database_that_moves_leaves_no_other_mount_at_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

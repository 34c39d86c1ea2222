/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_apply_server */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "apply/server/spec.h"
#include "lib/json.h"

/* tests/data/server: what dockerd 20.10 says of containers made from the simulator's image, whose settings are the real
 * one's: {"inspect", "image"}. */
struct sample {
    json_t *document;
    const char *variables[3];
    struct dr_spec_input input;
};

static void open_sample(struct sample *sample, const char *name, unsigned api)
{
    struct dr_err err = DR_ERR_INIT;
    char path[512];

    snprintf(path, sizeof path, "%s/server/%s.json", TEST_DATA, name);
    sample->document = dr_json_read(path, 1u << 20, &err);
    assert_non_null(sample->document);
    sample->variables[0] = "CATTLE_AGENT_INSTANCE_IMAGE=reg:5000/rancher/agent-instance:v0.8.1";
    sample->variables[1] = "CATTLE_BOOTSTRAP_REQUIRED_IMAGE=reg:5000/rancher/agent:v1.0.1";
    sample->variables[2] = NULL;
    sample->input = (struct dr_spec_input){
        .inspect = json_object_get(sample->document, "inspect"),
        .image = json_object_get(sample->document, "image"),
        .reference = "reg:5000/rancher/server:v1.0.2",
        .variables = sample->variables,
        .api = api,
    };
}

static json_t *make(const struct sample *sample)
{
    struct dr_err err = DR_ERR_INIT;
    json_t *spec = dr_spec_make(&sample->input, &err);

    assert_non_null(spec);
    return spec;
}

static void assert_json(const json_t *value, const char *expected)
{
    json_auto_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);

    assert_non_null(wanted);
    if (!json_equal(value, wanted)) {
        struct dr_err err = DR_ERR_INIT;
        char *text = value ? dr_json_text(value, false, &err) : NULL;

        print_error("got %s, not %s\n", text ? text : "nothing", expected);
        free(text);
        fail();
    }
}

static json_t *at(const json_t *spec, const char *key)
{
    return dr_json_at(spec, "body", key, NULL);
}

static void a_plain_server_keeps_nothing_of_its_image(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;
    static const char *const absent[] = {"Cmd",        "Entrypoint", "WorkingDir", "User",
                                         "Labels",     "Tty",        "Volumes",    "Hostname",
                                         "StopSignal", "OnBuild",    "Shell"};

    (void)state;
    open_sample(&sample, "plain", 41);
    spec = make(&sample);
    assert_json(at(spec, "Image"), "\"reg:5000/rancher/server:v1.0.2\"");
    assert_json(at(spec, "Env"),
                "[\"CATTLE_AGENT_INSTANCE_IMAGE=reg:5000/rancher/agent-instance:v0.8.1\","
                "\"CATTLE_BOOTSTRAP_REQUIRED_IMAGE=reg:5000/rancher/agent:v1.0.1\"]");
    assert_json(at(spec, "ExposedPorts"), "{\"8080/tcp\":{}}");
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(at(spec, absent[i]));
    assert_json(json_object_get(spec, "connect"), "[]");
    assert_json(json_object_get(spec, "notes"), "[]");
    json_decref(sample.document);
}

static void the_new_one_never_starts_by_itself(void **state)
{
    static const char *const names[] = {"plain", "rich", "networks", "host", "entrypoint"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sample sample;
        json_auto_t *spec = NULL;

        open_sample(&sample, names[i], 41);
        spec = make(&sample);
        assert_json(dr_json_at(spec, "body", "HostConfig", "RestartPolicy", NULL),
                    "{\"Name\":\"no\",\"MaximumRetryCount\":0}");
        json_decref(sample.document);
    }
}

static void what_the_user_set_is_kept(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;
    const json_t *host;
    const json_t *before;
    static const char *const verbatim[] = {"Binds",     "Links",   "PortBindings", "Memory",
                                           "Ulimits",   "CapAdd",  "Dns",          "ExtraHosts",
                                           "LogConfig", "ShmSize", "Runtime"};

    (void)state;
    open_sample(&sample, "rich", 41);
    spec = make(&sample);
    assert_json(at(spec, "Env"),
                "[\"MINE=yes\",\"JAVA_OPTS=-Xmx1g\","
                "\"CATTLE_AGENT_INSTANCE_IMAGE=reg:5000/rancher/agent-instance:v0.8.1\","
                "\"CATTLE_BOOTSTRAP_REQUIRED_IMAGE=reg:5000/rancher/agent:v1.0.1\"]");
    assert_json(at(spec, "Labels"), "{\"team\":\"platform\"}");
    assert_json(at(spec, "Hostname"), "\"srv\"");
    assert_json(at(spec, "Domainname"), "\"example.com\"");
    assert_json(at(spec, "StopSignal"), "\"SIGINT\"");
    assert_json(at(spec, "WorkingDir"), "\"/opt\"");
    assert_json(at(spec, "User"), "\"root\"");
    assert_json(at(spec, "Tty"), "true");
    assert_json(at(spec, "Volumes"), "{\"/var/anonymous\":{}}");
    assert_json(at(spec, "ExposedPorts"), "{\"8080/tcp\":{},\"9345/tcp\":{}}");
    host = at(spec, "HostConfig");
    before = dr_json_at(sample.input.inspect, "HostConfig", NULL);
    for (size_t i = 0; i < sizeof verbatim / sizeof *verbatim; i++)
        assert_true(
            json_equal(json_object_get(host, verbatim[i]), json_object_get(before, verbatim[i])));
    assert_null(json_object_get(host, "MaskedPaths"));
    assert_null(json_object_get(host, "ConsoleSize"));
    assert_null(json_object_get(host, "AutoRemove"));
    json_decref(sample.document);
}

static void a_version_that_was_pinned_is_dropped_and_told(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;

    (void)state;
    open_sample(&sample, "rich", 41);
    spec = make(&sample);
    assert_int_equal(json_array_size(json_object_get(spec, "notes")), 1);
    assert_non_null(strstr(json_string_value(json_array_get(json_object_get(spec, "notes"), 0)),
                           "CATTLE_RANCHER_SERVER_IMAGE=v0.63.1"));
    json_decref(sample.document);
}

static void a_command_of_the_users_own_is_kept(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;

    (void)state;
    open_sample(&sample, "entrypoint", 41);
    spec = make(&sample);
    assert_json(at(spec, "Entrypoint"), "[\"/usr/bin/s6-svscan\"]");
    assert_json(at(spec, "Cmd"), "[\"/service\",\"--extra\"]");
    json_decref(sample.document);
}

static void a_cleared_entrypoint_stays_cleared(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;
    json_t *image;

    (void)state;
    open_sample(&sample, "plain", 41);
    image = dr_json_at(sample.document, "image", "Config", NULL);
    json_object_set_new(image, "Entrypoint", json_pack("[s]", "/usr/bin/entry"));
    spec = make(&sample);
    assert_json(at(spec, "Entrypoint"), "[]");
    assert_json(at(spec, "Cmd"), "[\"/usr/bin/s6-svscan\",\"/service\"]");
    json_decref(sample.document);
}

static void healthcheck_fields_that_differ_are_kept_alone(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;

    (void)state;
    open_sample(&sample, "plain", 41);
    json_object_set_new(dr_json_at(sample.document, "image", "Config", NULL), "Healthcheck",
                        json_pack("{s:[s,s], s:i}", "Test", "CMD", "/check", "Interval", 5000000));
    json_object_set_new(dr_json_at(sample.document, "inspect", "Config", NULL), "Healthcheck",
                        json_pack("{s:[s,s], s:i, s:i}", "Test", "CMD", "/check", "Interval",
                                  5000000, "Retries", 7));
    spec = make(&sample);
    assert_json(at(spec, "Healthcheck"), "{\"Retries\":7}");
    json_decref(sample.document);
}

static void networks_go_in_as_the_engine_takes_them(void **state)
{
    struct sample sample;
    json_auto_t *old = NULL;
    json_auto_t *new = NULL;

    (void)state;
    open_sample(&sample, "networks", 41);
    old = make(&sample);
    assert_json(dr_json_at(old, "body", "NetworkingConfig", "EndpointsConfig", NULL),
                "{\"first\":{\"IPAMConfig\":{\"IPv4Address\":\"172.30.7.77\"},"
                "\"Aliases\":[\"cattle\"]}}");
    assert_json(json_object_get(old, "connect"),
                "[{\"network\":\"second\",\"endpoint\":{\"Aliases\":[\"other\"]}}]");
    sample.input.api = 44;
    new = make(&sample);
    assert_int_equal(
        json_object_size(dr_json_at(new, "body", "NetworkingConfig", "EndpointsConfig", NULL)), 2);
    assert_json(json_object_get(new, "connect"), "[]");
    json_decref(sample.document);
}

static void a_mac_address_goes_where_the_version_wants_it(void **state)
{
    struct sample sample;
    json_auto_t *old = NULL;
    json_auto_t *new = NULL;

    (void)state;
    open_sample(&sample, "networks", 41);
    json_object_set_new(dr_json_at(sample.document, "inspect", "Config", NULL), "MacAddress",
                        json_string("02:42:ac:11:00:99"));
    old = make(&sample);
    assert_json(at(old, "MacAddress"), "\"02:42:ac:11:00:99\"");
    sample.input.api = 51;
    new = make(&sample);
    assert_null(at(new, "MacAddress"));
    assert_json(
        dr_json_at(new, "body", "NetworkingConfig", "EndpointsConfig", "first", "MacAddress", NULL),
        "\"02:42:ac:11:00:99\"");
    json_decref(sample.document);
}

static void the_hosts_network_has_no_endpoints_and_no_host_name(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;

    (void)state;
    open_sample(&sample, "host", 41);
    spec = make(&sample);
    assert_null(at(spec, "NetworkingConfig"));
    assert_null(at(spec, "Hostname"));
    assert_json(dr_json_at(spec, "body", "HostConfig", "NetworkMode", NULL), "\"host\"");
    json_decref(sample.document);
}

static void volumes_come_from_the_data_container_and_not_from_one_that_is_gone(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;
    json_auto_t *gone = json_pack("[s]", "vol");

    (void)state;
    open_sample(&sample, "rich", 41);
    sample.input.data_container = "rancher-data";
    spec = make(&sample);
    assert_json(dr_json_at(spec, "body", "HostConfig", "VolumesFrom", NULL),
                "[\"vol\",\"rancher-data\"]");
    json_decref(spec);
    sample.input.gone = gone;
    spec = make(&sample);
    assert_json(dr_json_at(spec, "body", "HostConfig", "VolumesFrom", NULL), "[\"rancher-data\"]");
    json_decref(sample.document);
}

static void anonymous_entries_are_named(void **state)
{
    struct sample sample;
    json_auto_t *spec = NULL;
    json_t *host;
    const char *bind;

    (void)state;
    open_sample(&sample, "plain", 41);
    host = dr_json_at(sample.document, "inspect", "HostConfig", NULL);
    json_object_set_new(host, "Binds", json_pack("[s]", "/var/lib/mysql"));
    json_object_set_new(host, "Mounts",
                        json_pack("[{s:s, s:s}]", "Type", "volume", "Target", "/var/lib/cattle"));
    spec = make(&sample);
    bind =
        json_string_value(json_array_get(dr_json_at(spec, "body", "HostConfig", "Binds", NULL), 0));
    assert_int_equal(strlen(bind), 64 + strlen(":/var/lib/mysql"));
    assert_int_equal(strlen(dr_json_string_or(
                         json_array_get(dr_json_at(spec, "body", "HostConfig", "Mounts", NULL), 0),
                         "Source", "")),
                     64);
    json_decref(sample.document);
}

static void anonymous_volumes_need_a_data_container_and_named_ones_do_not(void **state)
{
    static const struct {
        const char *name;
        bool needs;
    } rows[] = {{"plain", true}, {"rich", true}, {"entrypoint", true}};
    struct sample sample;
    json_auto_t *sources = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        open_sample(&sample, rows[i].name, 41);
        assert_int_equal(dr_spec_needs_data(sample.input.inspect, NULL), rows[i].needs);
        json_decref(sample.document);
    }
    open_sample(&sample, "plain", 41);
    sources = json_pack("[O]", sample.input.inspect);
    assert_false(dr_spec_needs_data(sample.input.inspect, sources));
    json_decref(sample.document);
}

/* A created container as the engine would show it when all went well. */
static json_t *created_from(const struct sample *sample)
{
    json_t *created = json_deep_copy(sample->input.inspect);
    json_t *env = dr_json_at(created, "Config", "Env", NULL);

    json_object_set_new(json_object_get(created, "State"), "StartedAt",
                        json_string("0001-01-01T00:00:00Z"));
    json_object_set_new(json_object_get(created, "HostConfig"), "RestartPolicy",
                        json_pack("{s:s}", "Name", "no"));
    for (const char *const *variable = sample->variables; *variable; variable++)
        json_array_append_new(env, json_string(*variable));
    return created;
}

static void assert_guard(const struct sample *sample, const json_t *created, const char *words)
{
    struct dr_err err = DR_ERR_INIT;
    int done = dr_spec_guard(&sample->input, created, sample->input.image, &err);

    if (!words) {
        assert_string_equal(err.text, "");
        assert_int_equal(done, 0);
        return;
    }
    assert_int_equal(done, -1);
    assert_int_equal(err.code, DR_ERR_PROOF);
    assert_non_null(strstr(err.text, words));
}

static void the_guard_lets_a_faithful_copy_pass(void **state)
{
    struct sample sample;
    json_auto_t *created = NULL;

    (void)state;
    open_sample(&sample, "plain", 41);
    created = created_from(&sample);
    assert_guard(&sample, created, NULL);
    json_decref(sample.document);
}

static void the_guard_stops_every_loss(void **state)
{
    static const struct {
        const char *path[4];
        const char *value;
        const char *words;
    } rows[] = {
        {{"State", "StartedAt"}, "\"2016-05-26T00:00:00Z\"", "started already"},
        {{"HostConfig", "RestartPolicy"}, "{\"Name\":\"always\"}", "start by itself"},
        {{"Mounts"}, "[]", "'nothing' at"},
        {{"Image"}, "\"sha256:0\"", "made of image"},
        {{"Config", "Env"}, "[]", "lacks"},
        {{"Config", "Env"}, "[\"CATTLE_CATTLE_VERSION=v0.1\"]", "take itself for"},
        {{"NetworkSettings", "Networks"}, "{}", "not in network"},
        {{"HostConfig", "PortBindings"}, "{}", "PortBindings"},
        {{"HostConfig", "Links"}, "[\"/a:/b/c\"]", "link"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample sample;
        json_auto_t *created = NULL;
        json_t *object;
        const char *key = rows[i].path[1] ? rows[i].path[1] : rows[i].path[0];

        open_sample(&sample, "plain", 41);
        created = created_from(&sample);
        object = rows[i].path[1] ? json_object_get(created, rows[i].path[0]) : created;
        json_object_set_new(object, key, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        assert_guard(&sample, created, rows[i].words);
        json_decref(sample.document);
    }
}

static void the_guard_sees_another_volume(void **state)
{
    struct sample sample;
    json_auto_t *created = NULL;
    json_t *mount;

    (void)state;
    open_sample(&sample, "plain", 41);
    created = created_from(&sample);
    mount = json_array_get(json_object_get(created, "Mounts"), 0);
    json_object_set_new(mount, "Name", json_string("an-empty-one"));
    assert_guard(&sample, created, "'an-empty-one'");
    json_decref(sample.document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_server_keeps_nothing_of_its_image),
        cmocka_unit_test(the_new_one_never_starts_by_itself),
        cmocka_unit_test(what_the_user_set_is_kept),
        cmocka_unit_test(a_version_that_was_pinned_is_dropped_and_told),
        cmocka_unit_test(a_command_of_the_users_own_is_kept),
        cmocka_unit_test(a_cleared_entrypoint_stays_cleared),
        cmocka_unit_test(healthcheck_fields_that_differ_are_kept_alone),
        cmocka_unit_test(networks_go_in_as_the_engine_takes_them),
        cmocka_unit_test(a_mac_address_goes_where_the_version_wants_it),
        cmocka_unit_test(the_hosts_network_has_no_endpoints_and_no_host_name),
        cmocka_unit_test(volumes_come_from_the_data_container_and_not_from_one_that_is_gone),
        cmocka_unit_test(anonymous_entries_are_named),
        cmocka_unit_test(anonymous_volumes_need_a_data_container_and_named_ones_do_not),
        cmocka_unit_test(the_guard_lets_a_faithful_copy_pass),
        cmocka_unit_test(the_guard_stops_every_loss),
        cmocka_unit_test(the_guard_sees_another_volume),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

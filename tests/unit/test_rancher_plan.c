/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_apply_rancher */
#include "tests/unit/check.h"

#include "apply/rancher/advice.h"
#include "apply/rancher/agents.h"
#include "apply/rancher/balancers.h"
#include "apply/rancher/hosts.h"
#include "apply/rancher/inventory.h"
#include "apply/rancher/job.h"
#include "apply/rancher/netagents.h"
#include "apply/rancher/prepull.h"
#include "apply/rancher/roll.h"
#include "apply/rancher/rolling.h"
#include "apply/rancher/settings.h"
#include "lib/json.h"

#define OLD "rancher/agent-instance:v0.8.1"
#define NEW "reg:5000/rancher/agent-instance:v0.8.3"
#define AGENT "reg:5000/rancher/agent:v1.0.2"

/* A site with everything that a plan can meet. Single quotes stand for double ones. */
static const char site[] =
    "{'format':1,'url':'http://r/v1','settings':{"
    " 'agent.instance.image':{'value':'" OLD "','activeValue':'" OLD "','source':'x','inDb':false},"
    " 'agent.instance.image.uuid':{'value':'docker:" OLD "','activeValue':"
    "   'docker:${agent.instance.image}','source':'Code Packaged Defaults','inDb':false},"
    " 'bootstrap.required.image':{'value':'rancher/agent:v1.0.1','activeValue':"
    "   'rancher/agent:v1.0.1','source':'x','inDb':false}},"
    "'environments':[{'id':'1a5','name':'Default','state':'active',"
    " 'hosts':[{'id':'1h1','name':'node1','state':'active','active':true},"
    "  {'id':'1h2','name':'node2','state':'active','agentState':'reconnecting','active':false},"
    "  {'id':'1h3','name':'node3','state':'inactive','active':false},"
    "  {'id':'1h4','name':'fresh','state':'active','active':true}],"
    " 'network_agents':[{'id':'1i1','hostId':'1h1','imageUuid':'docker:" OLD "'},"
    "  {'id':'1i2','hostId':'1h2','imageUuid':'docker:" OLD "'},"
    "  {'id':'1i3','hostId':'1h3','imageUuid':'docker:" NEW "'}],"
    " 'balancers':["
    "  {'id':'1s1','stack':'s','name':'web','state':'active','launchConfig':{},'instances':["
    "    {'imageUuid':'docker:" OLD "'},{'imageUuid':'docker:" NEW "'}]},"
    "  {'id':'1s2','stack':'s','name':'one','state':'active','instances':["
    "    {'imageUuid':'docker:" OLD "'}]},"
    "  {'id':'1s3','stack':'s','name':'done','state':'active','instances':["
    "    {'imageUuid':'docker:" NEW "'}]},"
    "  {'id':'1s4','stack':'s','name':'pinned','state':'active','launchConfig':{'imageUuid':"
    "    'docker:mine:1'},'instances':[{'imageUuid':'docker:mine:1'}]},"
    "  {'id':'1s5','stack':'s','name':'idle','state':'inactive','instances':["
    "    {'imageUuid':'docker:" OLD "'}]},"
    "  {'id':'1s6','stack':'s','name':'half','state':'upgraded','instances':["
    "    {'imageUuid':'docker:" OLD "'}]}]},"
    " {'id':'1a6','name':'Asleep','state':'inactive','skipped':'its state is inactive'}]}";

static json_t *parse(const char *text)
{
    char copy[4096];
    struct dr_err err = DR_ERR_INIT;
    json_t *value;

    assert_true(strlen(text) < sizeof copy);
    strcpy(copy, text);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    value = dr_json_parse(copy, strlen(copy), "sample", &err);
    if (!value)
        fail_msg("%s", err.text);
    return value;
}

/* "object: action" of all rows, in lines. */
static void lines_of(const json_t *rows, char *ret, size_t room)
{
    const json_t *row;
    size_t i;

    ret[0] = '\0';
    json_array_foreach(rows, i, row)
    {
        size_t used = strlen(ret);

        snprintf(ret + used, room - used, "%s: %s\n", dr_json_string_or(row, "object", "?"),
                 dr_json_string_or(row, "action", "?"));
    }
}

typedef int plan_fn(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err);

static void check_plan(plan_fn *plan, const json_t *inventory, const char *wanted)
{
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *rows = json_array();
    const struct dr_rancher_job job = {
        .inventory = inventory, .agent = AGENT, .agent_instance = NEW};
    char lines[4096];

    check_ok(plan(&job, rows, &err), &err);
    lines_of(rows, lines, sizeof lines);
    assert_string_equal(lines, wanted);
}

static void only_what_differs_is_planned(void **state)
{
    json_auto_t *inventory = parse(site);

    (void)state;
    check_plan(dr_settings_plan, inventory,
               "bootstrap.required.image: set to " AGENT " by CATTLE_BOOTSTRAP_REQUIRED_IMAGE\n"
               "agent.instance.image: set to " NEW " by CATTLE_AGENT_INSTANCE_IMAGE\n");
    check_plan(dr_prepull_plan, inventory,
               "host node2 (Default): must be back before the start\n"
               "host node3 (Default): left alone\n"
               "environment Default: 2 hosts: pull " AGENT " and " NEW "\n");
    check_plan(dr_agents_plan, inventory,
               "environment Default: 2 hosts: wait until all are back and stay\n");
    check_plan(dr_netagents_plan, inventory,
               "network agent on node1 (Default): replace " OLD "\n"
               "network agent on node2 (Default): left alone\n");
    check_plan(dr_balancers_plan, inventory,
               "balancer s/web (Default): replace 1 of 2 instances, one at a time\n"
               "balancer s/one (Default): replace 1 of 1 instance, one at a time\n"
               "balancer s/pinned (Default): left alone\n"
               "balancer s/idle (Default): left alone\n"
               "balancer s/half (Default): left alone\n");
}

static void equal_image_strings_mean_nothing_to_do(void **state)
{
    json_auto_t *inventory =
        parse("{'settings':{'agent.instance.image':{'activeValue':'" NEW "'},"
              "'bootstrap.required.image':{'activeValue':'" AGENT "'}},"
              "'environments':[{'id':'1a5','name':'Default','state':'active',"
              "'hosts':[{'id':'1h1','name':'n','state':'active','active':true}],"
              "'network_agents':[{'id':'1i1','hostId':'1h1','imageUuid':'docker:" NEW "'}],"
              "'balancers':[{'id':'1s1','state':'inactive','instances':[{'imageUuid':'docker:" NEW
              "'}]}]}]}");

    (void)state;
    check_plan(dr_settings_plan, inventory, "");
    check_plan(dr_prepull_plan, inventory, "");
    check_plan(dr_netagents_plan, inventory, "");
    check_plan(dr_balancers_plan, inventory, "");
}

static void a_key_that_sees_no_settings_still_gets_a_plan(void **state)
{
    json_auto_t *inventory = parse(
        "{'settings':{},'environments':[{'id':'1a5','name':'E','state':'active',"
        "'required_image':'" AGENT "','hosts':[{'id':'1h1','name':'n','state':'active',"
        "'active':true}],'network_agents':[{'id':'1i1','hostId':'1h1','imageUuid':'docker:" OLD
        "'}]}]}");

    (void)state;
    check_plan(dr_prepull_plan, inventory, "environment E: 1 host: pull " NEW "\n");
    check_plan(dr_netagents_plan, inventory, "network agent on n (E): replace " OLD "\n");
}

static void a_pin_in_the_database_is_refused_with_the_remedy(void **state)
{
    static const struct {
        const char *setting, *words; /* NULL: no pin */
    } rows[] = {
        {"{'value':'docker:mine:1','activeValue':'docker:mine:1','source':'Database','inDb':true}",
         "-X DELETE http://r/v1/settings/1as!agent.instance.image.uuid"},
        {"{'value':'docker:mine:1','activeValue':'docker:mine:1','source':'Environment Variables',"
         "'inDb':false}",
         "take the variable CATTLE_AGENT_INSTANCE_IMAGE_UUID off"},
        {"{'value':'docker:" NEW "','activeValue':'docker:" NEW
         "','source':'Database','inDb':true}",
         NULL},
        {"{'value':'docker:x','activeValue':'docker:${agent.instance.image}','source':'Database',"
         "'inDb':true}",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        json_auto_t *inventory = parse(site);
        json_auto_t *plan = json_array();
        const struct dr_rancher_job job = {
            .inventory = inventory, .agent = AGENT, .agent_instance = NEW};

        json_object_set_new(json_object_get(inventory, "settings"), "agent.instance.image.uuid",
                            parse(rows[i].setting));
        if (rows[i].words)
            check_fails(dr_settings_plan(&job, plan, &err), &err, DR_ERR_REFUSED, rows[i].words);
        else
            check_ok(dr_settings_plan(&job, plan, &err), &err);
    }
}

static void the_effective_value_is_the_winning_source_s(void **state)
{
    static const struct {
        const char *setting, *effective;
    } rows[] = {
        {"{'s':{'value':'stored','activeValue':'from-env','inDb':true}}", "from-env"},
        {"{'s':{'value':'docker:a:1','activeValue':'docker:${agent.instance.image}'}}",
         "docker:a:1"},
        {"{'s':{'value':'only'}}", "only"},
        {"{}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *settings = parse(rows[i].setting);
        const char *effective = dr_settings_effective(settings, "s");

        if (rows[i].effective)
            assert_string_equal(effective, rows[i].effective);
        else
            assert_null(effective);
    }
}

static void an_image_is_a_string_with_its_registry(void **state)
{
    (void)state;
    assert_true(dr_job_same_image("docker:" OLD, OLD));
    assert_false(dr_job_same_image("docker:docker.io/" OLD, OLD));
    assert_false(dr_job_same_image("docker:" NEW, OLD));
    assert_false(dr_job_same_image(NULL, OLD));
}

static void what_the_host_said_leads_to_its_remedy(void **state)
{
    static const struct {
        const char *said, *remedy;
    } rows[] = {
        {"x509: certificate signed by unknown authority", "/etc/docker/certs.d/reg:5000/ca.crt"},
        {"http: server gave HTTP response to HTTPS client", "--insecure-registry reg:5000"},
        {"Error: unauthorized: authentication required", "Infrastructure > Registries"},
        {"manifest unknown", "drover audit"},
        {"dial tcp: connection refused", "reaches reg:5000"},
        {"no space left on device", "/var/lib/docker"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;

        dr_fail(&err, DR_ERR_RANCHER, "%s", rows[i].said);
        assert_int_equal(dr_advise_pull(&err, rows[i].said, NEW), -1);
        if (!strstr(err.text, rows[i].remedy))
            fail_msg("'%s' leads to '%s'", rows[i].said, err.text);
    }
}

static void a_cut_short_entry_is_found_again(void **state)
{
    json_auto_t *report = parse("{'balancers':[{'serviceId':'1s1','name':'a','after':'x'},"
                                "{'serviceId':'1s1','name':'b'},{'serviceId':'1s2','name':'a'}]}");
    const struct dr_rancher_job job = {.report = report};

    (void)state;
    assert_non_null(dr_job_open_entry(&job, "balancers", "serviceId", "1s1", "name", "b"));
    assert_null(dr_job_open_entry(&job, "balancers", "serviceId", "1s1", "name", "a"));
    assert_non_null(dr_job_open_entry(&job, "balancers", "serviceId", "1s2", NULL, NULL));
    assert_null(dr_job_open_entry(&job, "network_agents", "hostId", "1h1", NULL, NULL));
}

static void balancers_that_want_the_same_port_of_the_same_hosts_compete(void **state)
{
    static const char label[] = "io.rancher.scheduler.affinity:host_label";
    static const struct {
        const char *one, *other;  /* ports */
        const char *left, *right; /* affinity; NULL: none */
        bool global, compete;
    } rows[] = {
        {"80:80", "80:8080", NULL, NULL, false, true},
        {"80", "80:80", NULL, NULL, false, true},
        {"80:80/tcp", "81:80", NULL, NULL, false, false},
        {"8080:80", "80:80", NULL, NULL, false, false},
        {"80:80", "80:80", "a=1", "a=2", false, false},
        {"80:80", "80:80", "a=1", "a=1", false, true},
        {"80:80", "80:80", "a=1", NULL, false, true},
        {"80:80", "80:80", NULL, NULL, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *one = json_pack("{s:{s:[s], s:{s:s*, s:s}}}", "launchConfig", "ports",
                                     rows[i].one, "labels", label, rows[i].left,
                                     "io.rancher.scheduler.global", rows[i].global ? "true" : "no");
        json_auto_t *other = json_pack("{s:{s:[s], s:{s:s*}}}", "launchConfig", "ports",
                                       rows[i].other, "labels", label, rows[i].right);

        assert_non_null(one);
        assert_non_null(other);
        if (dr_rolling_compete(one, other) != rows[i].compete ||
            dr_rolling_compete(other, one) != rows[i].compete)
            fail_msg("row %zu", i);
    }
}

static void hosts_come_in_the_order_that_was_wished(void **state)
{
    json_auto_t *inventory = parse(site);
    json_auto_t *order = json_pack("[s, s]", "1h3", "node2");
    json_auto_t *wrong = json_pack("[s]", "node7");
    const struct dr_rancher_wishes wishes = {.host_order = order, .skip_hosts = wrong};
    const struct dr_rancher_job job = {
        .inventory = inventory, .agent = AGENT, .agent_instance = NEW, .wishes = &wishes};
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *hosts = dr_hosts_in_order(
        &job, json_array_get(json_object_get(inventory, "environments"), 0), &err);
    static const char *const wanted[] = {"1h3", "1h2", "1h1", "1h4"};

    (void)state;
    assert_int_equal(json_array_size(hosts), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(dr_json_string_or(json_array_get(hosts, i), "id", ""), wanted[i]);
    check_fails(dr_hosts_check(&job, &err), &err, DR_ERR_USAGE, "--skip-host 'node7'");
}

static void wishes_show_in_the_plan(void **state)
{
    json_auto_t *inventory = parse(site);
    json_auto_t *skip = json_pack("[s]", "node1");
    const struct dr_rancher_wishes wishes = {.pinned = DR_PINNED_RECREATE, .skip_hosts = skip};
    const struct dr_rancher_job job = {
        .inventory = inventory, .agent = AGENT, .agent_instance = NEW, .wishes = &wishes};
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *rows = json_array();
    char lines[4096];

    (void)state;
    check_ok(dr_netagents_plan(&job, rows, &err), &err);
    check_ok(dr_balancers_plan(&job, rows, &err), &err);
    lines_of(rows, lines, sizeof lines);
    assert_non_null(strstr(lines, "network agent on node1 (Default): left alone\n"));
    assert_non_null(strstr(
        lines, "balancer s/pinned (Default): re-create the whole service without the image\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balancers_that_want_the_same_port_of_the_same_hosts_compete),
        cmocka_unit_test(hosts_come_in_the_order_that_was_wished),
        cmocka_unit_test(wishes_show_in_the_plan),
        cmocka_unit_test(only_what_differs_is_planned),
        cmocka_unit_test(equal_image_strings_mean_nothing_to_do),
        cmocka_unit_test(a_key_that_sees_no_settings_still_gets_a_plan),
        cmocka_unit_test(a_pin_in_the_database_is_refused_with_the_remedy),
        cmocka_unit_test(the_effective_value_is_the_winning_source_s),
        cmocka_unit_test(an_image_is_a_string_with_its_registry),
        cmocka_unit_test(what_the_host_said_leads_to_its_remedy),
        cmocka_unit_test(a_cut_short_entry_is_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

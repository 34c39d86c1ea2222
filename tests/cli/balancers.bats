#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Load balancers of every kind, several at once, pinned ones, what the operator may wish otherwise,
# and traffic through them while they are replaced; against the simulator, as rancher.bats.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq's variables; bats: a subshell per test, and it sets status

load common
load rancher

# The most services that had an instance away at one moment.
most_away() {
    curl -sf "$url/sim/events" | jq '
        reduce (.[] | select(.event == "state" and .systemContainer == "LoadBalancerAgent")) as $e
            ({away: {}, most: 0};
             if $e.to == "stopping" then .away[$e.serviceId] = true
             elif $e.to == "running" then del(.away[$e.serviceId]) else . end |
             .most = ([.most, (.away | length)] | max)) | .most'
}

live_images() { # NAME: of the balancer's instances
    state "[.instances[] | select(.removed == null and ((.name // \"\") | test(\"_$1_[0-9]+$\"))) |
        .imageUuid] | unique"
}

# ---------------------------------------------------------------- several at once

@test "twelve balancers: four at once, never two instances of one" {
    upgraded '{"hosts": 6, "loadBalancers": 12}'
    steps netagents
    steps balancers prove
    says_error "balancers, up to 4 at once, one instance of each"
    [ "$(most_away)" -le 4 ]
    [ "$(most_away)" -ge 3 ]
    all_new 30
}

@test "--parallel 1: one after the other" {
    upgraded '{"hosts": 4, "loadBalancers": 4}'
    WISHES='{"parallel": 1}' finishes
    [ "$(most_away)" -eq 1 ]
    all_new 12
}

@test "balancers of one port on any host are not away together: none gets the other's host" {
    upgraded '{"hosts": 4, "loadBalancers": [
        {"name": "a", "ports": ["80:80"], "hosts": ["node1"]},
        {"name": "b", "ports": ["80:80"], "hosts": ["node2"]},
        {"name": "c", "ports": ["80:8080"], "hosts": ["node3"]},
        {"name": "d", "ports": ["80:80"], "hosts": ["node4"]}]}'
    WISHES='{"recreate": true}' steps balancers
    [ "$(most_away)" -eq 1 ]
    jq -e '[.balancers[] | .from == .to] | length == 4 and all' "$journal/report.json"
}

@test "one of several fails: the others are brought to their end, nothing else is begun" {
    upgraded '{"hosts": 3, "loadBalancers": [
        {"name": "a", "global": true, "ports": ["81:80"]},
        {"name": "b", "global": true, "ports": ["82:80"]},
        {"name": "c", "global": true, "ports": ["83:80"]},
        {"name": "d", "global": true, "ports": ["84:80"]},
        {"name": "e", "global": true, "ports": ["85:80"]},
        {"name": "f", "global": true, "ports": ["86:80"]}]}'
    steps inventory
    faults '{"lbNeverHealthy": {"host": "node2"}}'
    WISHES='{"parallel": 2}' DROVER_TEST_SCALE=0.005 steps 11 balancers
    says_error "its health is 'initializing'"
    # Two failed, with one instance each, and no other service was begun.
    [ "$(state '[.instances[] | select(.systemContainer == "LoadBalancerAgent" and
        .removed == null)] | [length, ([.[] | select(.state == "running" and
        .healthState == "healthy")] | length)]')" = "[18,16]" ]
    [ "$(jq '[.balancers[].service] | unique | length' "$journal/report.json")" -eq 2 ]
    faults '{"lbNeverHealthy": false}'
    finishes
    all_new 21
}

@test "Ctrl-C and kill -9 with several under way: the next run ends it" {
    upgraded '{"hosts": 6, "loadBalancers": 12}'
    steps netagents
    "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" balancers 3>&- &
    local run=$! stopped=0
    sleep 0.4
    kill -s INT "$run"
    wait "$run" || stopped=$?
    [ "$stopped" -eq 12 ]
    [ "$(state '[.instances[] | select(.systemContainer == "LoadBalancerAgent" and
        .removed == null and .state == "running" and .healthState == "healthy")] |
        length')" -eq 24 ]
    timeout -s KILL 0.3 "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" balancers ||
        true
    finishes
    all_new 30
    jq -e '.balancers | all(.after != null)' "$journal/report.json"
}

# ---------------------------------------------------------------- pinned images

pinned_site='{"hosts": 3, "certificates": ["c", "d"],
    "services": [{"name": "web", "scale": 2}, {"name": "api"}],
    "loadBalancers": [
    {"name": "pin", "scale": 2, "hosts": ["node1", "node2"], "ports": ["80:80", "443:443"],
     "imageUuid": "docker:rancher/agent-instance:v0.8.1", "certificates": ["c", "d"],
     "labels": {"io.rancher.loadbalancer.ssl.ports": "443", "team": "a"}, "retainIp": true,
     "links": [{"service": "web", "ports": ["a.com:80/x=8080", "81"]}, {"service": "api", "name": "x"}],
     "loadBalancerConfig": {"name": "n", "haproxyConfig": {"global": "maxconn 9", "defaults": "log g"},
      "lbCookieStickinessPolicy": {"name": "s", "cookie": "c", "mode": "insert"}}},
    {"name": "front", "hosts": ["node3"], "ports": ["90:90"], "links": [{"service": "pin", "name": "up"}]},
    {"name": "back", "hosts": ["node3"], "ports": ["91:91"],
     "imageUuid": "docker:rancher/agent-instance:v0.8.1", "links": [{"service": "pin"}]}]}'

links() { # of live services by names: from, to, name, ports
    state '(.services | map({key: .id, value: .name}) | from_entries) as $n |
        [.consumeMaps[] | select(.removed == null) |
         [$n[.serviceId], $n[.consumedServiceId], .name, .ports]] | sort'
}

definition() { # of the live balancer NAME, without what cannot come back
    state "[.services[] | select(.name == \"$1\" and .removed == null)][0] | {scale, metadata,
        certificateIds, defaultCertificateId, loadBalancerConfig, retainIp, selectorLink, state,
        ports: .launchConfig.ports, labels: .launchConfig.labels, check: .launchConfig.healthCheck} |
        walk(if type == \"object\" then with_entries(select(.value != null)) else . end)"
}

@test "pinned: by default reported, and the plan says how" {
    upgraded "$pinned_site"
    steps plan
    says "--pinned recreate or --pinned upgrade"
    finishes
    says_error "balancer Default/pin is left alone: its launch configuration names the image"
    [ "$(live_images pin)" = '["docker:rancher/agent-instance:v0.8.1"]' ]
}

@test "pinned, re-created: every field and the links of both directions are as before" {
    upgraded "$pinned_site"
    local links pin back
    links=$(links) pin=$(definition pin) back=$(definition back)
    export WISHES='{"pinned": "recreate"}'
    steps plan
    says "re-create the whole service without the image"
    finishes
    says_error "balancer Default/pin: re-created without the image rancher/agent-instance:v0.8.1"
    [ "$(links)" = "$links" ]
    [ "$(definition pin)" = "$pin" ]
    [ "$(definition back)" = "$back" ]
    [ "$(images)" = "[[\"docker:$new_instance\",7]]" ]
    jq -e '.proof.ok' "$journal/report.json"
    # Never active before the links are back.
    requests '[.[] | select(.method != "GET" and .project != null and (.path |
        test("/(loadbalancer)?services"))) | .query // .method]' | grep -q \
        '"DELETE","POST","action=setservicelinks",.*"action=addservicelink",.*"action=activate"'
    local before
    before=$(writes)
    finishes
    [ "$(writes)" -eq "$before" ]
}

@test "pinned, re-created: kill -9 at any moment, then again without the wish: nothing is lost" {
    upgraded "$pinned_site"
    steps netagents balancers
    local links pin
    links=$(links) pin=$(definition pin)
    process_stop sim
    cp -a "$root" "$BATS_TEST_TMPDIR/before"
    cp -a "$journal" "$BATS_TEST_TMPDIR/journal.before"
    for moment in 0.05 0.2 0.35 0.5; do
        rm -rf "$root" "$journal"
        cp -a "$BATS_TEST_TMPDIR/before" "$root"
        cp -a "$BATS_TEST_TMPDIR/journal.before" "$journal"
        server_start v1.0.2
        WISHES='{"pinned": "recreate"}' timeout -s KILL "$moment" "$STEPS_BINARY" "$journal" \
            "$url" "$new_agent" "$new_instance" balancers || [ "$?" -eq 137 ]
        finishes # what was begun is ended; the rest is still pinned
        WISHES='{"pinned": "recreate"}' finishes
        [ "$(links)" = "$links" ]
        [ "$(definition pin)" = "$pin" ]
        [ "$(images)" = "[[\"docker:$new_instance\",7]]" ]
        process_stop sim KILL
    done
}

@test "pinned, re-created: lost answers, 409 and 503 on the way" {
    upgraded "$pinned_site"
    steps netagents balancers
    local links
    links=$(links)
    faults '{"conflictStorm": {"count": 3}, "serverErrors": {"count": 1}, "dropConnections": {"count": 1}}'
    export WISHES='{"pinned": "recreate"}'
    finishes
    [ "$(links)" = "$links" ]
    [ "$(images)" = "[[\"docker:$new_instance\",7]]" ]
}

@test "pinned, upgraded by Rancher and finished; kill -9 on the way" {
    upgraded "$pinned_site"
    local pin links
    pin=$(definition pin) links=$(links)
    steps netagents balancers
    export WISHES='{"pinned": "upgrade"}'
    timeout -s KILL 0.25 "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" balancers ||
        [ "$?" -eq 137 ]
    finishes
    says_error "balancer Default/pin: upgraded without the image"
    [ "$(definition pin)" = "$pin" ]
    [ "$(links)" = "$links" ]
    [ "$(images)" = "[[\"docker:$new_instance\",7]]" ]
    [ "$(state '[.services[] | select(.launchConfig.imageUuid != null and (.type ==
        "loadBalancerService"))] | length')" -eq 0 ]
    [ "$(requests '[.[] | select(.query == "action=finishupgrade")] | length')" -eq 2 ]
}

@test "pinned and inactive: re-created inactive; upgraded: left alone" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "idle", "state": "inactive",
        "imageUuid": "docker:rancher/agent-instance:v0.8.1"}]}'
    steps netagents
    WISHES='{"pinned": "upgrade"}' steps balancers
    says_error "balancer Default/idle is left alone"
    WISHES='{"pinned": "recreate"}' steps balancers
    [ "$(state '[.services[] | select(.removed == null) | [.state, .launchConfig.imageUuid]]')" = \
        '[["inactive",null]]' ]
    WISHES='{"pinned": "recreate"}' finishes
}

# ---------------------------------------------------------------- what the operator may wish

@test "a file of keys: each opens its environment; what no key opens is said; others may not read it" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "lb", "hosts": ["node1"]}],
        "projects": [{"name": "Second", "hosts": 1}, {"name": "Third", "hosts": 1}]}'
    curl -sf -d '{"enabled": true, "keys": [
        {"public": "e", "secret": "s", "kind": "environment", "projectId": "1a5"},
        {"public": "f", "secret": "t", "kind": "environment", "projectId": "1a6"},
        {"public": "a", "secret": "s", "kind": "admin"}]}' "$url/sim/access"
    export RANCHER_KEYS=$BATS_TEST_TMPDIR/keys
    printf '# ours\ne:s\n\nf:t\n' >"$RANCHER_KEYS"
    steps 9 version
    says_error "others may read the API keys in '$RANCHER_KEYS': chmod 600"
    chmod 600 "$RANCHER_KEYS"
    steps version inventory
    says " environment"
    [ "$(jq -c '[.environments[].name]' "$journal/inventory.json")" = '["Default","Second"]' ]
    jq -e '.unseen | any(test("none of the API keys belongs to them"))' "$journal/inventory.json"
    steps prepull
    finishes
    [ "$(images)" = "[[\"docker:$new_instance\",4],[\"docker:$old_instance\",1]]" ]
    [ "$(requests '[.[] | select(.status == 403)] | length')" -eq 0 ]
    printf 'e:s\nf\n' >"$RANCHER_KEYS"
    steps 8 version
    says_error "line 2: a key is ACCESS:SECRET"
    printf 'e:s\nf:wrong\n' >"$RANCHER_KEYS"
    steps 5 version
    says_error "API key 'f'"
    printf 'e:s\na:s\n' >"$RANCHER_KEYS"
    steps inventory
    finishes
    [ "$(images)" = "[[\"docker:$new_instance\",5]]" ]
}

@test "--skip-host: the run goes on without it, says so, and the next one without the option ends it" {
    server_start v1.0.2
    seed '{"hosts": 3, "loadBalancers": [{"name": "lb", "hosts": ["node2"]}]}'
    faults '{"pullFails": {"host": "node3", "text": "no space left on device"}}'
    steps inventory
    steps 11 prepull
    export WISHES='{"skip": ["node9"]}'
    steps 2 prepull
    says_error "--skip-host 'node9': Rancher shows no host of that name"
    export WISHES='{"skip": ["node3"]}'
    steps plan prepull
    says "deactivate it in Rancher"
    setting agent.instance.image "$new_instance"
    setting bootstrap.required.image "$new_agent"
    finishes
    says_error "network agent on node3 is left alone: --skip-host; to finish it: drover apply"
    [ "$(images)" = "[[\"docker:$new_instance\",3],[\"docker:$old_instance\",1]]" ]
    jq -e '.proof.ok and (.left_alone | length == 1)' "$journal/report.json"
    unset WISHES
    faults '{"pullFails": false}'
    finishes
    all_new 4
    jq -e '.left_alone == []' "$journal/report.json"
}

@test "--host-order: those first, then the others" {
    upgraded '{"hosts": 4}'
    WISHES='{"order": ["node3", "1h2"]}' finishes
    [ "$(jq -c '[.network_agents[].host]' "$journal/report.json")" = \
        '["node3","node2","node1","node4"]' ]
}

@test "--recreate: all of before once more, none twice, also after a kill" {
    server_start v1.0.2
    seed '{}'
    new_agent=$old_agent new_instance=$old_instance
    steps inventory plan
    [[ $output != *replace* ]]
    export WISHES='{"recreate": true}'
    steps plan
    says "all are to be re-created"
    steps prepull
    timeout -s KILL 0.5 "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" netagents \
        balancers || true
    finishes
    # As many were removed as there were.
    [ "$(state '[.instances[] | select(.systemContainer != null and .removed != null)] |
        length')" -eq 8 ]
    all_new 8
    finishes
    [ "$(state '[.instances[] | select(.systemContainer != null and .removed != null)] |
        length')" -eq 8 ]
}

# ---------------------------------------------------------------- traffic

@test "traffic: at every moment one of two instances answers, and who tries the other never fails" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "lb", "scale": 2, "trafficPort": 21000,
        "hosts": ["node1", "node2"]}]}'
    python3 - 21001 21002 "$BATS_TEST_TMPDIR/stop" >"$BATS_TEST_TMPDIR/traffic" 3>&- <<'END' &
import http.client, os, sys, time
ports, stop = [int(p) for p in sys.argv[1:3]], sys.argv[3]
asked = failed = second = 0
def get(port):
    try:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        c.request("GET", "/")
        return c.getresponse().status == 200
    except Exception:
        return False
while not os.path.exists(stop):
    asked += 1
    first = asked % 2
    if not get(ports[first]):
        second += 1
        if not get(ports[1 - first]):
            failed += 1
    time.sleep(0.002)
print(asked, second, failed)
END
    local client=$!
    finishes
    touch "$BATS_TEST_TMPDIR/stop"
    wait "$client"
    read -r asked second failed <"$BATS_TEST_TMPDIR/traffic"
    echo "asked $asked, the other one $second times, failed $failed"
    [ "$asked" -gt 20 ] # a busy machine asks less often
    [ "$second" -gt 0 ] # it was really noticed
    [ "$failed" -eq 0 ]
}

# ---------------------------------------------------------------- every kind

@test "balancers of every kind keep everything: ssl, stickiness, haproxy, selectors, labels, retained IP" {
    upgraded '{"hosts": [{"name": "node1", "labels": {"edge": "yes"}}, {"name": "node2",
        "labels": {"edge": "yes"}}, {"name": "node3"}], "certificates": ["c", "d", "e"],
        "services": [{"name": "web", "scale": 2, "labels": {"tier": "web"}}, {"name": "api"}],
        "loadBalancers": [
        {"name": "edge", "global": true, "ports": ["80:80", "443:443"],
         "labels": {"io.rancher.scheduler.affinity:host_label": "edge=yes",
                    "io.rancher.loadbalancer.ssl.ports": "443"},
         "certificates": ["c", "d", "e"],
         "links": [{"service": "web", "ports": ["a.com:80/x=8080", "b.com/y"]}]},
        {"name": "sticky", "scale": 2, "ports": ["81:81"], "retainIp": true,
         "loadBalancerConfig": {"name": "n", "haproxyConfig": {"global": "maxconn 4096",
           "defaults": "timeout client 50000"}, "lbCookieStickinessPolicy": {"name": "p",
           "cookie": "c", "domain": "d", "indirect": true, "nocache": true, "postonly": false,
           "mode": "insert"}}, "links": [{"service": "api", "name": "backend"}]},
        {"name": "sel", "ports": ["82:82"], "selectorLink": "tier=web"},
        {"name": "app", "ports": ["83:83"], "launchConfig": {"environment": {"A": "b"},
           "healthCheck": {"port": 42, "interval": 500, "requestLine": "GET /ping",
           "healthyThreshold": 1, "unhealthyThreshold": 2, "responseTimeout": 100}},
         "loadBalancerConfig": {"appCookieStickinessPolicy": {"name": "q", "cookie": "s",
           "maxLength": 9, "prefix": true, "requestLearn": true, "timeout": 100, "mode": "query"}}}]}'
    sleep 0.2 # a selector's links come by themselves
    steps inventory
    finishes
    jq -e '.proof | .ok and .failed == [] and .changed == []' "$journal/report.json"
    one_at_a_time
    [ "$(jq -c '[.balancers[] | select(.service == "edge") | .to] | sort' "$journal/report.json")" = \
        '["node1","node2"]' ]
}

@test "a degraded balancer: the sick instance first, the well one when the other is well" {
    upgraded '{"hosts": 3, "loadBalancers": [{"name": "lb", "scale": 2, "hosts": ["node1"]}]}'
    steps inventory netagents balancers
    [ "$(images)" = "[[\"docker:$new_instance\",5]]" ]
    one_at_a_time
}

@test "upgrading, upgraded, rolled back: told in its own words, touched by nobody" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "half", "state": "upgraded"},
        {"name": "way", "state": "upgrading"}, {"name": "off", "state": "canceled-upgrade"}]}'
    finishes
    says_error "balancer Default/half is left alone: its state is 'upgraded': finish the upgrade"
    says_error "balancer Default/off is left alone: its state is 'canceled-upgrade'"
    [ "$(requests '[.[] | select(.method != "GET" and .project != null and
        (.path | test("services")))] | length')" -eq 0 ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The Rancher half of `drover apply`, step by step (rancher_steps.c), against the simulator as a
# process: no engine, real registries. Where only the steps after the server's restart matter, the
# new images are set through the settings instead of restarting the server.
#
# shellcheck disable=SC2030,SC2031,SC2154 # bats: a subshell per test, and it sets status and stderr

load common
load rancher

# ---------------------------------------------------------------- the way as a whole

@test "the whole way: planned without a write, pulled, agents back, all replaced, proved" {
    server_start v1.0.1
    seed '{}'
    steps version inventory plan
    says '127.0.0.1:'
    says "v1.0.1 open"
    says "replace 2 of 2 instances, one at a time"
    [ "$(writes)" -eq 0 ]
    steps prepull
    says_error "host node3: $new_instance is there"
    process_stop sim
    server_start v1.0.2 CATTLE_AGENT_INSTANCE_IMAGE="$new_instance" \
        CATTLE_BOOTSTRAP_REQUIRED_IMAGE="$new_agent"
    steps settings same agents
    says_error "host node1: reconnecting"
    says_error "all 3 are back and stable"
    steps netagents
    says_error "network agent on node1: removed, new one running after "
    says_error "($old_instance → $new_instance)"
    steps balancers prove
    says_error "proof: 8 of 8 network agents and balancer instances run $new_instance and are well"
    all_new 8
    jq -e '[.network_agents[], .balancers[]] | length == 8 and all(.after != null)' \
        "$journal/report.json"
    jq -e '.proof | .ok and .failed == [] and .changed == []' "$journal/report.json"
    # Each helper was there before its network agent went.
    [ "$(requests '[.[] | select(.method == "POST" and (.path | endswith("/containers"))) ] |
        length')" -eq 3 ]
    local before
    before=$(writes)
    finishes
    [ "$(writes)" -eq "$before" ]
}

@test "the hop to 1.1: network agents and balancers of another version" {
    make_image "$site" rancher/agent-instance:v0.8.3 --layers 4096
    make_image "$site" rancher/agent:v1.0.2 --layers 4096
    server_start v1.0.2
    seed '{}'
    new_agent=$site/rancher/agent:v1.0.2 new_instance=$site/rancher/agent-instance:v0.8.3
    steps inventory prepull
    process_stop sim
    server_start v1.1.4 CATTLE_RANCHER_SERVER_VERSION=v1.1.4 \
        CATTLE_RANCHER_SERVER_IMAGE=rancher/server CATTLE_AGENT_INSTANCE_IMAGE="$new_instance" \
        CATTLE_BOOTSTRAP_REQUIRED_IMAGE="$new_agent"
    steps version settings same agents
    says "v1.1.4 open"
    finishes
    all_new 8
}

@test "equal image strings: nothing is pulled, nothing is replaced" {
    server_start v1.0.1
    seed '{}'
    new_agent=$old_agent new_instance=$old_instance
    steps inventory plan prepull netagents balancers prove
    [ "$(writes)" -eq 0 ]
}

# ---------------------------------------------------------------- before anything is touched

@test "a host that cannot pull stops the run with its own words and the remedy" {
    server_start v1.0.1
    seed '{}'
    faults '{"pullFails": {"host": "node2",
        "text": "x509: certificate signed by unknown authority"}}'
    steps inventory
    steps 11 prepull
    says_error "host 'node2' of environment 'Default' cannot pull $new_agent: x509"
    says_error "/etc/docker/certs.d/$site/ca.crt"
    says_error "nothing has been changed yet"
    jq -e '[.prepull[] | select(.result != "pulled")] | length == 1' "$journal/report.json"
    [ "$(writes)" -eq 1 ] # the pull task
}

@test "hosts without a name, or with the same one, are proved one by one" {
    server_start v1.0.1
    seed '{"hosts": [{"name": "a"}, {"hostname": "u1"}, {"hostname": "u2"}, {"name": "twin"},
        {"name": "twin"}, {"name": "off", "state": "inactive"}]}'
    steps inventory prepull
    says_error "Default: 5 hosts pull $new_agent"
    says_error "host u2: $new_instance is there"
    says_error "host twin (1h5): $new_instance is there"
    says_error "host off of Default is 'inactive'"
    no_helper_is_left
    [ "$(jq '.prepull | length' "$journal/report.json")" -eq 10 ]
}

@test "a host without a name that cannot pull is found out" {
    server_start v1.0.1
    seed '{"hosts": [{"name": "a"}, {"hostname": "u1"}, {"hostname": "u2"}]}'
    faults '{"pullFails": {"host": "u2", "text": "server gave HTTP response to HTTPS client"}}'
    steps inventory
    steps 11 prepull
    says_error "host 'u2'"
    says_error "--insecure-registry $site"
    no_helper_is_left
}

@test "an active host whose agent is away is refused" {
    server_start v1.0.1
    seed '{"hosts": [{"name": "a"}, {"name": "b", "agentState": "reconnecting", "away": true}]}'
    steps inventory
    steps 9 prepull
    says_error "host 'b' of environment 'Default' is away"
    says_error "hosts may be away for two minutes and come back by themselves: wait, and run it again"
    [ "$(writes)" -eq 0 ]
}

@test "a value in the database that pins the old image is refused" {
    server_start v1.0.1
    seed '{"settings": {"agent.instance.image.uuid": "docker:mine:1"}, "hosts": 1}'
    steps inventory
    steps 9 plan
    says_error "Rancher's setting agent.instance.image.uuid is 'docker:mine:1' (from: Database)"
    says_error "-X DELETE $url/v1/settings/1as!agent.instance.image.uuid"
}

@test "a server that does not tell hosts the new images fails the check" {
    server_start v1.0.2
    seed '{}'
    steps inventory
    steps 13 settings
    says_error "bootstrap.required.image is '$old_agent'"
    setting bootstrap.required.image "$new_agent"
    steps 13 settings
    says_error "agent.instance.image is '$old_instance'"
}

@test "an empty database is told from the Rancher of before" {
    server_start v1.0.1
    seed '{}'
    steps inventory
    process_stop sim
    rm -rf "$root/var/lib/mysql"
    server_start v1.0.2
    steps 13 same
    says_error "it came up with an empty database"
    says_error "drover rollback"
}

@test "a host that does not come back is named, with what to do on it" {
    server_start v1.0.1
    seed '{"hosts": [{"name": "a"}, {"name": "b"}]}'
    steps inventory
    faults '{"hostReconnectsNever": {"host": "b"}}'
    process_stop sim
    DROVER_TEST_SCALE=0.002 server_start v1.0.2
    DROVER_TEST_SCALE=0.002 steps 11 agents
    says_error "1 host is not back"
    says_error "among them 'b'"
    says_error "docker restart rancher-agent"
}

# ---------------------------------------------------------------- keys

@test "keys: none where one is needed, an environment's, an admin's" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "lb", "hosts": ["node1"]}],
        "projects": [{"name": "Second", "hosts": 1}, {"name": "Asleep", "state": "inactive",
        "hosts": 1}]}'
    curl -sf -d '{"enabled": true, "keys": [{"public": "e", "secret": "s", "kind": "environment",
        "projectId": "1a5"}, {"public": "a", "secret": "s", "kind": "admin"}]}' "$url/sim/access"
    steps 5 inventory
    says_error "Rancher wants an API key"
    says_error RANCHER_ACCESS_KEY
    export RANCHER_SECRET_KEY=s RANCHER_ACCESS_KEY=wrong
    steps 5 inventory
    says_error "does not know this API key"
    export RANCHER_ACCESS_KEY=e
    steps version inventory
    says " environment"
    jq -e '.unseen | length == 2' "$journal/inventory.json"
    finishes
    [ "$(images)" = "[[\"docker:$new_instance\",3],[\"docker:$old_instance\",2]]" ]
    export RANCHER_ACCESS_KEY=a
    steps version inventory plan
    says " admin"
    finishes
    says_error "environment Asleep was left alone"
    [ "$(images)" = "[[\"docker:$new_instance\",4],[\"docker:$old_instance\",1]]" ]
    [ "$(requests '[.[] | select(.project == "1a7" or .status == 403)] | length')" -eq 0 ]
    # Nothing is written outside a project.
    [ "$(requests '[.[] | select(.method != "GET" and .project == null and
        (.path | startswith("/v1/settings") | not))] | length')" -eq 0 ]
}

# ---------------------------------------------------------------- trouble on the way

@test "a new network agent that cannot start: one host, no churn, the way out, then on" {
    upgraded '{}'
    faults '{"imageMissing": {"host": "node2"}, "pullFails": {"host": "node2",
        "text": "no route to host"}}'
    steps 11 netagents
    says_error "network agent on node1: removed, new one running"
    says_error "the network agent of host 'node2' did not come back"
    says_error "no further host is touched"
    no_helper_is_left
    [ "$(state '.counters.networkAgentChurn')" -le 8 ]
    [ "$(state '[.instances[] | select(.systemContainer == "NetworkAgent" and .hostId == "1h3" and
        .state == "running")] | length')" -eq 1 ]
    faults '{"imageMissing": false, "pullFails": false}'
    finishes
    all_new 8
}

@test "a quiet host: the first start fails, the helper's start brings the next" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "lb", "hosts": ["node1"]}]}'
    faults '{"agentStartFails": {"host": "node1", "count": 2}}'
    finishes
    all_new 3
}

@test "409 storms, cut connections and 503 on the way change nothing" {
    upgraded '{}'
    faults '{"conflictStorm": {"count": 3}, "serverErrors": {"count": 1},
        "dropConnections": {"count": 1}}'
    finishes
    all_new 8
}

@test "answers that get lost in the middle: nothing is done twice" {
    upgraded '{"hosts": 3}'
    "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" netagents 3>&- &
    local run=$!
    sleep 0.15
    faults '{"dropConnections": {"count": 4}}'
    wait "$run"
    finishes
    all_new 3
}

@test "an API that restarts in the middle is waited for" {
    upgraded '{}'
    "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" netagents 3>&- &
    local run=$!
    sleep 0.3
    faults '{"apiRestart": {"seconds": 20}}'
    wait "$run"
    finishes
    all_new 8
}

@test "a host that dies in the middle stops the run; back again, the next run ends it" {
    upgraded '{}'
    faults '{"hostDiesAfterWrites": {"host": "node2", "writes": 6}}'
    steps 11 netagents
    says_error "node2"
    faults '{"hostAway": false, "hostDiesAfterWrites": false}'
    wait_until 20 eval '[[ $(state ".hosts[1]._connected") == true ]]'
    finishes
    all_new 8
}

@test "an old network agent stuck in removing does not keep its host without a new one" {
    upgraded '{"hosts": 2}'
    faults '{"stuckRemoving": {"host": "node1", "systemContainer": "NetworkAgent"}}'
    steps netagents
    says_error "going on, since it has stopped"
    steps prove # the old one still hangs there
    faults '{"stuckRemoving": false}'
    finishes
}

@test "Ctrl-C: the host is finished first, the next run goes on" {
    upgraded '{}'
    "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" netagents balancers \
        2>"$BATS_TEST_TMPDIR/talk" 3>&- &
    local run=$! stopped=0
    wait_until 20 eval '(( $(writes) >= 2 ))'
    kill -s INT "$run"
    wait "$run" || stopped=$?
    cat "$BATS_TEST_TMPDIR/talk"
    [ "$stopped" -eq 12 ]
    [ "$(state '[.instances[] | select(.systemContainer == "NetworkAgent" and
        .state == "running")] | length')" -eq 3 ]
    no_helper_is_left
    finishes
    all_new 8
}

@test "kill -9 at any moment, then the same command: the same end" {
    upgraded '{}'
    process_stop sim
    cp -a "$root" "$BATS_TEST_TMPDIR/before"
    cp "$journal/inventory.json" "$BATS_TEST_TMPDIR"
    for moment in 0.03 0.2 0.4 0.7 1.0; do
        rm -rf "$root" "$journal"
        cp -a "$BATS_TEST_TMPDIR/before" "$root"
        mkdir "$journal"
        cp "$BATS_TEST_TMPDIR/inventory.json" "$journal"
        server_start v1.0.2
        timeout -s KILL "$moment" "$STEPS_BINARY" "$journal" "$url" "$new_agent" \
            "$new_instance" netagents balancers || [ "$?" -eq 137 ] || [ "$?" -eq 0 ]
        finishes
        [ "$(images)" = "[[\"docker:$new_instance\",8]]" ]
        no_helper_is_left
        jq -e '[.network_agents[], .balancers[]] | all(.after != null)' "$journal/report.json"
        process_stop sim KILL
    done
}

# ---------------------------------------------------------------- balancers

@test "balancers: scale 1, N and global are rolled; what must not be touched is reported" {
    upgraded '{"hosts": 3, "services": [{"name": "web", "scale": 2}], "certificates": ["c"],
        "loadBalancers": [
        {"name": "one", "hosts": ["node1"], "ports": ["80:80"]},
        {"name": "two", "scale": 2, "hosts": ["node1", "node2"], "ports": ["81:80"],
         "certificates": ["c"], "links": [{"service": "web", "ports": ["a.com:81/x=8080"]}]},
        {"name": "all", "global": true, "ports": ["82:80"]},
        {"name": "pin", "imageUuid": "docker:rancher/agent-instance:v0.8.1"},
        {"name": "idle", "state": "inactive"}, {"name": "half", "state": "upgraded"}]}'
    finishes
    says_error "balancer Default/pin is left alone: its launch configuration names the image"
    says_error "balancer Default/idle is left alone: it is inactive"
    says_error "balancer Default/half is left alone: its state is 'upgraded'"
    one_at_a_time
    [ "$(images)" = "[[\"docker:$new_instance\",9],[\"docker:$old_instance\",3]]" ]
    jq -e '[.left_alone[].object] | length == 3' "$journal/report.json"
    # A second run reports the same, and writes nothing.
    local before
    before=$(writes)
    finishes
    [ "$(writes)" -eq "$before" ]
    jq -e '[.left_alone[].object] | length == 3' "$journal/report.json"
}

@test "an instance that moves to another host is reported" {
    upgraded '{"hosts": 3, "loadBalancers": [{"name": "lb", "hosts": ["node1"]}]}'
    faults '{"lbMoves": {"count": 1}}'
    finishes
    says_error "balancer instance Default_lb_1 moved from host node1 to node3"
    jq -e '.proof.ok and (.proof.changed | length > 0)' "$journal/report.json"
}

@test "an instance in error (1.1) is removed so that a new one comes" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "lb", "hosts": ["node1"]}]}' v1.1.4
    faults '{"lbError": {"count": 1}}'
    steps 11 netagents
    says_error "did not come back"
    says_error "cannot allocate memory"
    finishes
    says_error "is in error"
    [ "$(images)" = "[[\"docker:$new_instance\",3]]" ]
}

@test "a balancer that does not get healthy stops the run before its second instance" {
    upgraded '{"hosts": 2, "loadBalancers": [{"name": "lb", "scale": 2,
        "hosts": ["node1", "node2"]}]}'
    faults '{"lbNeverHealthy": {"host": "node1"}}'
    steps 11 netagents balancers
    says_error "its health is 'initializing'"
    says_error "UDP 500 and 4500"
    [ "$(state '[.instances[] | select(.systemContainer == "LoadBalancerAgent" and
        .healthState == "healthy" and .state == "running")] | length')" -eq 1 ]
    faults '{"lbNeverHealthy": false}'
    finishes
    all_new 4
}

@test "the proof finds what is not as it was" {
    upgraded '{}'
    steps netagents balancers
    curl -sf -X PUT -d '{"scale": 1}' "$url/v1/projects/1a5/loadbalancerservices/1s3" >/dev/null
    wait_until 20 eval '[[ $(state ".services[2].state") == \"active\" ]]'
    steps 13 prove
    says_error "balancer shop/lb: its scale is not what it was"
    jq -e '.proof.ok == false' "$journal/report.json"
}

# ---------------------------------------------------------------- size

@test "500 hosts and 1000 balancers: looked at and planned in 5 s with few requests" {
    server_start v1.0.1
    seed '{"hosts": 500, "loadBalancers": 1000, "services": 200}'
    local before=$SECONDS
    steps inventory plan
    ((SECONDS - before <= 5 * ${DROVER_TEST_SLOW:-1}))
    [ "$(requests length)" -lt 100 ]
    [ "$(jq length <<<"$output")" -eq 1504 ]
    [ "$(writes)" -eq 0 ]
}

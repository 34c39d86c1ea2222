#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Load balancers of every kind, several at once, pinned ones, what the operator may wish otherwise,
# and traffic through them while they are replaced; against the simulator, as rancher.bats.
#
# shellcheck disable=SC2030,SC2031,SC2154 # bats: a subshell per test, and it sets status and stderr

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
    state "[.services[] | select(.name == \"$1\" and .removed == null) | .id] as \$ids |
        [.instances[] | select((.serviceId as \$s | \$ids | index(\$s)) and .removed == null) |
         .imageUuid] | unique"
}

# ---------------------------------------------------------------- several at once

@test "twelve balancers: four at once, never two instances of one, faster than one after the other" {
    upgraded '{"hosts": 6, "loadBalancers": 12}'
    steps netagents
    local begin=$EPOCHREALTIME
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

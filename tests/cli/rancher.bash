# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For bats files that run steps of drover's Rancher half (rancher_steps.c) against the simulator as
# a process: after "load common" and "load rancher" they have a registry that stands for Docker Hub
# ($hub), one of the site ($site) with the same small images, and the functions below.
#
# shellcheck disable=SC2034,SC2154 # bats sets status, output and stderr, its files read what is set here

: "${SIM_BINARY:?}" "${STEPS_BINARY:?}"

setup_file() {
    harness_begin
    export DROVER_TEST_SCALE=0.02
    hub=$(registry_start hub)
    site=$(registry_start site)
    export hub site old_agent=rancher/agent:v1.0.1 old_instance=rancher/agent-instance:v0.8.1
    export new_agent=$site/rancher/agent:v1.0.1 new_instance=$site/rancher/agent-instance:v0.8.1
    local name
    for name in "$old_agent" "$old_instance"; do
        make_image "$hub" "$name" --layers 4096 >/dev/null
        make_image "$site" "$name" --layers 4096 >/dev/null
    done
}

teardown_file() {
    harness_end
}

setup() {
    port=$(free_port 18080)
    url=http://127.0.0.1:$port
    root=$BATS_TEST_TMPDIR/root
    journal=$BATS_TEST_TMPDIR/journal
    mkdir -p "$root/usr/share/cattle" "$journal"
}

teardown() {
    process_stop sim KILL
}

# ---------------------------------------------------------------- the server

# server_start VERSION [VARIABLE=VALUE…]
server_start() {
    echo "$1" >"$root/usr/share/cattle/version"
    process_start sim env RANCHER_SIM_ROOT="$root" RANCHER_SIM_PORT="$port" \
        RANCHER_SIM_DOCKERHUB="$hub" CATTLE_RANCHER_SERVER_IMAGE="$1" "${@:2}" \
        "$SIM_BINARY" s6-svscan
    wait_until 20 pongs
}

pongs() {
    [[ $(curl -s "$url/ping") == pong ]]
}

seed() { curl -sf -d "$1" "$url/sim/seed" >/dev/null; }
faults() { curl -sf -d "$1" "$url/sim/faults" >/dev/null; }
state() { curl -sf "$url/sim/state" | jq -c "$1"; }
requests() { curl -sf "$url/sim/requests" | jq -c "$1"; }
setting() {
    curl -sf -X PUT -d "{\"value\":\"$2\"}" "$url/v1/settings/$1" >/dev/null
}

# upgraded SEED [VERSION]: a site that runs the old images, seen by drover, on a server that tells
# hosts to run the new ones and that they have found again.
upgraded() {
    server_start "${2:-v1.0.2}"
    seed "$1"
    steps inventory
    setting agent.instance.image "$new_instance"
    setting bootstrap.required.image "$new_agent"
}

# steps [STATUS] STEP…
steps() {
    local expected=0
    if [[ $1 =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    run --separate-stderr "$STEPS_BINARY" "$journal" "$url" "$new_agent" "$new_instance" "$@"
    if ((status != expected)); then
        printf 'steps %s ended with %s, not %s\n%s\n%s\n' "$*" "$status" "$expected" "$output" \
            "$stderr"
        return 1
    fi
}

# ---------------------------------------------------------------- what must hold

writes() { requests '[.[] | select(.method != "GET" and (.path | startswith("/v1/settings") | not))] | length'; }

images() { # of all network agents and balancer instances that live
    state '[.instances[] | select(.systemContainer != null and .removed == null) | .imageUuid] |
        group_by(.) | map([.[0], length])'
}

no_helper_is_left() {
    wait_until 5 no_helper_is_there
}

no_helper_is_there() {
    [[ $(state '[.instances[] | select(.removed == null and
        ((.name // "") | startswith("drover-")))] | length') == 0 ]]
}

# Nobody ever stopped anything, and no more than one host was without its network agent, nor more
# than one instance of a balancer away, at any moment.
one_at_a_time() {
    [[ $(requests '[.[] | select((.query // "") | test("action=(stop|remove|restart)"))] |
        length') == 0 ]]
    curl -sf "$url/sim/events" | jq -e '
        reduce (.[] | select(.event == "state" and .systemContainer != null)) as $e
            ({down: {}, most: 0};
             ($e.systemContainer + ":" + ($e.serviceId // "")) as $group |
             ($e.hostId + ":" + $e.name) as $who |
             if $e.to == "stopping" and $e.from == "running" then .down[$group][$who] = true
             elif $e.to == "running" and $e.systemContainer == "LoadBalancerAgent"
                 then .down[$group] = {}
             elif $e.to == "running" then del(.down[$group][$who])
             else . end |
             .most = ([.most, ([.down[] | length] | max // 0)] | max)) |
        .most <= 1'
}

all_new() {
    local count=$1
    [[ $(images) == "[[\"docker:$new_instance\",$count]]" ]]
    no_helper_is_left
    one_at_a_time
}

finishes() { # the whole second half, and the proof
    steps netagents balancers prove
    says_error "are well"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `drover apply --only ...` and the options for the Rancher half, as whole commands against the
# simulator as a process. There is no engine: DOCKER_HOST leads nowhere.
#
# shellcheck disable=SC2030,SC2031,SC2154 # bats: a subshell per test, and it sets status and stderr

load common
load rancher

setup() {
    port=$(free_port 18080)
    url=http://127.0.0.1:$port
    root=$BATS_TEST_TMPDIR/root
    journal=$BATS_TEST_TMPDIR/journal
    mkdir -p "$root/usr/share/cattle" "$journal"
    export DOCKER_HOST=tcp://127.0.0.1:1
    if [[ ! -e $BATS_FILE_TMPDIR/bundle ]]; then
        cd "$BATS_FILE_TMPDIR" || return
        make_release "$hub" >/dev/null
        "$DROVER" key new -o site.key --no-passphrase
        "$DROVER" bundle v1.0.2 --from "$hub" -o bundle --key site.key
        "$DROVER" mirror bundle "$site" --pubkey site.pub
    fi
}

# only [STATUS] PARTS [OPTION…]
only() {
    local expected words
    take_status "$@"
    drover "$expected" apply "$BATS_FILE_TMPDIR/bundle" --registry "$site" --pubkey \
        "$BATS_FILE_TMPDIR/site.pub" --state-dir "$BATS_TEST_TMPDIR/state" --rancher-url "$url" \
        --only "${words[@]}"
}

site_by_hand() { # somebody upgraded the server
    server_start v1.0.2
    seed "$1"
    setting agent.instance.image "$new_instance"
    setting bootstrap.required.image "$new_agent"
}

@test "--only: the server was upgraded by other means; a dry run writes nothing; then all of it" {
    site_by_hand '{}'
    only network-agents,load-balancers --dry-run
    says "replace $old_instance"
    says "replace 2 of 2 instances, one at a time"
    [ "$(writes)" -eq 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/state/apply.json" ]
    only 9 network-agents,load-balancers
    says_error "nothing was changed: there is no terminal to ask on; --yes says yes"
    [ "$(writes)" -eq 0 ]
    only agents
    only 13 verify
    says_error "proof: 0 of 8"
    only network-agents --yes
    says_error "network agent on node3: removed, new one running after"
    says "the whole not proved: --only verify does"
    only load-balancers --yes --parallel 1
    all_new 8
    only verify
    only network-agents,load-balancers --yes
}

@test "--only: the wrong release, unknown parts, no address, settings that bring the old images" {
    server_start v1.0.1
    seed '{"hosts": 1}'
    only 9 network-agents --yes
    says_error "is 'v1.0.1' and the bundle holds 'v1.0.2'"
    only 2 network --yes
    says_error "--only 'network': there are agents, network-agents, load-balancers and verify"
    process_stop sim
    server_start v1.0.2
    only 13 network-agents --yes
    says_error "bootstrap.required.image is"
    [ "$(writes)" -eq 0 ]
    run --separate-stderr "$DROVER" apply "$BATS_FILE_TMPDIR/bundle" --registry "$site" --pubkey \
        "$BATS_FILE_TMPDIR/site.pub" --state-dir "$BATS_TEST_TMPDIR/s" --only verify
    [ "$status" -eq 2 ]
    says_error "--rancher-url http://HOST:PORT"
}

@test "--only: a host that was away, finished later; kill -9 and the same command again" {
    site_by_hand '{"hosts": 4, "loadBalancers": [{"name": "lb", "hosts": ["node1"]}]}'
    printf 'node4\nnode3\n' >order
    DROVER_TEST_KILL=prepull:done only 137 network-agents,load-balancers --yes --host-order order \
        --skip-host node2
    only 9 verify
    says_error "something else was begun at"
    only 9 network-agents,load-balancers --yes --map rancher=elsewhere
    says_error "something else was begun at"
    url=http://127.0.0.2:$port only 9 network-agents,load-balancers --yes
    says_error "was begun with Rancher at '$url', and now 'http://127.0.0.2:$port' is given"
    drover status --state-dir "$BATS_TEST_TMPDIR/state"
    says "Parts of Rancher v1.0.2 alone (--only network-agents,load-balancers), begun at "
    says "  done   pull agent and agent-instance on every host"
    says "  next   replace the network agents, host by host"
    says "--registry $site --only network-agents,load-balancers (with"
    only network-agents,load-balancers --yes --host-order order --skip-host node2
    says "left alone"
    says "--only network-agents,load-balancers"
    [ "$(jq -c '[.report.network_agents[].host]' "$BATS_TEST_TMPDIR"/state/apply-*.json)" = \
        '["node4","node3","node1"]' ]
    only network-agents,load-balancers --yes
    all_new 5
}

@test "--only: a second one at the same Rancher is refused, whatever state folder, address and parts it has; looking is not" {
    cd "$BATS_TEST_TMPDIR"
    site_by_hand '{"hosts": 2}'
    faults '{"slowTransitions": {"factor": 20}}'
    "$DROVER" apply "$BATS_FILE_TMPDIR/bundle" --registry "$site" --pubkey "$BATS_FILE_TMPDIR/site.pub" --state-dir \
        "$BATS_TEST_TMPDIR/first" --rancher-url "http://127.0.0.2:$port" --only network-agents --yes >out 2>&1 3>&- &
    child=$!
    wait_until 20 eval '[[ $(jq ".report.network_agents | length" first/apply.json 2>/dev/null) == 1 ]]'
    before=$(requests '[.[] | select(.method == "DELETE")] | length')
    only 9 network-agents,load-balancers --yes
    says_error "another drover on this machine is at work in the environment 'Default' of this Rancher; wait for it to end"
    [ ! -e "$BATS_TEST_TMPDIR/state/apply.json" ]
    [ "$(requests '[.[] | select(.method == "DELETE")] | length')" = "$before" ]
    only network-agents --dry-run
    only 13 verify
    faults '{"slowTransitions": false}'
    wait "$child"
    only verify
}

@test "options that make no sense are refused before anything is looked at" {
    only 2 verify --pinned maybe
    says_error "--pinned is report, recreate or upgrade"
    only 2 verify --parallel 1000
    server_start v1.0.2
    only 9 verify --rancher-keys /etc/passwd
    says_error "others may read the API keys"
}

@test "Rancher behind TLS with a CA of the site's own: --rancher-ca-cert; without it nothing is believed" {
    site_by_hand '{"hosts": 2}'
    cd "$BATS_TEST_TMPDIR"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=site \
        -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out ca.pem 2>/dev/null
    tls=$(odd none "127.0.0.1:$port" ca.pem key.pem)
    url=https://$tls
    only 4 verify
    says_error "--rancher-ca-cert"
    only 13 verify --rancher-ca-cert ca.pem
    says_error "proof: 0 of 2"
}

@test "--report: names from outside stay text; what was moved, left out and not seen is told" {
    bad='<script>alert(1)</script>&"'"'"'</td>'
    site_by_hand "$(jq -n --arg bad "$bad" '{hosts: [{name: $bad}, {name: "node2"}, {name: "gone"}],
        loadBalancers: [{name: "lb", stack: $bad, hosts: ["node2"], ports: ["80:80"]}],
        projects: [{name: ("E" + $bad), hosts: [{name: "far"}]}, {name: "I&", state: "inactive"}]}')"
    faults '{"lbMoves": {"count": 1}}'
    only network-agents,load-balancers --yes --skip-host gone --report report.html
    page report.html
    says "Done and proved"
    says "$bad | Default | "
    says "network agent | far | far | E$bad | "
    says "network agent on gone | --skip-host; to finish it: drover apply"
    says "environment I& | its state is 'inactive'"
    says "moved from host node2 to"
    says "public endpoints were 10.0.0.12:80 and are 10.0.0."
    run ! grep -iE '<script|</td></td>|alert\(1\)</' report.html
    only network-agents,load-balancers --yes --report r2.html --json
    jq -e '(.left_out | map(.object)) == ["environment I&"] and .ok and .headline == "Done and proved" and (.network_agents | map(.host)) == ["gone"] and
        (.timeline | map(.at_seconds) | . == sort)' <<<"$output"
}

@test "--report: of a plan, of a proof that fails, of a run that was killed; where it can't be written nothing begins" {
    site_by_hand '{"hosts": 2, "loadBalancers": [{"name": "lb", "scale": 2, "hosts": ["node1", "node2"]}]}'
    only 3 network-agents,load-balancers --yes --report /nowhere/report.html
    says_error "--report: create '/nowhere/report.html': No such file or directory"
    only 3 network-agents,load-balancers --yes --report "$BATS_TEST_TMPDIR"
    says_error "is a folder, no file"
    cd "$BATS_TEST_TMPDIR"
    echo secret >site.key
    ln -s site.key link.html
    only 9 network-agents,load-balancers --yes --report site.key
    says_error "'$PWD/site.key' exists and is no report of drover"
    only 9 network-agents,load-balancers --yes --report link.html
    [ "$(cat link.html)" = secret ]
    [ "$(writes)" -eq 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/state" ]
    mkdir -m 700 state
    ln -s state other-name
    for name in state/apply.json other-name/lock state/apply-20160526T181338Z-finished.json; do
        only 9 network-agents,load-balancers --dry-run --report "$name"
        says_error "--report: '$PWD/$name' is in the state folder, where only names that end in .html are free"
    done
    drover 9 status --state-dir state --report state/state.json
    says_error "where only names that end in .html are free"
    [ -z "$(ls -A state)" ]
    : >report.html
    only network-agents,load-balancers --dry-run --report report.html
    page report.html
    says "What will be done, in this order"
    says "balancer Default/lb (Default) | replace 2 of 2 instances, one at a time"
    only 13 verify --report report.html --json
    [ "$(jq -c '[.outcome, .ok, .failure.status, (.proof.failed | length > 0)]' <<<"$output")" = \
        '["failed",false,13,true]' ]
    page report.html
    says "Done, but the proof found something wrong"
    says "the network agent of host node1 runs $old_instance"
    says "0 of 4"
    faults '{"slowTransitions": {"factor": 20}}'
    "$DROVER" apply "$BATS_FILE_TMPDIR/bundle" --registry "$site" --pubkey "$BATS_FILE_TMPDIR/site.pub" --state-dir \
        "$BATS_TEST_TMPDIR/state" --rancher-url "$url" --only load-balancers --yes >out 2>&1 3>&- &
    child=$!
    wait_until 20 eval '[[ $(jq ".report.balancers | length" state/apply.json 2>/dev/null) == 1 ]]'
    kill -KILL "$child"
    wait "$child" || true
    faults '{"slowTransitions": false}'
    drover 9 apply "$BATS_FILE_TMPDIR/bundle" --registry "$site" --pubkey "$BATS_FILE_TMPDIR/site.pub" --state-dir \
        "$BATS_TEST_TMPDIR/state" --yes --rancher-url "$url"
    says_error "parts of Rancher alone (--only) were begun"
    wait_until 20 eval '[[ $(images) == *"$new_instance"* ]]'
    only load-balancers --yes --report report.html
    says "at most"
    page report.html
    says "continued, after drover had been cut off"
    says "at most"
    says "Done; the whole was not proved"
}

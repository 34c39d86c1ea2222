#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover doctor: a healthy host, then each defect by itself: it is found, alone, and told how to mend; nothing is changed.
# needs: images

# shellcheck disable=SC2030,SC2031,SC2154 # each test has its own environment

load common
load server
: "${harness_helpers:?}" "${IMAGES:?}" # from common, from ctest

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    state=$BATS_TEST_TMPDIR/state
    docker inspect rancher >/dev/null 2>&1 || server
}

# The server serves all tests; those that hurt it remove it.
teardown() {
    docker unpause rancher >/dev/null 2>&1 || true
}

# doctor [STATUS] [OPTION…]: with the bundle and all that apply would get.
doctor() {
    local expected=0
    if [[ ${1-} =~ ^[0-9]+$ ]]; then expected=$1 && shift; fi
    drover "$expected" doctor "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --json "$@"
}

# one RESULT CHECK TEXT: just this one of its kind.
one() {
    if [[ $(jq -r --arg result "$1" '[.findings[] | select(.result == $result) | .check] | join(" ")' <<<"$output") != "$2" ]] ||
        [[ $(jq -r --arg result "$1" '.findings[] | select(.result == $result) | .text' <<<"$output") != *"$3"* ]]; then
        printf 'not just the %s %s: %s\n%s\n' "$1" "$2" "$3" "$output"
        return 1
    fi
}

finds() { # RESULT CHECK TEXT, among others
    jq -e --arg result "$1" --arg check "$2" --arg text "$3" 'any(.findings[];
        .result == $result and .check == $check and (.text | contains($text)))' <<<"$output" || { echo "$output"; return 1; }
}

@test "a healthy host: everything is ok, and nothing was changed" {
    facts=$(engine_facts)
    requests=$(curl -sf http://127.0.0.1:8080/sim/requests | jq length)
    doctor
    [ "$(jq -c '[.problems, .warnings]' <<<"$output")" = '[0,0]' ]
    for check in trust clock state bundle registry engine images server database rancher 'rancher key' hosts plan; do
        finds ok "$check" ''
    done
    finds ok server "container 'rancher', Rancher v1.0.1 from rancher/server:v1.0.1"
    finds ok bundle "Rancher v1.0.2, created "
    finds ok hosts "1 environment, 3 hosts, 3 network agents, 2 load balancers"
    finds ok plan "v1.0.1 to v1.0.2"
    says_error "nothing is in the way"
    drover doctor "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" --state-dir "$state"
    says "ok  registry"
    [ "$(engine_facts)" = "$facts" ]
    [ ! -e "$state" ]
    [ "$(curl -sf "http://127.0.0.1:8080/sim/requests?from=$requests" |
        jq '[.[] | select(.method != "GET")] | length')" -eq 0 ]
}

@test "without a bundle and a registry the rest is looked at, and that is told" {
    drover doctor --pubkey "$files/site.pub" --json
    [ "$(jq -r '[.findings[] | select(.result == "warning") | .check] | join(" ")' <<<"$output")" = "bundle registry" ]
    finds ok database "its copy goes to /var/lib/drover/backups/"
    drover 2 doctor "$files/v1.0.2.bundle" --pubkey "$files/site.pub"
    says_error "--registry"
}

@test "the registry: silent, without the bundle, with a certificate of its own, with a login" {
    doctor 9 --registry 127.0.0.1:9
    one problem registry "127.0.0.1:9"
    doctor 9 --registry "$site/elsewhere"
    one problem registry "push it with 'drover mirror"
    says_error "1 problem (listed above)"
    registry_start closed --tls --htpasswd joe:secret >/dev/null
    closed=$(registry_address closed)
    doctor 9 --registry "closed.test:${closed#*:}"
    one problem registry "certificate"
    doctor 9 --registry "closed.test:${closed#*:}" --ca-cert "$(registry_ca closed)"
    one problem registry "login"
    docker --config login login -u joe -p wrong "$closed" 2>/dev/null || true
    mkdir -p login
    printf '{"auths": {"closed.test:%s": {"auth": "%s"}}}' "${closed#*:}" "$(printf joe:secret | base64)" >login/config.json
    DOCKER_CONFIG=$PWD/login drover doctor --registry "closed.test:${closed#*:}" --ca-cert "$(registry_ca closed)" \
        --pubkey "$files/site.pub" --json
    finds ok registry "takes the login"
    DOCKER_CONFIG=$PWD/login drover doctor --registry "closed.test:${closed#*:}" --insecure-registry "closed.test:${closed#*:}" \
        --pubkey "$files/site.pub" --json
    finds warning registry "without a verified certificate"
    registry_stop closed
}

@test "trust: no key, the wrong key, a revoked one, a folder that others can write, a clock that is behind" {
    drover 9 doctor --json
    one problem trust "--pubkey FILE is needed"
    doctor --pubkey "$files/other.pub" # besides the right one
    finds ok trust "2 keys named by --pubkey or settings, 1 must have signed"
    drover 9 doctor "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/other.pub" --state-dir "$state" --json
    one problem bundle "signature"
    mkdir -p trust/trust.d trust/revoked.d
    cp "$files/site.pub" trust/trust.d
    drover 9 doctor "$files/v1.0.2.bundle" --registry "$site" --trust-dir trust --state-dir "$state" --json
    one problem bundle "first-import"
    finds warning trust "no bundle of channel 'default' was taken here yet"
    drover doctor "$files/v1.0.2.bundle" --registry "$site" --trust-dir trust --state-dir "$state" --first-import --json
    finds ok trust "1 key in trust/trust.d (0 revoked), 1 must have signed, channel 'default'"
    drover mirror "$files/v1.0.2.bundle" "$site" --trust-dir trust --state-dir "$state" --first-import
    drover doctor "$files/v1.0.2.bundle" --registry "$site" --trust-dir trust --state-dir "$state" --json
    finds ok trust "last one taken at "
    jq '.channels[].imported = "2222-02-22T22:22:22Z"' "$state/state.json" >new && cat new >"$state/state.json"
    drover 9 doctor --trust-dir trust --state-dir "$state" --json
    one problem clock "set its clock"
    touch "trust/revoked.d/$("$DROVER" key id "$files/site.pub")"
    drover 9 doctor --trust-dir trust --state-dir "$state" --json
    one problem trust "no public key that counts"
    rm trust/revoked.d/*
    chmod o+w trust/trust.d
    drover 9 doctor --trust-dir trust --state-dir "$state" --json
    one problem trust "can be written by others"
}

@test "the bundle: changed, or no release, or soon too old" {
    "$DROVER" bundle v1.0.2 --from "$hub" -o soon.tar --key "$files/site.key" --expires 2d
    drover mirror soon.tar "$site/soon" --pubkey "$files/site.pub"
    drover doctor soon.tar --registry "$site/soon" --pubkey "$files/site.pub" --state-dir "$state" --json
    one warning bundle "be done by then"
    mkdir -p trust/trust.d
    cp "$files/site.pub" trust/trust.d
    echo 'max_age = 3d' >trust/channel.conf
    drover doctor "$files/v1.0.2.bundle" --registry "$site" --trust-dir trust --first-import --state-dir "$state" --json
    one warning bundle "be done by then"
    cp "$files/v1.0.2.bundle" bad.tar
    printf X | dd of=bad.tar bs=1 seek=$(($(stat -c %s bad.tar) / 2)) conv=notrunc status=none
    drover 9 doctor bad.tar --registry "$site" --pubkey "$files/site.pub" --state-dir "$state" --json
    one problem bundle "was changed"
    "$DROVER" bundle "$hub/rancher/agent:v1.0.1" -o plain.tar --key "$files/site.key"
    drover 9 doctor plain.tar --registry "$site" --pubkey "$files/site.pub" --state-dir "$state" --json
    one problem bundle "no Rancher release"
}

@test "the engine: not there, or with too little room for images" {
    DOCKER_HOST=unix:///run/nowhere.sock doctor 9 --rancher-url http://127.0.0.1:8080
    one problem engine "/run/nowhere.sock"
    mkdir -p "$HARNESS_DIR/engine/small/data"
    mount -t tmpfs -o size=24M tmpfs "$HARNESS_DIR/engine/small/data"
    socket=$(engine_start small)
    dd if=/dev/zero of="$HARNESS_DIR/engine/small/data/fill" bs=64K status=none 2>/dev/null || true
    DOCKER_HOST=unix://$socket doctor 9 --rancher-url http://127.0.0.1:8080
    finds problem images "make room there"
    finds problem server "no container on this engine is a Rancher server"
    engine_end small
}

@test "the database: no room for its copy, a lock on its change log" {
    mkdir small
    mount -t tmpfs -o size=1M tmpfs small
    doctor 9 --backup-dir "$PWD/small"
    umount small
    one problem database "make room, or name another place"
    curl -sf -X POST http://127.0.0.1:8080/sim/lock -d '{"by": "old-server (172.17.0.2)"}'
    doctor 9
    one problem database "old-server (172.17.0.2)"
    curl -sf -X POST http://127.0.0.1:8080/sim/lock -d '{}'
    doctor
}

@test "Rancher: silent, at another address, without a key, with an environment's key" {
    doctor 9 --rancher-url http://127.0.0.1:9
    one problem rancher "no Rancher answers"
    doctor 9 --rancher-url "http://$site"
    one problem rancher "not pong"
    curl -sf -X POST http://127.0.0.1:8080/sim/access -d '{"enabled": true, "keys": [
        {"public": "ADMIN", "secret": "s1", "kind": "admin"},
        {"public": "ENV", "secret": "s2", "kind": "environment", "projectId": "1a5"}]}'
    doctor 9
    one problem "rancher key" "RANCHER_ACCESS_KEY"
    RANCHER_ACCESS_KEY=ADMIN RANCHER_SECRET_KEY=wrong doctor 9
    one problem "rancher key" ""
    RANCHER_ACCESS_KEY=ADMIN RANCHER_SECRET_KEY=s1 doctor
    finds ok "rancher key" "an admin's"
    [[ $output != *s1* ]]
    RANCHER_ACCESS_KEY=ENV RANCHER_SECRET_KEY=s2 run --separate-stderr "$DROVER" doctor --pubkey "$files/site.pub" --json
    finds warning "rancher key" "an environment's"
    curl -sf -X POST http://127.0.0.1:8080/sim/access -d '{"enabled": false}'
}

@test "hosts that are away are told, and go on being told until they are back" {
    curl -sf -X POST http://127.0.0.1:8080/sim/faults -d '{"hostAway": {"host": "node2"}}'
    lost() { "$DROVER" doctor --pubkey "$files/site.pub" --json 2>/dev/null | jq -e 'any(.findings[];
        .result == "warning" and .check == "hosts" and (.text | contains("host '"'node2'"' in '"'Default'"'")))'; }
    wait_until 20 lost
    curl -sf -X POST http://127.0.0.1:8080/sim/faults -d '{"hostAway": false}'
    back() { ! lost; }
    wait_until 20 back
}

@test "the server: stopped, or with a link to something that is" {
    docker stop -t 1 rancher >/dev/null
    doctor 9
    finds problem server ''
    docker rm -f -v rancher >/dev/null
    docker run -d --name memcache "$hub/rancher/server:v1.0.2" sleep 1000
    server --link memcache
    docker stop -t 1 memcache
    doctor 9
    one problem database "'memcache', which does not run"
    docker rm -f -v rancher memcache >/dev/null
}

@test "an upgrade that is not finished is told, and one that is done" {
    DROVER_TEST_KILL=pull:done apply 137
    doctor
    one warning state "'drover status' tells how to go on"
    apply
    doctor
    finds ok plan "nothing to do"
}

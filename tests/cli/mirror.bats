#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover mirror: a bundle into a real registry, and everything that can go wrong on the way.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_release "$hub"
    cd "$BATS_FILE_TMPDIR" || return
    export files=$BATS_FILE_TMPDIR
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" key new -o other.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o b.tar --key site.key
    make_image "$hub" large/image:1 --layers 12M --seed large
    "$DROVER" bundle large/image:1 --from "$hub" -o large.tar --key site.key
}

teardown_file() {
    harness_end
}

# A registry of its own for each test.
setup() {
    own_registry
}

teardown() {
    registry_stop "$name"
}

# mirror [STATUS] REGISTRY [OPTION…]
mirror() {
    local expected words
    take_status "$@"
    drover "$expected" mirror "${bundle:-$files/b.tar}" "${words[@]}" --pubkey "$files/site.pub"
}

# requests METHOD: how many of them the registry has answered.
requests() {
    grep -c "\"$1 /v2/.*HTTP/1.1\" 2" "$(registry_log "$name")" || true
}

@test "a bundle arrives as it was: digests, layers, configs; skopeo reads it" {
    site=$(registry_start "$name")
    mirror "$site"
    says "$site/rancher/server:v1.0.2  "
    says "$(manifest_digest "$hub" rancher/server:v1.0.2)  sent"
    [ "${#lines[@]}" -eq 3 ]
    says_error "verified"
    says_error "blobs: 0 present, 8 sent"
    says_error "tags: 3 written"
    complete "$site"
    run ! nothing_tagged
    for image in $release_images; do
        skopeo copy -q --src-tls-verify=false "docker://$site/$image" "dir:copy"
        skopeo copy -q --src-tls-verify=false "docker://$hub/$image" "dir:original"
        diff -r copy original
        rm -r copy original
    done
}

@test "a second run sends nothing, and says that it did not hash what was there" {
    site=$(registry_start "$name")
    mirror "$site"
    before=$(requests POST)/$(requests PATCH)/$(requests PUT)
    mirror "$site"
    [ "$(requests POST)/$(requests PATCH)/$(requests PUT)" = "$before" ]
    says_error "blobs: 9 present (not re-hashed), 0 sent"
    says_error "tags: 0 written, 3 as they should be"
    [ "$(grep -c '  present$' <<<"$output")" -eq 3 ]
}

@test "what a neighbour has is mounted, not sent again" {
    site=$(registry_start "$name")
    mirror "$site"
    says_error "1 mounted"
    mirror "$site/copy"
    says_error "8 sent"
    complete "$site" copy/
    [ "$(find "$HARNESS_DIR/registry/$name/data/docker/registry/v2/blobs" -name data | wc -l)" -eq 11 ]
}

@test "what is missing in one place is mended, the rest is left" {
    site=$(registry_start "$name")
    mirror "$site"
    curl -sf -X DELETE "http://$site/v2/rancher/agent/manifests/$(manifest_digest "$site" \
        rancher/agent:v1.0.1)"
    mirror "$site"
    says_error "0 sent"
    says_error "tags: 1 written, 2 as they should be"
    [ "$(grep -c '  present$' <<<"$output")" -eq 2 ]
    complete "$site"
}

@test "a report for programs" {
    site=$(registry_start "$name")
    mirror "$site/team/x" --json -q
    [ -z "$stderr" ]
    [ "$(jq -r '.targets[0].images[] | .result' <<<"$output" | sort -u)" = sent ]
    [ "$(jq -r '.targets[0].images[0].target' <<<"$output")" = "$site/team/x/rancher/server:v1.0.2" ]
    [ "$(jq -r '.targets[0].blobs | "\(.present) \(.sent) \(.mounted)"' <<<"$output")" = "0 8 1" ]
    [ "$(jq -r .bundle.release <<<"$output")" = v1.0.2 ]
    mirror "$site/team/x" --json -q
    [ "$(jq -r '.targets[0].blobs | "\(.present) \(.sent) \(.bytes_sent)"' <<<"$output")" = "9 0 0" ]
    complete "$site" team/x/
}

@test "an image that is named by digest alone gets no tag" {
    site=$(registry_start "$name")
    digest=$(manifest_digest "$hub" rancher/agent:v1.0.1)
    drover bundle "rancher/agent@$digest" --from "$hub" -o d.tar --key "$files/site.key"
    bundle=d.tar mirror "$site"
    says "$site/rancher/agent@$digest  $digest  sent"
    [ "$(manifest_digest "$site" "rancher/agent:$digest")" = "" ]
    curl -sf -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$site/v2/rancher/agent/manifests/$digest" | sha256sum | grep -q "^${digest#*:}"
    [ "$(curl -s "http://$site/v2/rancher/agent/tags/list" | jq -r '.tags')" = null ]
    bundle=d.tar mirror "$site"
    says "  present"
}

@test "two images that would get one name are refused before anything is written" {
    site=$(registry_start "$name")
    make_image "$hub" rancher/agent:v7 --layers 3K --seed one
    other=$(registry_start other)
    make_image "$other" rancher/agent:v7 --layers 3K --seed two
    drover bundle rancher/agent:v7 "$other/rancher/agent:v7" --from "$hub" -o two.tar \
        --key "$files/site.key"
    registry_stop other
    bundle=two.tar mirror 9 "$site"
    says_error "would both be $site/rancher/agent:v7"
    nothing_tagged
}

@test "a bundle that another key signed is not even shown to the registry" {
    site=$(registry_start "$name")
    drover 7 mirror "$files/b.tar" "$site" --pubkey "$files/other.pub"
    says_error "$files/b.tar"
    [ "$(requests GET)" -le 1 ] # the harness's own
    nothing_tagged
    drover mirror "$files/b.tar" "$site" --pubkey "$files/other.pub" --pubkey "$files/site.pub"
}

@test "one bit that flipped, bytes that are missing or too many: nothing is written" {
    site=$(registry_start "$name")
    size=$(stat -c %s "$files/b.tar")
    for at in 100 600 2000 5000 20000 $((size / 2)) $((size - 100000)) $((size - 10)); do
        cp "$files/b.tar" bad.tar
        python3 - "$at" <<'END'
import sys
with open("bad.tar", "r+b") as f:
    f.seek(int(sys.argv[1]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[1]))
    f.write(bytes([byte ^ 1]))
END
        bundle=bad.tar mirror 7 "$site"
        says_error "bad.tar"
    done
    for length in 0 1000 $((size / 2)) $((size - 1)); do
        head -c "$length" "$files/b.tar" >bad.tar
        bundle=bad.tar mirror 7 "$site"
    done
    cp "$files/b.tar" bad.tar
    echo >>bad.tar
    bundle=bad.tar mirror 7 "$site"
    [ "$(requests POST)" -eq 0 ]
    nothing_tagged
    bundle=nowhere.tar mirror 3 "$site"
    says_error "nowhere.tar"
}

@test "a bundle that changes after it was verified does not get in" {
    site=$(registry_start "$name")
    slow=$(odd slow "$site")
    cp "$files/large.tar" b.tar
    process_start mirror "$DROVER" mirror "$PWD/b.tar" "$slow" --pubkey "$files/site.pub"
    wait_until 20 grep -q "POST .*/large/image/blobs/uploads" "$(registry_log "$name")"
    python3 - <<'END'
with open("b.tar", "r+b") as f:
    f.seek(-100000, 2)
    f.write(b"evil")
END
    pid=$(process_pid mirror)
    wait_until 60 process_ended mirror
    wait "$pid" && status=0 || status=$?
    [ "$status" -eq 7 ]
    grep -q "its bytes have the digest" "$(process_log mirror)"
    grep -q "no tag was changed" "$(process_log mirror)"
    nothing_tagged
    [ "$(requests PATCH)" -le 2 ]
    bundle=$files/large.tar mirror "$site"
}

@test "a registry that is not there, or is none, is told before the bundle is read" {
    mirror 4 127.0.0.1:1
    says_error "127.0.0.1:1"
    says_error "firewall"
    mirror 4 nowhere.invalid
    says_error "nowhere.invalid"
    site=$(registry_start "$name")
    bad=$(odd refuse "$site")
    mirror 4 "$bad"
    says_error "503"
    [[ $stderr != *verified* ]]
    nothing_tagged
}

@test "a registry that goes away in the middle: no tag; the same command goes on" {
    site=$(registry_start "$name")
    slow=$(odd slow "$site")
    process_start mirror "$DROVER" mirror "$files/large.tar" "$slow" --pubkey "$files/site.pub"
    wait_until 20 grep -q "POST .*/large/image/blobs/uploads" "$(registry_log "$name")"
    registry_stop "$name" KILL
    pid=$(process_pid mirror)
    wait_until 60 process_ended mirror
    wait "$pid" && status=0 || status=$?
    [ "$status" -eq 4 ]
    grep -q "no tag was changed; run the same command again" "$(process_log mirror)"
    nothing_tagged
    registry_start "$name"
    bundle=$files/large.tar mirror "$site"
    [ "$(manifest_digest "$site" large/image:1)" = "$(manifest_digest "$hub" large/image:1)" ]
}

@test "stopped, it says so with its status and leaves no tag" {
    site=$(registry_start "$name")
    slow=$(odd slow "$site")
    for signal in INT TERM; do
        process_start "mirror-$signal" "$DROVER" mirror "$files/large.tar" "$slow" \
            --pubkey "$files/site.pub"
        log=$(process_log "mirror-$signal")
        wait_until 20 grep -q "POST .*/large/image/blobs/uploads" "$(registry_log "$name")"
        pid=$(process_pid "mirror-$signal")
        kill -s "$signal" "$pid"
        wait_until 20 process_ended "mirror-$signal"
        wait "$pid" && status=0 || status=$?
        [ "$status" -eq 12 ]
        grep -q "stopped by .*; no tag was changed; run the same command again to go on" "$log"
        nothing_tagged
        : >"$(registry_log "$name")"
    done
}

@test "old tags stay as they were until everything new is there" {
    site=$(registry_start "$name")
    for image in $release_images; do
        make_image "$site" "$image" --layers 2K --seed old
    done
    old=$(manifest_digest "$site" rancher/server:v1.0.2)
    bad=$(odd untagged "$site")
    mirror 4 "$bad"
    says_error "500"
    says_error "no tag was changed"
    for image in $release_images; do
        [ "$(manifest_digest "$site" "$image")" = "$old" ] || [ "$image" != rancher/server:v1.0.2 ]
        [ "$(manifest_digest "$site" "$image")" != "$(manifest_digest "$hub" "$image")" ]
    done
    mirror "$site"
    says_error "0 sent"
    says_error "tags: 3 written"
    complete "$site"
}

@test "busy and broken connections are waited out" {
    site=$(registry_start "$name")
    flaky=$(odd flaky "$site")
    mirror "$flaky"
    complete "$site"
    registry_stop "$name"
    rm -r "$HARNESS_DIR/registry/$name/data"
    site=$(registry_start "$name")
    cut=$(odd cut "$site")
    mirror "$cut"
    complete "$site"
}

@test "an upload that breaks goes on where the registry has got to" {
    site=$(registry_start "$name")
    half=$(odd half "$site")
    mirror "$half" -v
    says_error "going on at byte"
    complete "$site"
}

@test "a registry that takes no uploads is quoted" {
    site=$(registry_start "$name")
    readonly=$(odd readonly "$site")
    mirror 4 "$readonly"
    says_error "405: UNSUPPORTED: this is a read-only mirror"
    nothing_tagged
}

@test "a registry that gives back another manifest than it took is found out" {
    site=$(registry_start "$name")
    bad=$(odd manifest "$site")
    mirror 13 "$bad"
    says_error "read back $bad/rancher/server:v1.0.2"
}

@test "logins: none, a wrong one, the right one, and one that is kept elsewhere" {
    site=$(registry_start "$name" --htpasswd joe:secret)
    login() {
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$site" "$(printf %s "$1" | base64)" >auth.json
    }
    export HOME=$PWD
    mirror 5 "$site"
    says_error "reach registry '$site': it wants a login, and there is no '$PWD/.docker/config.json'"
    says_error "docker login $site"
    mkdir .docker
    printf '{"auths":{"%s":{}},"credsStore":"no-such"}' "$site" >.docker/config.json
    mirror 5 "$site"
    says_error "docker-credential-no-such"
    export REGISTRY_AUTH_FILE=$PWD/auth.json
    login joe:wrong
    mirror 5 "$site"
    says_error "refuses user 'joe'"
    [[ $stderr != *wrong* ]]
    nothing_tagged
    login joe:secret
    mirror "$site"
    skopeo inspect --tls-verify=false --creds joe:secret "docker://$site/rancher/agent:v1.0.1"
    echo "{" >auth.json
    mirror 8 "$site"
    says_error "auth.json"
    rm auth.json
    mirror 3 "$site"
    says_error REGISTRY_AUTH_FILE
}

@test "TLS: an unknown CA is refused, a named one and one in certs.d are trusted" {
    site=$(registry_start "$name" --tls)
    host=$name.test:${site#*:}
    mirror 4 "$host"
    says_error "--ca-cert"
    mirror 3 "$host" --ca-cert nowhere.crt
    says_error "nowhere.crt"
    mirror 4 "$host" --ca-cert "$files/site.pub"
    mirror "$host" --ca-cert "$(registry_ca "$name")"
    says "$host/rancher/server:v1.0.2"
    mkdir -p "/etc/docker/certs.d/$host"
    cp "$(registry_ca "$name")" "/etc/docker/certs.d/$host/ca.crt"
    mirror "$host"
    says_error "0 sent"
    rm -r "/etc/docker/certs.d/$host"
    mirror "$host" --insecure-registry "$host"
    mirror "$site" # loopback, as in docker
}

@test "what came in by TLS does not go on in the clear" {
    registry_start tls --tls
    registry_stop tls
    site=$(registry_start "$name")
    certificate=("$HARNESS_DIR/registry/tls/server.crt" "$HARNESS_DIR/registry/tls/server.key")
    proxy=$(odd none "$site" "${certificate[@]}")
    mirror 4 "$proxy" --ca-cert "$(registry_ca tls)"
    says_error "in the clear; if a proxy does its TLS, that proxy must set X-Forwarded-Proto"
    nothing_tagged
    proxy=$(odd plain "$hub" "${certificate[@]}")
    drover 4 bundle rancher/agent:v1.0.1 --from "$proxy" -o b.tar \
        --key "$files/site.key" --ca-cert "$(registry_ca tls)"
    says_error "redirects from https to 'http://$hub/"
    proxy=$(odd plain "$hub")
    drover bundle rancher/agent:v1.0.1 --from "$proxy" -o b.tar --key "$files/site.key"
}

@test "plain HTTP needs a word from the operator, but on loopback" {
    site=$(registry_start "$name")
    host=$HARNESS_HOST:${site#*:}
    mirror 4 "$host"
    nothing_tagged
    mirror 4 "$host" --insecure-registry elsewhere:5000
    says_error "warning: --insecure-registry names 'elsewhere:5000', but the registry is '$host'"
    mirror "$host" --insecure-registry "$host"
    complete "$site"
    mirror "localhost:${site#*:}"
    says_error "0 sent"
}

@test "what is wrong on the command line is named" {
    drover 2 mirror
    drover 2 mirror "$files/b.tar"
    drover 2 mirror "$files/b.tar" 127.0.0.1:1
    says_error "--pubkey"
    mirror 2 "http://127.0.0.1:1"
    says_error "HOST[:PORT][/PREFIX]"
    mirror 2 "127.0.0.1:1/Upper"
    mirror 2 127.0.0.1:1 --no-such-option
    drover 3 mirror "$files/b.tar" 127.0.0.1:1 --pubkey nowhere.pub
    drover mirror --help
    says "drover-mirror - push a bundle into a private registry"
}

@test "memory stays flat whatever a layer's size is" {
    site=$(registry_start "$name")
    make_image "$hub" larger/image:1 --layers 200M --seed larger
    drover bundle larger/image:1 --from "$hub" -o larger.tar --key "$files/site.key"
    drover_small mirror larger.tar "$site" --pubkey "$files/site.pub"
    rm larger.tar
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover mirror's uploads against a real registry behind something that gets in their way. What only a scripted server
# can do is in tests/unit/test_registry_put.c.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    cd "$BATS_FILE_TMPDIR" || return
    make_image "$hub" large/image:1 --layers 12M,3M --seed large
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle large/image:1 --from "$hub" -o b.tar --key site.key
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=harness tokens" -keyout token.key -out token.crt 2>/dev/null
}

teardown_file() {
    harness_end
}

setup() {
    own_registry
    export HOME=$PWD
    begun=$SECONDS
}

teardown() {
    registry_stop "$name"
}

# mirror REGISTRY [OPTION…]
mirror() {
    drover mirror "$files/b.tar" "$@" --pubkey "$files/site.pub" --state-dir "$PWD/state"
}

complete() {
    drover audit "$files/b.tar" "$1" --deep --pubkey "$files/site.pub"
}

# requests METHOD STATUS
requests() {
    grep -c "\"$1 /v2/.*HTTP/1.1\" $2" "$(registry_log "$name")" || true
}

# patched TIMES: so many PATCHes have come to their end.
patched() {
    [ "$(requests PATCH 202)" -ge "$1" ]
}

@test "a limit on the size of requests: from then on all goes in pieces" {
    site=$(registry_start "$name")
    odd=$(odd limit "$site")
    mirror "$odd"
    says_error "takes no request of this size (413): sending in pieces of 1.0 MB"
    complete "$site"
    [ "$(requests PATCH 202)" -ge 16 ]
}

@test "uploads that are redirected go where they are sent" {
    site=$(registry_start "$name")
    odd=$(odd moved "$site")
    mirror "$odd"
    complete "$site"
}

@test "killed in the middle of a layer: a later run goes on inside it, where the registry can" {
    site=$(registry_start "$name")
    odd=$(odd keep "$site") # as docker-registry 3, Harbor and Quay do
    process_start mirror "$DROVER" mirror "$files/b.tar" "$odd" --pubkey "$files/site.pub" --state-dir "$PWD/state"
    wait_until 20 test -e "state/mirror/$odd.uploads"
    sleep 1.5
    process_stop mirror KILL
    wait_until 20 patched 3 # config and small layer were done; what came of the large one is passed on
    mirror "$odd" -v
    says_error "going on at byte"
    complete "$site"
    [ ! -e "state/mirror/$odd.uploads" ]
}

@test "a note of an upload that is wrong costs nothing but time" {
    site=$(registry_start "$name")
    mkdir -p state/mirror
    digest=$(tar -tf "$files/b.tar" | tail -n 2 | head -n 1 | sed 's,.*/,sha256:,')
    for note in "http://$site/v2/large/image/blobs/uploads/nonsense" "http://127.0.0.1:1/x" "nonsense" "file:///etc/passwd"; do
        printf '{"large/image@%s": "%s"}' "$digest" "$note" >"state/mirror/$site+${#note}.uploads"
        mirror "$site/${#note}"
    done
    echo '[' >"state/mirror/$site.uploads"
    mirror "$site"
    complete "$site"
}

@test "a token that ends in the middle of an upload is renewed before it is closed" {
    port=$(free_port 5700)
    cp "$files"/token.{key,crt} .
    process_start "tokens-$port" "$harness_helpers/token-server" "$port" "$PWD" --user joe:secret --seconds 2
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$port"
    site=$(registry_start "$name" --env REGISTRY_AUTH=token --env "REGISTRY_AUTH_TOKEN_REALM=http://127.0.0.1:$port/token" \
        --env REGISTRY_AUTH_TOKEN_SERVICE=site --env REGISTRY_AUTH_TOKEN_ISSUER=harness \
        --env "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=$PWD/token.crt")
    slow=$(odd drip "$site")
    mkdir .docker
    printf '{"auths":{"%s":{"auth":"%s"},"%s":{"auth":"%s"}}}' "$slow" "$(printf joe:secret | base64)" \
        "$site" "$(printf joe:secret | base64)" >.docker/config.json
    mirror "$slow"
    [ $((SECONDS - begun)) -ge 10 ] # the layer takes twelve seconds, a token two
    [ "$(requests PATCH 202)" -eq 3 ] # nothing was sent twice
    [ "$(grep -c 'joe large/image:\(pull,push\|push,pull\)' tokens)" -ge 2 ]
    complete "$site"
}

@test "the registry is started anew in the middle of an upload: the same run goes on" {
    site=$(registry_start "$name")
    slow=$(odd slow "$site")
    process_start mirror "$DROVER" mirror "$files/b.tar" "$slow" --pubkey "$files/site.pub" --state-dir "$PWD/state"
    wait_until 20 grep -q "POST .*/large/image/blobs/uploads" "$(registry_log "$name")"
    registry_stop "$name" KILL
    registry_start "$name"
    wait_until 60 process_ended mirror
    complete "$site"
}

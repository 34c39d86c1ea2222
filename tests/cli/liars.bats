#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Registries that lie (tests/helpers/liar): each lie ends with its status and words, and with no bundle.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    export keys=$BATS_FILE_TMPDIR DROVER_TEST_SCALE=0.2
    cd "$keys" || return 1
    "$DROVER" key new -o site.key --no-passphrase
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=liar.test" \
        -addext "subjectAltName=DNS:liar.test" -keyout liar.key -out liar.crt 2>/dev/null
    echo "127.0.0.1 liar.test" >>/etc/hosts
    elsewhere=$(start_liar elsewhere)
    liar=$(ELSEWHERE=$elsewhere start_liar liar)
    safe=liar.test:$(ELSEWHERE=$elsewhere start_liar safe liar.crt liar.key | cut -d: -f2)
    export liar safe
}

# start_liar NAME [CERTIFICATE KEY]: its requests are lines of the file NAME; prints HOST:PORT.
start_liar() {
    local port
    port=$(free_port 5600)
    : >"$1"
    process_start "$1" "$harness_helpers/liar" "$port" "$PWD/$1" "${@:2}"
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$port"
    printf '127.0.0.1:%s\n' "$port"
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
}

# lie CASE STATUS WORDS [ARG…]
lie() {
    rm -f b.tar*
    drover "$2" bundle "lies/$1:1" --from "$liar" -o b.tar --key "$keys/site.key" "${@:4}" || {
        echo "the case was $1"
        return 1
    }
    says_error "$3"
    [ ! -e b.tar ]
    # What came of layers may be gone on with; nothing is there of what was refused before them.
    if [[ $stderr != *b.tar.part* ]]; then [ -z "$(ls)" ]; fi
}

@test "what is no lie is taken" {
    drover bundle lies/good:1 --from "$liar" -o b.tar --key "$keys/site.key"
    drover verify b.tar --pubkey "$keys/site.pub"
    drover bundle lies/old_members:1 --from "$liar" -o c.tar --key "$keys/site.key"
    drover verify c.tar --pubkey "$keys/site.pub"
}

@test "manifests that are none" {
    lie both 8 "of two kinds at once"
    lie typed 8 "but the registry says"
    lie list_as_image 8 "is typed"
    lie sha512 8 "layer 0: 'sha512:"
    lie algorithm 8 "layer 0: 'rot13:"
    lie path 8 "layer 0: 'sha256:../"
    lie config_path 8 "config: '../"
    lie negative 8 "'size' is not a whole number"
    lie enormous 8 "is nonsense"
    lie large 8 "4194304"
    lie deep 8 "is not the JSON"
    lie text 8 "media type is longer"
    lie twice 8 "duplicate"
    lie encoding 8 "is not the JSON"
    lie mark 8 "is not the JSON"
    lie trailing 8 "is not the JSON"
    lie number 8 "is not the JSON"
    lie nothing 8 "it is empty"
    lie escape 8 "a media type is not one"
    [[ $stderr != *$'\e'* ]]
}

@test "digests and sizes that are others" {
    lie claims 7 "the registry says it is sha256:bbbb"
    lie pinned 7 "what was served has the digest"
    lie config_absent 6 "404"
    lie config_other 7 "its bytes have the digest"
    lie config_long 7 "it is longer than"
    lie config_large 8 "its config has 5000000 bytes"
    lie layer_absent 6 "404"
    lie layer_other 7 "its bytes have the digest"
    lie layer_short 4 "it ends after"
    lie layer_long 7 "it is longer than"
}

@test "bodies without an end" {
    lie endless 8 "4194304"
    lie layer_endless 7 "it is longer than"
}

@test "redirects: circles, to plain HTTP, to files, to nowhere" {
    lie circle 4 "redirects more than 5 times"
    lie to_file 4 "it redirects"
    lie to_nowhere 4 "it redirects to nowhere"
    drover 4 bundle lies/to_http:1 --from "$safe" --ca-cert "$keys/liar.crt" -o b.tar \
        --key "$keys/site.key"
    says_error "it redirects from https to 'http://"
    [ ! -e b.tar ]
    ! grep -q to_http "$keys/elsewhere"
}

@test "a login is for its registry, and goes nowhere else" {
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$liar" "$(printf joe:secret | base64)" >"$keys/auth.json"
    REGISTRY_AUTH_FILE=$keys/auth.json drover bundle lies/to_other:1 --from "$liar" -o b.tar \
        --key "$keys/site.key"
    grep -q "to_other/blobs.* Basic" "$keys/liar"
    grep -q "good/blobs" "$keys/elsewhere"
    [ -z "$(grep "good/blobs" "$keys/elsewhere" | grep -v -- ' -$')" ]
    rm b.tar
    lie realm_inner 5 "it sends logins to"
    lie realm_file 5 "it sends logins to"
}

@test "401 for ever ends soon" {
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$liar" "$(printf joe:secret | base64)" >"$keys/auth.json"
    lie login_basic 5 "it wants a login"
    lie login_token 5 "token"
    export REGISTRY_AUTH_FILE=$keys/auth.json
    lie login_basic 5 "it refuses user 'joe'"
    lie login_token 5 "token"
    [ "$(grep -c login_ "$keys/liar")" -lt 20 ]
}

@test "429: a second is waited out, hours are not" {
    drover bundle lies/busy:1 --from "$liar" -o b.tar --key "$keys/site.key"
    rm b.tar
    lie busy_long 4 "it asks to be left alone for"
}

@test "lists: circles, depth, children that are missing or others" {
    for more in '' --all-platforms; do
        # shellcheck disable=SC2086 # none, or one word
        lie list_missing 6 "404" $more
        lie list_circle 7 "what was served has the digest" --platform linux/amd64 $more
        lie list_deep 8 "in each other" $more
        lie list_typed 8 "is typed" $more
    done
    lie list_sized 8 "bytes where the list says 7" --all-platforms
    lie list_old 8 "carries lists of schema 2 and OCI images only" --all-platforms
    lie list_other 8 "carries lists of schema 2 and OCI images only" --all-platforms
    lie list_empty 8 "its list names no image" --all-platforms
    lie list_empty 6 "only for: nothing"
}

@test "schema 1: what was signed, and what is in its layers" {
    lie old_length 8 "read the schema 1 manifest"
    lie old_length_less 8 "read the schema 1 manifest"
    lie old_length_cut 8 "read the schema 1 manifest"
    lie old_tail 8 "read the schema 1 manifest"
    lie old_bomb 8 "unpacks to"
    lie old_trailing 8 "layer sha256:"
}

@test "references that are none" {
    for reference in 'A/b' 'a//b' '../a' 'a/b:' 'a/b:-x' 'a/b@sha256:1' 'a/b@sha512:00' 'a/b:x@' 'a b' \
        $'a/\e[2Jb' $'a/b:\e[31m' 'http://x/a' 'a/b:c:d' 'é/b' "$(printf 'a%.0s' {1..600})"; do
        drover 8 bundle "$reference" --from "$liar" -o b.tar --key "$keys/site.key"
        [[ $stderr != *$'\e'* ]]
        [ -z "$(ls)" ]
    done
}

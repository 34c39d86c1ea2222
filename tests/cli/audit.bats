#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover audit, and where --map puts images: the comparison of a real registry with a bundle.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    make_release "$hub"
    cd "$BATS_FILE_TMPDIR" || return
    export hub files=$BATS_FILE_TMPDIR
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o b.tar --key site.key
}

teardown_file() {
    harness_end
}

setup() {
    own_registry
    site=$(registry_start "$name")
    data=$HARNESS_DIR/registry/$name/data/docker/registry/v2
}

teardown() {
    registry_stop "$name"
}

# mirror TARGET [OPTION…]
mirror() {
    drover mirror "$files/b.tar" "$@" --pubkey "$files/site.pub"
}

# audit [STATUS] TARGET [OPTION…]
audit() {
    local expected words
    take_status "$@"
    drover "$expected" audit "$files/b.tar" "${words[@]}" --pubkey "$files/site.pub"
}

# blob_file NAME:TAG INDEX: where the registry keeps that layer.
blob_file() {
    local digest
    digest=$(curl -sf -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$site/v2/${1%:*}/manifests/${1##*:}" | jq -r ".layers[$2].digest")
    printf '%s/blobs/sha256/%.2s/%s/data\n' "$data" "${digest#sha256:}" "${digest#sha256:}"
}

@test "what mirror has pushed is complete, on the surface and deep down; nothing is written" {
    mirror "$site"
    before=$(find "$data" -type f | sort | xargs sha256sum | sha256sum)
    audit "$site"
    [ "$(grep -c '  complete$' <<<"$output")" -eq 3 ]
    says "$site/rancher/server:v1.0.2  "
    says_error "3 images: every manifest compared, 9 configs and layers"
    says_error "asked for, not downloaded"
    run ! grep -q '"GET /v2/.*/blobs/' "$(registry_log "$name")"
    audit "$site" --deep
    says_error "downloaded and hashed"
    [ "$(grep -c '"GET /v2/.*/blobs/' "$(registry_log "$name")")" -eq 9 ]
    run ! grep -qE '"(PUT|POST|PATCH|DELETE) ' <(tail -n 20 "$(registry_log "$name")")
    [ "$(find "$data" -type f | sort | xargs sha256sum | sha256sum)" = "$before" ]
    audit "$site" --json --deep
    [ "$(jq -r '"\(.complete) \(.deep) \(.blobs) \(.images | length)"' <<<"$output")" = "true true 9 3" ]
    [ "$(jq .bytes <<<"$output")" = "$(jq .bytes_hashed <<<"$output")" ]
}

@test "an empty registry: every gap is named, and what to do" {
    audit 6 "$site"
    [ "$(grep -oE '[0-9]+ gaps$' <<<"$output" | tr '\n' ' ')" = "6 gaps 5 gaps 4 gaps " ]
    [ "$(grep -c 'is missing$' <<<"$output")" -eq 15 ]
    says_error "push it with 'drover mirror $files/b.tar $site'"
}

@test "a tag that names another image, a layer that is gone, a layer in another repository only" {
    mirror "$site"
    make_image "$site" rancher/agent:v1.0.1 --layers 1K --seed moved
    rm "$(blob_file rancher/server:v1.0.2 1)"
    layer=$(curl -sf -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$site/v2/rancher/server/manifests/v1.0.2" | jq -r '.layers[0].digest')
    rm -r "$data/repositories/rancher/server/_layers/sha256/${layer#sha256:}"
    audit 6 "$site"
    says "$site/rancher/agent:v1.0.1 names another image: "
    says "layer $layer (306736 bytes) is missing"
    [ "$(grep -c 'is missing$' <<<"$output")" -eq 2 ]
    says "$site/rancher/agent-instance:v0.8.1"
    audit 6 "$site" --json
    [ "$(jq -r '[.images[] | .gaps[] | "\(.kind) \(.state)"] | sort | join(", ")' <<<"$output")" = \
        "layer missing, layer missing, tag missing" ]
    [ "$(jq -r '[.images[] | select(.complete) | .reference] | join(" ")' <<<"$output")" = \
        docker.io/rancher/agent-instance:v0.8.1 ]
}

@test "storage that rots: its size tells at once, its bytes only --deep; all of it is named" {
    mirror "$site"
    truncate -s 100 "$(blob_file rancher/server:v1.0.2 1)"
    printf X | dd of="$(blob_file rancher/agent:v1.0.1 1)" bs=1 seek=50 conv=notrunc status=none
    audit 13 "$site"
    says "has 100 bytes instead of "
    says_error "its storage is damaged"
    audit 13 "$site" --deep
    says "has 100 bytes instead of "
    says "its bytes have the digest sha256:"
    [ "$(grep -c '  1 gap$' <<<"$output")" -eq 2 ]
    audit 13 "$site" --deep --json
    [ "$(jq '[.images[] | .gaps[] | select(.state == "damaged")] | length' <<<"$output")" -eq 2 ]
}

@test "--map: mirror and audit go to the same place, the longest name counts" {
    maps=(--map docker.io=hub --map rancher/server=control/server --map rancher=infra)
    mirror "$site/team" "${maps[@]}"
    says "$site/team/control/server:v1.0.2"
    says "$site/team/infra/agent:v1.0.1"
    [[ $stderr != *warning* ]]
    audit "$site/team" "${maps[@]}" --deep
    [ "$(grep -c '  complete$' <<<"$output")" -eq 3 ]
    audit 6 "$site/team"
    says "$site/team/rancher/server:v1.0.2 is missing"
    mirror "$site/team" "${maps[@]}" --map quay.io=q
    says_error "warning: --map quay.io=q fits no image of the bundle"
    says_error "0 sent"
}

@test "two images that a map gives one name are refused before anything is written" {
    make_image "$hub" team/one:1 --layers 1K --seed one
    make_image "$hub" team/two:1 --layers 1K --seed two
    drover bundle team/one:1 team/two:1 --from "$hub" -o two.tar --key "$files/site.key"
    drover 9 mirror two.tar "$site" --pubkey "$files/site.pub" --map team/one=x --map team/two=x
    says_error "would both be $site/x:1"
    [ ! -e "$data/repositories" ]
}

@test "what is wrong on the command line is named" {
    drover 2 audit "$files/b.tar"
    audit 2 "http://$site"
    audit 2 "$site" --map rancher
    says_error "--map wants OLD=NEW"
    audit 2 "$site" --map rancher=a --map docker.io/rancher=b
    says_error "about the same names"
    audit 2 "$site" --map rancher/server=
    says_error "leaves nothing of the name"
    audit 4 127.0.0.1:1
    says_error "127.0.0.1:1"
    "$DROVER" key new -o other.key --no-passphrase
    drover 7 audit "$files/b.tar" "$site" --pubkey other.pub
    drover audit --help
    says "drover-audit - check that a registry has all of a bundle"
}

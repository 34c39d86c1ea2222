#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover load into a real engine.

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    engine_start
    export hub
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    make_release "$hub"
    drover bundle v1.0.2 --from "$hub" -o release.tar --key site.key
    export keys=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
}

teardown() {
    docker images -aq | sort -u | xargs -r docker rmi -f >/dev/null
}

# load_release [STATUS] [OPTION…]
load_release() {
    local expected=()
    if [[ ${1-} =~ ^[0-9]+$ ]]; then
        expected=("$1")
        shift
    fi
    drover "${expected[@]}" load "$keys/release.tar" --pubkey "$keys/site.pub" "$@"
}

# What the engine has: one line per name, "NAME ID".
has() {
    docker images -a --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort
}

@test "all images are there afterwards, bit for bit; a second run sends nothing" {
    load_release
    says_error "verified $keys/release.tar: signature and every byte"
    says_error "3 of 3 images were missing"
    [ "$(grep -c ' loaded$' <<<"$output")" -eq 3 ]
    for image in rancher/server:v1.0.2 rancher/agent:v1.0.1 rancher/agent-instance:v0.8.1; do
        id=$(docker image inspect -f '{{.Id}}' "$image")
        says "$id"
        [ "$id" = "sha256:$(skopeo inspect --raw --config --tls-verify=false "docker://$hub/$image" |
            sha256sum | cut -d' ' -f1)" ]
    done
    before=$(has)
    load_release
    [ "$(grep -c ' present$' <<<"$output")" -eq 3 ]
    [[ $stderr != *sent* ]]
    [ "$(has)" = "$before" ]
    load_release --json -q
    [ -z "$stderr" ]
    [ "$(jq -c '[.bytes_sent, .dry_run, .bundle.release, (.images | map(.result) | unique)]' <<<"$output")" = \
        '[0,false,"v1.0.2",["present"]]' ]
}

@test "a dry run says what would be done, and does nothing" {
    load_release --dry-run --registry registry.site:5000
    [ "$(grep -c ' to load$' <<<"$output")" -eq 6 ]
    says "registry.site:5000/rancher/agent:v1.0.1"
    [ -z "$(has)" ]
    load_release
    load_release --dry-run --registry registry.site:5000 --json
    [ "$(jq -c '[.images[].result]' <<<"$output")" = \
        '["present","present","present","to tag","to tag","to tag"]' ]
    [ "$(has | wc -l)" -eq 3 ]
}

@test "the names of a registry come too; what is there by another name is not sent again" {
    load_release --registry registry.site:5000/mirror
    [ "$(has | wc -l)" -eq 6 ]
    [ "$(docker image inspect -f '{{.Id}}' registry.site:5000/mirror/rancher/server:v1.0.2)" = \
        "$(docker image inspect -f '{{.Id}}' rancher/server:v1.0.2)" ]
    docker rmi rancher/server:v1.0.2 registry.site:5000/mirror/rancher/agent:v1.0.1
    load_release --registry registry.site:5000/mirror --json
    [ "$(jq .bytes_sent <<<"$output")" -eq 0 ]
    [ "$(jq -r '.images[] | select(.result == "tagged").name' <<<"$output")" = \
        "rancher/server:v1.0.2
registry.site:5000/mirror/rancher/agent:v1.0.1" ]
    [ "$(has | wc -l)" -eq 6 ]
    load_release --registry registry.site:5000 --map rancher=infra/rancher
    docker image inspect registry.site:5000/infra/rancher/agent:v1.0.1 >/dev/null
    load_release 2 --map rancher=infra/rancher
}

@test "one image is missing: it is loaded, the others stay; a name of another image is moved, and told" {
    load_release
    docker rmi rancher/agent:v1.0.1
    docker tag rancher/agent-instance:v0.8.1 rancher/server:v1.0.2
    wrong=$(docker image inspect -f '{{.Id}}' rancher/server:v1.0.2)
    load_release
    says_error "1 of 3 images"
    says_error "rancher/server:v1.0.2 was another image, ${wrong:0:19}"
    [ "$(awk '{ print $1, $3 }' <<<"$output")" = "rancher/server:v1.0.2 tagged
rancher/agent:v1.0.1 loaded
rancher/agent-instance:v0.8.1 present" ]
    [ "$(docker image inspect -f '{{.Id}}' rancher/server:v1.0.2)" != "$wrong" ]
    docker image inspect "$wrong" >/dev/null
}

@test "an image by its digest alone goes by its id" {
    digest=$(manifest_digest "$hub" rancher/agent:v1.0.1)
    drover bundle "rancher/agent@$digest" --from "$hub" -o one.tar --key "$keys/site.key"
    drover load one.tar --pubkey "$keys/site.pub" --registry registry.site
    id=$(awk '{ print $1 }' <<<"$output")
    docker image inspect "$id" >/dev/null
    drover load one.tar --pubkey "$keys/site.pub"
    says present
}

@test "a changed bundle: refused, and the engine gets nothing" {
    cp "$keys/release.tar" b.tar
    printf x | dd of=b.tar bs=1 seek=$(($(stat -c %s b.tar) - 100000)) conv=notrunc status=none
    drover 7 load b.tar --pubkey "$keys/site.pub"
    says_error "was changed"
    [ -z "$output" ]
    [ -z "$(has)" ]
    drover 2 load "$keys/release.tar"
    says_error "--pubkey"
}

@test "serials: what was loaded is written down, an older bundle is refused" {
    serial=(--pubkey "$keys/site.pub" --channel default --state-dir "$PWD/state")
    drover bundle rancher/agent:v1.0.1 --from "$hub" -o old.tar --key "$keys/site.key" --serial 1
    drover 9 load "$keys/release.tar" "${serial[@]}"
    says_error "--first-import"
    drover load "$keys/release.tar" "${serial[@]}" --first-import --dry-run
    [ ! -e state/state.json ]
    drover load "$keys/release.tar" "${serial[@]}" --first-import
    jq -e .channels.default.serial state/state.json
    drover load "$keys/release.tar" "${serial[@]}"
    drover 9 load old.tar "${serial[@]}"
    drover load old.tar "${serial[@]}" --allow-downgrade
}

@test "no engine at the place that DOCKER_HOST names" {
    DOCKER_HOST=unix:///nowhere.sock load_release 4
    says_error "reach the Docker engine"
    DOCKER_HOST=tcp://127.0.0.1:1 load_release 4
    DOCKER_HOST=nonsense load_release 2
}

@test "the engine's disk fills up, the engine is killed in the middle: told, and mended by a second run" {
    make_image "$hub" large/image:1 --layers 60M
    drover bundle large/image:1 --from "$hub" -o large.tar --key "$keys/site.key"
    mkdir -p "$HARNESS_DIR/engine/small/data"
    mount -t tmpfs -o size=48m tmpfs "$HARNESS_DIR/engine/small/data"
    engine_start small
    export DOCKER_HOST=unix:///run/small.sock
    drover 10 load large.tar --pubkey "$keys/site.pub"
    says_error "load images"
    says_error "no space left on device"
    mount -o remount,size=1g "$HARNESS_DIR/engine/small/data"
    "$DROVER" load large.tar --pubkey "$keys/site.pub" >out 2>&1 &
    pid=$!
    wait_until 20 bash -c 'ls -A '"$HARNESS_DIR"'/engine/small/data/tmp | grep -q docker'
    engine_stop small KILL
    if wait "$pid"; then return 1; fi
    engine_start small
    drover load large.tar --pubkey "$keys/site.pub"
    docker image inspect large/image:1 >/dev/null
    engine_stop small
    umount "$HARNESS_DIR/engine/small/data"
}

@test "memory stays flat whatever the size of a layer" {
    make_image "$hub" large/image:2 --layers 150M
    drover bundle large/image:2 --from "$hub" -o large.tar --key "$keys/site.key"
    drover_small load large.tar --pubkey "$keys/site.pub"
    docker image inspect large/image:2 >/dev/null
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover load into a real engine, from a file and from a pipe.

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
    local expected words
    take_status "$@"
    drover "$expected" load "$keys/release.tar" --pubkey "$keys/site.pub" "${words[@]}"
}

# load_stream FILE [STATUS] [OPTION…]
load_stream() {
    local expected words
    take_status "${@:2}"
    from "$1" "$expected" load - --pubkey "$keys/site.pub" "${words[@]}"
}

# No image, no layer, and nothing of what was on its way.
nothing_loaded() {
    [ -z "$(has)" ] &&
        [ -z "$(find "$HARNESS_DIR"/engine/docker/data/{tmp,image/*/imagedb,image/*/layerdb} -type f)" ]
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

@test "from a pipe: verified on its way, the same images; a second time it is only verified" {
    "$DROVER" bundle v1.0.2 --from "$hub" -o - --key "$keys/site.key" 2>/dev/null |
        "$DROVER" load - --pubkey "$keys/site.pub" --registry registry.site:5000 >out 2>said
    contains stderr "$(<said)" "verified the stream: signature and every byte"
    contains stderr "$(<said)" "3 of 3 images were missing"
    [ "$(grep -c ' loaded$' out)" -eq 6 ]
    before=$(has)
    load_stream "$keys/release.tar"
    [ "$(grep -c ' present$' <<<"$output")" -eq 3 ]
    says_error "verified the stream"
    load_release --dry-run --registry registry.site:5000 --json
    [ "$(jq -c '[.images[].result] | unique' <<<"$output")" = '["present"]' ]
    docker rmi rancher/agent:v1.0.1 registry.site:5000/rancher/agent:v1.0.1
    load_stream "$keys/release.tar" --json --registry registry.site:5000
    [ "$(jq '.bytes_sent > 600000 and .bundle.path == "-"' <<<"$output")" = true ]
    [ "$(has)" = "$before" ]
    spoil "$keys/release.tar" 1 flip
    load_stream c.tar 7
    says_error "1 layer (204.3 kB) did not arrive"
    [ "$(has)" = "$before" ]
}

@test "a stream that is cut off, anywhere: the engine has nothing of it, and what was lost is named" {
    size=$(stat -c %s "$keys/release.tar")
    last=$(tar -tf "$keys/release.tar" | tail -n 1)
    for at in 0 700 5000 20000 $((size / 3)) $((size - 100000)) $((size - 1100)) $((size - 1024)) $((size - 1)); do
        head -c "$at" "$keys/release.tar" >c.tar
        load_stream c.tar 7
        if ((at < 20000 || at > size - 1200)); then says_error "ends too early"; else says_error "lost: sha256:${last##*/}"; fi
        if ((at >= 20000)); then says_error "nothing was loaded, since an engine takes all of a bundle or nothing"; fi
    done
    wait_until 10 nothing_loaded
    load_stream "$keys/release.tar"
}

@test "a stream with another layer, or less or more than it should have: nothing is loaded" {
    for how in flip lose add; do
        for layer in 0 2 4; do
            name=$(spoil "$keys/release.tar" "$layer" "$how")
            load_stream c.tar 7
            says_error "lost: sha256:${name##*/}"
        done
    done
    (cat "$keys/release.tar" && echo more) >c.tar
    load_stream c.tar 7
    says_error "behind its end"
    drover 7 load - --pubkey <(drover key new -o other.key --no-passphrase && cat other.pub) <"$keys/release.tar"
    wait_until 10 nothing_loaded
}

@test "drover is killed while a stream goes through it: nothing is loaded" {
    mkfifo pipe
    "$DROVER" load - --pubkey "$keys/site.pub" <pipe >out 2>&1 &
    pid=$!
    exec 7>pipe
    head -c -1500 "$keys/release.tar" >&7
    wait_until 20 bash -c "find '$HARNESS_DIR/engine/docker/data/tmp' -size +100k | grep -q ."
    kill -KILL "$pid"
    exec 7>&-
    wait "$pid" || true
    wait_until 10 nothing_loaded
}

@test "a delta from a pipe is refused as one from a file; a dry run of a pipe makes no sense" {
    drover bundle rancher/agent:v1.0.1 --from "$hub" -o base.tar --key "$keys/site.key"
    drover bundle v1.0.2 --from "$hub" -o d.tar --key "$keys/site.key" --base base.tar
    load_stream d.tar 9
    says_error "an engine cannot load it: it is a delta"
    load_stream "$keys/release.tar" 2 --dry-run
    says_error "would let the stream go by"
    wait_until 10 nothing_loaded
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
    load_stream large.tar 10
    says_error "no space left on device"
    says_error "when that is mended, send the bundle again"
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
    docker rmi large/image:2
    drover_small load - --pubkey "$keys/site.pub" <large.tar
    docker image inspect large/image:2 >/dev/null
}

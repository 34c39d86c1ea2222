#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Layers and configs of unusual kinds: zstd, foreign ones that their registry does not have, the config types of 2016,
# the same empty layer many times.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub --env 'REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW=[".*"]')
    export hub keys=$BATS_FILE_TMPDIR
    cd "$keys" || return 1
    "$DROVER" key new -o site.key --no-passphrase
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=store.test" \
        -addext "subjectAltName=DNS:store.test,DNS:other.test" -keyout store.key -out store.crt 2>/dev/null
    port=$(free_port 5800)
    mkdir store
    process_start store "$harness_helpers/file-server" "$port" store store.crt store.key asked
    echo "127.0.0.1 store.test other.test" >>/etc/hosts
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$port"
    export store=store.test:$port other=other.test:$port
    for host in "$store" "$other"; do
        mkdir -p "/etc/docker/certs.d/$host"
        cp store.crt "/etc/docker/certs.d/$host/ca.crt"
    done
    export DROVER_TEST_SCALE=0.2
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    : >"$keys/asked"
}

# bundle [STATUS] IMAGE…
bundle() {
    local expected words
    take_status "$@"
    rm -f b.tar*
    drover "$expected" bundle "${words[@]}" --from "$hub" -o b.tar --key "$keys/site.key"
    if ((expected)); then [ ! -e b.tar ]; fi
    if ((expected == 8)); then [ -z "$(ls)" ]; fi # what can't become one is not begun
}

warnings() {
    tar -xOf b.tar bundle.json | jq -r '.images[0].warnings[]'
}

# make_foreign TAG URL…: an image with layers that only the store has. $place is before its name.
make_foreign() {
    local tag=$1 urls=() url
    for url in "${@:2}"; do urls+=(--url "$url"); done
    make_image "$hub" "${place-}win/image:$tag" --layers 30K --seed "foreign-$tag" --keep "$keys/store" \
        --layer-type application/vnd.docker.image.rootfs.foreign.diff.tar.gzip ${urls[@]+"${urls[@]}"}
}

# layer_of TAG: the hex digest of its layer; digests do not depend on addresses.
layer_of() {
    skopeo inspect --tls-verify=false --raw "docker://$hub/win/image:$1" | jq -r '.layers[0].digest' |
        cut -d: -f2
}

@test "zstd layers are carried as they are, and who can't read them is told" {
    make_image "$hub" z/image:1 --layers 40K,5K --seed zstd --oci --zstd
    bundle z/image:1
    says_error "warning: z/image:1: it has zstd layers, which only engines of version 23 and later read"
    [[ $(warnings) == *"zstd layers"* ]]
    drover verify b.tar --pubkey "$keys/site.pub"
    skopeo copy -q --dest-tls-verify=false --preserve-digests oci-archive:b.tar "docker://$hub/z/copy:1"
    [ "$(manifest_digest "$hub" z/copy:1)" = "$(manifest_digest "$hub" z/image:1)" ]
    drover mirror b.tar "$hub/site" --pubkey "$keys/site.pub"
    [ "$(manifest_digest "$hub" site/z/image:1)" = "$(manifest_digest "$hub" z/image:1)" ]
}

@test "the config types of 2016 are kept as bytes, and told" {
    for type in application/octet-stream text/html application/json ''; do
        make_image "$hub" old/image:1 --layers 9K --seed old --config-type "$type"
        bundle old/image:1
        [[ $(warnings) == *"its config is not typed as one"* ]]
        drover verify b.tar --pubkey "$keys/site.pub"
        drover mirror b.tar "$hub/site" --pubkey "$keys/site.pub"
        [ "$(manifest_digest "$hub" site/old/image:1)" = "$(manifest_digest "$hub" old/image:1)" ]
        rm b.tar
    done
}

@test "an empty layer that comes many times is stored once" {
    make_image "$hub" empty/image:1 --layers 9K --empty 7 --seed empty
    bundle empty/image:1
    [ "$(tar -tf b.tar | grep -c ^blobs/)" -eq 4 ]
    [ "$(tar -xOf b.tar manifest.json | jq '.[0].Layers | length')" -eq 8 ]
    drover verify b.tar --pubkey "$keys/site.pub"
    skopeo copy -q --dest-tls-verify=false --preserve-digests oci-archive:b.tar \
        "docker://$hub/empty/copy:1"
    drover mirror b.tar "$hub/site" --pubkey "$keys/site.pub"
    engine_start
    docker load -qi b.tar
    docker image inspect empty/image:1 >/dev/null
}

@test "foreign layers come from the addresses that the manifest names, and are in the bundle" {
    make_foreign 1 "https://$store/nothing" "https://$store/layer"
    cp "$keys/store/$(layer_of 1)" "$keys/store/layer"
    bundle win/image:1
    says_error "the manifest says 'https://$store/nothing'"
    says_error "404"
    says_error "warning: win/image:1: it has foreign layers; they are in the bundle"
    [[ $(warnings) == *"foreign layers"* ]]
    drover verify b.tar --pubkey "$keys/site.pub"
    tar -tf b.tar | grep -q "blobs/sha256/$(layer_of 1)"
    # A dry run does not fetch them; an image whose registry has the layer needs no address.
    : >"$keys/asked"
    drover bundle win/image:1 --from "$hub" --dry-run
    [ ! -s "$keys/asked" ]
    drover mirror b.tar "$hub/site" --pubkey "$keys/site.pub"
    rm b.tar "$keys/store/layer"
    drover bundle site/win/image:1 --from "$hub" -o b.tar --key "$keys/site.key"
    [ ! -s "$keys/asked" ]
}

@test "foreign layers are in volumes too, and a volume that is made again has them" {
    make_foreign volumes "https://$store/nothing"
    make_foreign volumes "https://$store/$(layer_of volumes)"
    drover bundle win/image:volumes --from "$hub" -o v --split 90K --key "$keys/site.key"
    says_error "is not in the registry; the manifest says 'https://$store/"
    drover bundle --remake 1 --like v.001 -o again --from "$hub" --key "$keys/site.key"
    says "again.001"
    drover verify again.001 --alone --pubkey "$keys/site.pub"
    cmp <(head -c 30000 v.001) <(head -c 30000 again.001)
}

@test "mirror --rollback puts an image with foreign layers back, though the registry never had them" {
    place=back/ make_foreign 7 "https://$store/seven"
    before=$(manifest_digest "$hub" back/win/image:7)
    make_image "$hub" win/image:7 --layers 5K --seed plain
    bundle win/image:7
    drover mirror b.tar "$hub/back" --pubkey "$keys/site.pub" --state-dir "$PWD/state"
    [ "$(manifest_digest "$hub" back/win/image:7)" != "$before" ]
    drover mirror --rollback "$hub/back" --state-dir "$PWD/state"
    [ "$(manifest_digest "$hub" back/win/image:7)" = "$before" ]
}

@test "foreign layers go through redirects, and no login goes along" {
    make_foreign 2 "https://$store/first"
    echo "https://$other/$(layer_of 2)" >"$keys/store/first.to"
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$hub" "$(printf joe:secret | base64)" >"$keys/auth.json"
    REGISTRY_AUTH_FILE=$keys/auth.json bundle win/image:2
    [ "$(cat "$keys/asked")" = "/first -
/$(layer_of 2) -" ]
    for to in "http://$other/$(layer_of 2)" file:///etc/passwd "https://$store/first"; do
        echo "$to" >"$keys/store/first.to"
        bundle 4 win/image:2
        says_error "it redirects"
    done
}

@test "foreign layers that can't be had are refused by name, and nothing is written" {
    make_foreign 3 "https://127.0.0.1/x" "https://169.254.169.254/x" "https://[::1]/x" "https://localhost/x" \
        "https://joe:secret@$store/x" "http://$store/x"
    bundle 8 win/image:3
    says_error "its foreign layer sha256:$(layer_of 3) is not in the registry"
    says_error "is not https"
    [ ! -s "$keys/asked" ]
}

@test "a foreign layer that is another than the manifest says is found out" {
    make_foreign 5 "https://$store/wrong"
    head -c "$(stat -c %s "$keys/store/$(layer_of 5)")" /dev/urandom >"$keys/store/wrong"
    bundle 7 win/image:5
    says_error "fetch sha256:$(layer_of 5) from 'https://$store/wrong': its bytes have the digest"
    head -c 100 "$keys/store/$(layer_of 5)" >"$keys/store/wrong"
    bundle 4 win/image:5
    says_error "it ends after 100 of"
    cat "$keys/store/$(layer_of 5)" /dev/null - <<<more >"$keys/store/wrong"
    bundle 7 win/image:5
    says_error "it is longer than"
}

@test "what a registry says of manifests with addresses is told as its policy" {
    make_foreign 6 "https://$store/six"
    cp "$keys/store/$(layer_of 6)" "$keys/store/six"
    bundle win/image:6
    strict=$(registry_start strict)
    drover 4 mirror b.tar "$strict" --pubkey "$keys/site.pub"
    says_error "the image has foreign layers, and whether a registry takes manifests that name addresses"
    says_error "no tag was changed"
    [ -z "$(manifest_digest "$strict" win/image:6)" ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Docker's old schema 1 images: bundled as schema 2, with the image ID that docker gives them. The
# judges are a real dockerd and skopeo, which convert them by themselves.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub --schema1)
    site=$(registry_start site)
    export hub site
    engine_start
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    export keys=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
}

make_schema1() {
    "$harness_helpers/make-schema1" "$@"
}

bundle() {
    drover "$@" --from "$hub" -o b.tar --key "$keys/site.key"
}

nothing_left() {
    [ -z "$(find . -mindepth 1)" ]
}

# field EXPRESSION: of the first image of b.tar.
field() {
    "$DROVER" inspect b.tar --json 2>/dev/null | jq -r ".images[0]$1"
}

pulled_id() {
    docker pull -q "$1" >/dev/null
    docker image inspect --format '{{.Id}}' "$1"
}

skopeo_id() {
    rm -rf copy
    skopeo copy -q --src-tls-verify=false --format v2s2 "docker://$1" dir:copy
    jq -r .config.digest copy/manifest.json
}

# same_everywhere KIND: bundled, verified, mirrored and pulled from the mirror, it is what docker makes of it.
same_everywhere() {
    local source
    source=$(make_schema1 "$hub" "old/image:$1" "$1")
    bundle bundle "old/image:$1"
    says_error "warning: old/image:$1: the registry has it in Docker's old schema 1 form"
    [ "$(field .image_id)" = "$(pulled_id "$hub/old/image:$1")" ]
    [ "$(field .source_digest)" = "$source" ]
    [ "$(field .conversion)" = schema1 ]
    [ "$(field .platform)" = linux/amd64 ]
    drover verify b.tar --pubkey "$keys/site.pub"
    drover mirror b.tar "$site" --pubkey "$keys/site.pub"
    [ "$(manifest_digest "$site" "old/image:$1")" = "$(field .digest)" ]
    [ "$(field .image_id)" = "$(pulled_id "$site/old/image:$1")" ]
}

# And skopeo's manifest is ours, to the byte.
same_as_skopeo() {
    [ "$(skopeo_id "$hub/old/image:$1")" = "$(field .image_id)" ]
    [ "sha256:$(sha256sum <copy/manifest.json | cut -d' ' -f1)" = "$(field .digest)" ]
}

@test "an image of Docker 1.9 keeps its empty layers, and has docker's image ID" {
    same_everywhere 1.9.1
    same_as_skopeo 1.9.1
    [ "$(field '.layers | length')" = 4 ]
    drover inspect b.tar
    says "converted from the schema 1 manifest sha256:"
    says "warning: the registry has it in Docker's old schema 1 form"
    tar -xOf b.tar bundle.json | jq -e '.images[0] | .conversion == "schema1" and (.warnings | length) == 1'
}

@test "an image of Docker 1.10 loses the layers that it marks as thrown away" {
    same_everywhere 1.10.3
    same_as_skopeo 1.10.3
    [ "$(field '.layers | length')" = 2 ]
}

@test "an image older than Docker 1.8.3 has its config written anew" {
    same_everywhere 1.7.1
    same_as_skopeo 1.7.1
}

@test "where docker and skopeo disagree, without a version, docker is followed, and it is said" {
    same_everywhere none
    bundle bundle old/image:none --force
    says_error "docker and skopeo disagree on the image ID"
    [ "$(skopeo_id "$hub/old/image:none")" != "$(field .image_id)" ]
}

@test "characters and numbers that every JSON library writes in its own way" {
    for kind in html numbers times; do
        same_everywhere "$kind"
        same_as_skopeo "$kind"
        rm b.tar
    done
}

@test "neighbours with one ID are one layer" {
    same_everywhere same
    same_as_skopeo same
    [ "$(field '.layers | length')" = 4 ]
}

@test "layers that are not compressed, or compressed in pieces" {
    same_everywhere plain
    [ "$(field .layers[2].mediaType)" = application/vnd.docker.image.rootfs.diff.tar ]
    rm b.tar
    same_everywhere members
}

@test "a bundle of converted images is read by strangers" {
    make_schema1 "$hub" old/image:load 1.9.1 --seed load
    bundle bundle old/image:load
    skopeo copy -q --dest-tls-verify=false --preserve-digests oci-archive:b.tar \
        "docker://$site/copied:1"
    [ "$(manifest_digest "$site" copied:1)" = "$(field .digest)" ]
    docker load -q -i b.tar
    [ "$(docker image inspect --format '{{.Id}}' old/image:load)" = "$(field .image_id)" ]
}

@test "images that turn out to have one config are stored once, whatever lies behind" {
    make_schema1 "$hub" old/image:one 1.9.1 --seed twins
    make_schema1 "$hub" old/image:two recompressed --seed twins
    make_image "$hub" new/image:1 --layers 3M,70K --seed new
    fake_tool tool 183
    bundle bundle old/image:one new/image:1 old/image:two -v --with-tool=tool
    says_error "turned out to be the same as others"
    tar -xOf b.tar drover-aarch64 | cmp - tool
    drover verify b.tar --pubkey "$keys/site.pub"
    [ "$(tar -tf b.tar | grep -c blobs/)" -eq 12 ] # 3 manifests, 2 configs, 7 layers
    [ "$(field .image_id)" = "$(pulled_id "$hub/old/image:two")" ]
    docker load -q -i b.tar
    # The place that was planned for the second config is not left at the end.
    [ "$(stat -c %s b.tar)" -lt $((3 * 1024 * 1024 + 120 * 1024)) ]
}

@test "the same inputs give the same bytes" {
    export SOURCE_DATE_EPOCH=1464286418
    make_schema1 "$hub" old/image:again 1.9.1 --seed again
    bundle bundle old/image:again
    tar -xOf b.tar SHA256SUMS >one
    bundle bundle old/image:again --force
    tar -xOf b.tar SHA256SUMS | cmp one
}

@test "by its digest it is asked for by what was signed, and checked against it" {
    digest=$(make_schema1 "$hub" old/image:pinned 1.9.1 --seed pinned)
    bundle bundle "old/image@$digest"
    [ "$(field .source_digest)" = "$digest" ]
    [ "$(field .ref)" = "docker.io/old/image@$(field .digest)" ]
    drover verify b.tar --pubkey "$keys/site.pub"
    rm b.tar
    other=$(make_schema1 "$hub" old/image:other 1.9.1 --seed other)
    bad=$(odd none)
    drover 6 bundle "old/image@sha256:${digest:7:63}0" --from "$bad" -o b.tar --key "$keys/site.key"
    # The registry gives another manifest than the one that it was asked for.
    blobs=$HARNESS_DIR/registry/hub/data/docker/registry/v2/blobs/sha256
    cp "$blobs/${other:7:2}/${other:7}/data" "$blobs/${digest:7:2}/${digest:7}/data"
    run "$DROVER" bundle "old/image@$digest" --from "$hub" -o b.tar --key "$keys/site.key"
    [ "$status" -ne 0 ]
    nothing_left
}

@test "what docker refuses, and layers that are none, are refused by name; nothing is left" {
    for kind in parent twice base; do
        make_schema1 "$hub" "bad/image:$kind" "$kind"
        bundle 8 bundle "bad/image:$kind"
        says_error "image 'bad/image:$kind': read the schema 1 manifest:"
        nothing_left
    done
    for kind in xz trailing cut damaged bomb; do
        make_schema1 "$hub" "bad/image:$kind" "$kind"
        bundle 8 bundle "bad/image:$kind"
        says_error "image 'bad/image:$kind': layer sha256:"
        nothing_left
    done
}

@test "a layer that comes damaged is told by its digest, not by what is in it" {
    make_schema1 "$hub" large/image:1 1.9.1 --layer 1M --seed flip
    bad=$(odd flip)
    drover 7 bundle large/image:1 --from "$bad" -o b.tar --key "$keys/site.key"
    says_error "its bytes have the digest sha256:"
    bad=$(odd short)
    rm -f b.tar.part b.tar.part.journal
    drover 4 bundle large/image:1 --from "$bad" -o b.tar --key "$keys/site.key"
    [ ! -e b.tar ]
    drover bundle large/image:1 --from "$hub" -o b.tar --key "$keys/site.key"
    says_error "going on with 'b.tar.part'"
    drover verify b.tar --pubkey "$keys/site.pub"
}

@test "a layer that the registry has lost is named before anything is fetched" {
    make_schema1 "$hub" lost/image:1 1.9.1 --seed lost
    layer=$(curl -s "http://$hub/v2/lost/image/manifests/1" | jq -r '.fsLayers[-1].blobSum')
    curl -sf -X DELETE "http://$hub/v2/lost/image/blobs/$layer"
    bundle 6 bundle lost/image:1
    says_error "its layer $layer is not in the registry"
    nothing_left
}

@test "memory stays flat" {
    make_schema1 "$hub" large/image:2 1.9.1 --layer 200M --seed large
    drover_small bundle large/image:2 --from "$hub" -o b.tar --key "$keys/site.key"
    drover verify b.tar --pubkey "$keys/site.pub"
    rm b.tar
}

@test "a delta of a converted image: what its layers unpack to is known from the base" {
    make_schema1 "$hub" delta/image:1 1.9.1
    make_schema1 "$hub" delta/image:2 1.10.3
    drover bundle delta/image:1 --from "$hub" -o old.tar --key "$keys/site.key"
    bundle bundle delta/image:1 --base old.tar
    [ "$(field .conversion)" = schema1 ]
    says "left out"
    says_error "1 image in 2 blobs"
    [ "$(field .image_id)" = "$(pulled_id "$hub/delta/image:1")" ]
    site2=$(registry_start site2)
    drover 9 mirror b.tar "$site2" --pubkey "$keys/site.pub"
    drover mirror old.tar "$site2" --pubkey "$keys/site.pub"
    drover mirror b.tar "$site2" --pubkey "$keys/site.pub"
    [ "$(pulled_id "$site2/delta/image:1")" = "$(field .image_id)" ]
    tar -xOf old.tar bundle.json >old.json
    bundle bundle delta/image:1 --base old.json --force
    says_error "the bundle is a whole one"
    # A receipt tells it too, and so does one that was typed.
    "$DROVER" key new -o far.key --no-passphrase
    drover audit old.tar "$site2" --pubkey "$keys/site.pub" --receipt r --receipt-key far.key
    "$DROVER" receipt code r >code
    drover receipt read code --bundle old.tar --pubkey far.pub -o r2
    cmp r r2
    bundle bundle delta/image:1 --base r2 --pubkey far.pub --force
    says_error "1 image in 2 blobs"
    drover mirror b.tar "$site2" --pubkey "$keys/site.pub"
    [ "$(pulled_id "$site2/delta/image:1")" = "$(field .image_id)" ]
    registry_stop site2
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Bundles are read by programs that have never heard of drover.

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_image "$hub" rancher/server:v1.0.2 --layers 300K,200K --seed shared
    make_image "$hub" rancher/agent:v1.0.1 --layers 300K,7K --seed shared
    make_image "$hub" rancher/agent-instance:v0.8.1 --layers 150K --seed other --oci
    engine_start
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    for image in rancher/server:v1.0.2 rancher/agent-instance:v0.8.1; do
        "$DROVER" bundle "$image" --from "$hub" -o "one-$(basename "${image%:*}").tar" --key site.key
    done
    "$DROVER" bundle v1.0.2 --from "$hub" -o b.tar --key site.key
    export keys=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}

config_digest() {
    "$DROVER" inspect "$keys/b.tar" --json 2>/dev/null |
        jq -r ".images[] | select(.ref == \"docker.io/$1\").image_id"
}

@test "skopeo reads a bundle of one image as an OCI archive, digest unchanged" {
    for image in rancher/server:v1.0.2 rancher/agent-instance:v0.8.1; do
        digest=$(skopeo inspect "oci-archive:$keys/one-$(basename "${image%:*}").tar" | jq -r .Digest)
        [ "$digest" = "$(manifest_digest "$hub" "$image")" ]
    done
}

@test "skopeo copies a bundle of one image, every layer checked, without changing its digest" {
    skopeo copy -q --dest-tls-verify=false --preserve-digests \
        "oci-archive:$keys/one-server.tar" "docker://$hub/copied/server:v1.0.2"
    [ "$(manifest_digest "$hub" copied/server:v1.0.2)" = \
        "$(manifest_digest "$hub" rancher/server:v1.0.2)" ]
}

@test "skopeo reads every image of a larger bundle as a docker archive" {
    for image in rancher/server:v1.0.2 rancher/agent:v1.0.1 rancher/agent-instance:v0.8.1; do
        skopeo inspect --config --raw "docker-archive:$keys/b.tar:docker.io/$image" |
            sha256sum >got
        [ "sha256:$(cut -d' ' -f1 got)" = "$(config_digest "$image")" ]
    done
}

@test "docker loads a bundle, under the right names and image IDs" {
    run docker load -i "$keys/b.tar"
    [ "$status" -eq 0 ]
    for image in rancher/server:v1.0.2 rancher/agent:v1.0.1 rancher/agent-instance:v0.8.1; do
        [[ $output == *"Loaded image: $image"* ]]
        [ "$(docker image inspect --format '{{.Id}}' "$image")" = "$(config_digest "$image")" ]
    done
}

# The commands of drover-verify(1), taken from the page itself, in an empty folder.
stock_check() {
    mkdir "$BATS_TEST_TMPDIR/$1" && cd "$BATS_TEST_TMPDIR/$1"
    "$DROVER" verify --help | sed -n '/tar -xf/,/BUNDLE-OK/p' >../check.sh
    run env B="$2" K="$keys/site.pub" bash ../check.sh
}

@test "tar, openssl and sha256sum alone check a bundle, by the commands in the manual" {
    cp "$keys/b.tar" bad.tar
    printf X | dd of=bad.tar bs=1 seek=$(($(stat -c %s bad.tar) - 100000)) conv=notrunc 2>/dev/null
    cp "$keys/b.tar" more.tar
    touch stranger
    tar -rf more.tar stranger
    stock_check good "$keys/b.tar"
    [ "$status" -eq 0 ]
    [[ $output == *"Verified OK"*BUNDLE-OK ]]
    stock_check bad "$BATS_TEST_TMPDIR/bad.tar"
    [[ $status -ne 0 && $output != *BUNDLE-OK* ]]
    stock_check more "$BATS_TEST_TMPDIR/more.tar"
    [[ $status -ne 0 && $output != *BUNDLE-OK* ]]
}

@test "GNU tar, libarchive and python list the same members" {
    tar -tvf "$keys/b.tar" | awk '{ print $3, $6 }' >gnu
    python3 - "$keys/b.tar" >python <<'END'
import sys, tarfile
for member in tarfile.open(sys.argv[1], "r:"):
    print(member.size, member.name)
END
    cmp gnu python
    [ "$(wc -l <gnu)" -eq 16 ]
    if command -v bsdtar >/dev/null; then
        bsdtar -tvf "$keys/b.tar" | awk '{ print $5, $9 }' | cmp - gnu
    fi
}

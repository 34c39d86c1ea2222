#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Images for several platforms: one chosen out of a list, or the list with all of them.

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_image "$hub" a/app:amd64 --layers 60K,9K --seed app --oci
    make_image "$hub" a/app:arm64 --layers 60K,8K --seed app --oci --platform linux/arm64
    make_image "$hub" a/app:v7 --layers 7K --seed arm --oci --platform linux/arm/v7
    make_image "$hub" a/app:win --layers 6K --seed win --oci --platform windows/amd64
    make_image "$hub" a/app:proof --layers 1K --seed proof --oci --platform unknown/unknown
    make_list "$hub" a/app:1 linux/arm64=arm64 linux/amd64=amd64 linux/arm/v7=v7 \
        windows/amd64=win attestation=proof
    make_image "$hub" a/old:amd64 --layers 5K --seed old
    make_image "$hub" a/old:ppc --layers 4K --seed old --platform linux/ppc64le
    make_list --docker "$hub" a/old:1 linux/ppc64le=ppc linux/amd64=amd64
    make_list "$hub" a/app:nested =1 linux/arm64=arm64
    make_list "$hub" a/app:other linux/arm64=arm64 linux/arm/v7=v7
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle a/app:1 a/old:1 --all-platforms --from "$hub" -o all.tar --key site.key
    export keys=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
}

bundle() {
    drover "${expected:-0}" bundle "$@" --from "$hub" -o b.tar --key "$keys/site.key" --force
}

# holds TAG: the bundle's first image is this one.
holds() {
    [ "$(jq -r '.images[0].digest' <<<"$(drover inspect b.tar --json; echo "$output")")" = \
        "$(manifest_digest "$hub" "$1")" ]
}

@test "of a list the image for the platform is taken, linux/amd64 unless another is asked for" {
    bundle a/app:1
    holds a/app:amd64
    bundle a/app:1 --platform linux/arm64
    holds a/app:arm64
    bundle a/app:1 --platform linux/arm
    holds a/app:v7
    bundle a/app:1 --platform windows/amd64
    holds a/app:win
    bundle a/old:1 --platform linux/ppc64le
    holds a/old:ppc
    bundle a/app:nested --platform linux/amd64
    holds a/app:amd64
    [ "$(drover inspect b.tar --json; jq -r '.images[0].source_digest' <<<"$output")" = \
        "$(manifest_digest "$hub" a/app:nested)" ]
}

@test "a list asked for by its digest, with and without its tag" {
    list=$(manifest_digest "$hub" a/app:1)
    app=$(manifest_digest "$hub" a/app:amd64)
    for reference in "a/app@$list" "a/app:1@$list"; do
        bundle "$reference" --all-platforms
        drover inspect b.tar --json
        [ "$(jq -r '.images[0] | .ref + " " + .digest' <<<"$output")" = "docker.io/$reference $list" ]
        bundle "$reference"
        drover inspect b.tar --json
        [ "$(jq -r '.images[0] | .ref + " " + .source_digest' <<<"$output")" = \
            "docker.io/${reference%@*}@$app $list" ]
    done
    site=$(registry_start site)
    bundle "a/app:1@$list" --all-platforms
    drover mirror b.tar "$site" --pubkey "$keys/site.pub"
    [ "$(manifest_digest "$site" a/app:1)" = "$list" ]
    registry_stop site
    expected=6 bundle "a/app:1@sha256:$(tr 0-9a-f 1-9a-f0 <<<"${list#*:}")"
}

@test "a platform that the list lacks is refused with those that it has, and nothing is written" {
    rm -f b.tar*
    expected=6 bundle a/app:1 --platform linux/s390x
    says_error "no image for linux/s390x, only for: linux/arm64, linux/amd64, linux/arm/v7, windows/amd64"
    expected=6 bundle a/app:1 --platform linux/arm/v6
    expected=6 bundle a/old:1 --platform linux/s390x --all-platforms
    says_error "its list has no image for linux/s390x"
    for word in linux linux/ /amd64 linux/amd64/v1/x 'linux/a b' '' LINUX/amd64; do
        expected=2 bundle a/app:1 --platform "$word"
        says_error "not a platform like linux/amd64"
    done
    [ -z "$(ls)" ]
}

@test "an image without a list that is for another platform: refused if that was asked for, else told" {
    expected=6 bundle a/app:amd64 --platform linux/arm64
    says_error "it is for linux/amd64 only, not for linux/arm64"
    [ -z "$(ls)" ]
    bundle a/app:arm64
    says_error "it is for linux/arm64, not for linux/amd64"
    bundle a/app:arm64 --platform linux/arm64
    [[ $stderr != *"it is for"* ]]
}

@test "all platforms: the list and all below it, and the tag's digest stays what it was" {
    drover verify "$keys/all.tar" --pubkey "$keys/site.pub"
    site=$(registry_start site)
    drover mirror "$keys/all.tar" "$site/copy" --pubkey "$keys/site.pub"
    for image in a/app:1 a/old:1; do
        [ "$(manifest_digest "$site" "copy/$image")" = "$(manifest_digest "$hub" "$image")" ]
        for arch in amd64 arm64 ppc64le; do
            if [[ $arch$image == arm64a/old* || $arch$image == ppc64lea/app* ]]; then continue; fi
            skopeo copy -q --src-tls-verify=false --override-arch "$arch" --override-os linux \
                "docker://$site/copy/$image" "dir:$PWD/$arch"
        done
    done
    drover mirror "$keys/all.tar" "$site/copy" --pubkey "$keys/site.pub"
    says_error "0 sent"
    drover mirror "$keys/all.tar" "$site/copy" --pubkey "$keys/site.pub" --json
    jq -e '[.. | .result? // empty] | unique == ["present"]' <<<"$output"
    # What is gone from below a list is sent again.
    digest=$(manifest_digest "$hub" a/app:v7)
    find "$HARNESS_DIR/registry/site/data" -path "*/_manifests/revisions/sha256/${digest#*:}*" \
        -name link -delete
    drover mirror "$keys/all.tar" "$site/copy" --pubkey "$keys/site.pub"
    curl -sfo /dev/null -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://$site/v2/copy/a/app/manifests/$digest"
    registry_stop site
}

@test "all platforms: inspect and diff tell what is in the list" {
    drover inspect "$keys/all.tar"
    says "a list of 5 images for 4 platforms"
    says "for linux/amd64, which docker load gets"
    says "    digest    $(manifest_digest "$hub" a/app:arm64)"
    drover inspect "$keys/all.tar" --json
    [ "$(jq -r '.images[0].platforms | join(" ")' <<<"$output")" = \
        "linux/amd64 linux/arm64 linux/arm/v7 windows/amd64" ]
    [ "$(jq '.images[0].manifests | length' <<<"$output")" -eq 5 ]
    bundle a/app:1
    drover diff b.tar "$keys/all.tar" --json
    [ "$(jq '.moved[0].to.only_here.layers' <<<"$output")" -eq 4 ]
}

@test "all platforms: a dry run counts every image, and an image without a list is carried as it is" {
    rm -f b.tar*
    drover bundle a/app:1 --all-platforms --from "$hub" --dry-run
    says "5 images for 4 platforms, 7 layers"
    bundle a/app:arm64 a/app:other --all-platforms
    says_error "docker load gets its image for linux/arm64: it has none for linux/amd64"
    drover verify b.tar --pubkey "$keys/site.pub"
    bundle a/app:nested --all-platforms --platform linux/arm64
    drover inspect b.tar --json
    [ "$(jq -r '.images[0].manifests[-1].mediaType' <<<"$output")" = \
        application/vnd.oci.image.index.v1+json ]
    [ "$(jq -r '.images[0].image_id' <<<"$output")" = \
        "$(skopeo inspect --tls-verify=false --raw "docker://$hub/a/app:arm64" | jq -r .config.digest)" ]
}

@test "all platforms: a delta leaves out what the list before had, and becomes whole again" {
    site=$(registry_start site)
    make_image "$hub" a/app:new --layers 60K,5K --seed app --oci
    make_list "$hub" a/app:2 linux/arm64=arm64 linux/amd64=new
    drover mirror "$keys/all.tar" "$site" --pubkey "$keys/site.pub"
    drover bundle a/app:2 --all-platforms --from "$hub" -o whole.tar --key "$keys/site.key"
    drover bundle a/app:2 --all-platforms --from "$hub" -o delta.tar --key "$keys/site.key" \
        --base "$keys/all.tar"
    [ "$(drover inspect delta.tar --json; jq '.delta.requires | length' <<<"$output")" -eq 2 ]
    drover mirror delta.tar "$site" --pubkey "$keys/site.pub"
    says_error "2 sent"
    [ "$(manifest_digest "$site" a/app:2)" = "$(manifest_digest "$hub" a/app:2)" ]
    drover audit delta.tar "$site" --pubkey "$keys/site.pub"
    drover merge "$keys/all.tar" delta.tar -o merged.tar --pubkey "$keys/site.pub"
    drover verify merged.tar --pubkey "$keys/site.pub"
    drover inspect merged.tar --json
    [ "$(jq '.images[0].manifests | length' <<<"$output")" -eq 2 ]
    registry_stop site
}

@test "all platforms: docker and skopeo read such a bundle" {
    engine_start
    drover bundle a/app:1 --all-platforms --from "$hub" -o one.tar --key "$keys/site.key"
    [ "$(skopeo inspect --raw oci-archive:one.tar | sha256sum | cut -d' ' -f1)" = \
        "$(manifest_digest "$hub" a/app:1 | cut -d: -f2)" ]
    skopeo copy -q --all --preserve-digests --dest-tls-verify=false oci-archive:one.tar \
        "docker://$hub/b/app:1"
    [ "$(manifest_digest "$hub" b/app:1)" = "$(manifest_digest "$hub" a/app:1)" ]
    docker load -i "$keys/all.tar"
    drover inspect "$keys/all.tar" --json
    for index in 0 1; do
        [ "$(docker image inspect --format '{{.Id}}' \
            "$(jq -r ".images[$index].ref" <<<"$output")")" = \
            "$(jq -r ".images[$index].image_id" <<<"$output")" ]
    done
    # The list's own digest pulls from the registry behind the gap.
    docker pull -q "$hub/a/app@$(manifest_digest "$hub" a/app:1)"
}

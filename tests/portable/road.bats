#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# needs: images
#
# A root folder with nothing but the bundle, the key, busybox and openssl: READ-ME-FIRST.txt is followed word for word,
# and the drover that it takes out of the bundle goes the whole road behind the gap.

load common
load ../cli/server
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    export DROVER_TEST_SCALE=0.01
    hub=$(registry_start hub --data "$IMAGES")
    site=$(registry_start site)
    engine_start
    export hub site files=$BATS_FILE_TMPDIR
    cd "$files" || return
    "$DROVER" key new -o site.key --no-passphrase
    openssl genpkey -algorithm ED25519 -out ed.key
    openssl pkey -in ed.key -pubout -out ed.pub
    "$DROVER" bundle v1.0.2 --from "$hub" -o rancher.bundle.tar --key site.key --with-tool
    "$DROVER" bundle rancher/agent:v1.0.1 --from "$hub" -o ed.bundle.tar --key ed.key --with-tool
    docker pull -q "$hub/rancher/server:v1.0.1"
    docker tag "$hub/rancher/server:v1.0.1" rancher/server:v1.0.1
    make_host host rancher.bundle.tar site.pub
    make_host ed ed.bundle.tar ed.pub
}

# make_host NAME BUNDLE KEY: a root folder with these where the text has them, busybox and openssl; $files/NAME.
make_host() {
    local root=$files/$1 library
    mkdir -p "$root"/{bin,path/to,empty,run,tmp}
    cp --reflink=auto "$2" "$root/path/to/rancher.bundle.tar"
    cp "$3" "$root/path/to/site.pub"
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp "$(command -v openssl)" "$root/bin/openssl"
    for library in $(ldd "$(command -v openssl)" | grep -oE '/[^ ]+'); do
        mkdir -p "$root$(dirname "$library")"
        cp "$library" "$root$library"
    done
    chroot_sh "$root" '/bin/busybox --install -s /bin'
}

chroot_sh() {
    env -i PATH=/bin DROVER_TEST_SCALE=$DROVER_TEST_SCALE /usr/sbin/chroot "$1" /bin/busybox sh -c "cd /empty && $2"
}

setup() {
    host=$files/host
    rm -rf "$files"/{host,ed}/empty
    mkdir "$files"/{host,ed}/empty
}

teardown() {
    umount "$host/var/run/docker.sock" 2>/dev/null || true
}

# commands SECTION: what that section of the text tells to type, in the host's own words.
commands() {
    chroot_sh "$host" 'tar -xOf /path/to/rancher.bundle.tar READ-ME-FIRST.txt' |
        awk -v number="$1." '/^[0-9]\. / { inside = ($1 == number) } inside && /^    / { print substr($0, 5) }'
}

# The lines with the paths, that are typed once.
paths() {
    commands 1 | head -n 2
}

# The chain of section 1, with its first openssl line or with the other one.
take_out() {
    commands 1 | sed '1,2d; /^openssl pkeyutl/d'
}

take_out_ed() {
    local other
    other=$(commands 1 | grep '^openssl pkeyutl')
    commands 1 | sed '1,2d; /^openssl pkeyutl/d' | while IFS= read -r line; do
        if [[ $line == 'openssl dgst'* ]]; then line=$other; fi
        printf '%s\n' "$line"
    done
}

@test "the text's first section takes drover out, and nothing else is needed" {
    run -0 chroot_sh "$host" "$(paths)
$(take_out)"
    says "Verified OK"
    says "drover: OK"
    says "TOOL-OK"
    cmp "$host/empty/drover" "$DROVER"
    [ -x "$host/empty/drover" ]
}

@test "with an Ed25519 key by the other line" {
    run -0 chroot_sh "$files/ed" "$(paths)
$(take_out_ed)"
    says "Signature Verified Successfully"
    says "TOOL-OK"
    cmp "$files/ed/empty/drover" "$DROVER"
}

@test "it never says TOOL-OK of another drover, another list, another key" {
    local bundle=$host/path/to/rancher.bundle.tar commands
    commands="$(paths)
$(take_out)"
    cp "$host/path/to/site.pub" "$files/kept.pub"
    cp "$files/ed.pub" "$host/path/to/site.pub"
    run chroot_sh "$host" "$commands"
    [ "$status" -ne 0 ] && [[ $output != *TOOL-OK* ]]
    "$DROVER" key new -o "$files/other.key" --no-passphrase
    cp "$files/other.pub" "$host/path/to/site.pub"
    run chroot_sh "$host" "$commands"
    [ "$status" -ne 0 ] && [[ $output != *TOOL-OK* ]]
    cp "$files/kept.pub" "$host/path/to/site.pub"
    mv "$bundle" "$files/kept.tar"
    # One byte of the tool, one of the list, a second tool behind the first, one more line in the list.
    size=$(stat -c %s "$files/kept.tar")
    for place in $((size - 100000)) 600; do
        cp "$files/kept.tar" "$bundle"
        printf '\377' | dd of="$bundle" bs=1 seek="$place" conv=notrunc status=none
        rm -rf "$host"/empty/*
        run chroot_sh "$host" "$commands"
        [ "$status" -ne 0 ] && [[ $output != *TOOL-OK* ]]
    done
    cp "$files/kept.tar" "$bundle"
    echo evil >"$BATS_TEST_TMPDIR/drover-x86_64"
    tar -rf "$bundle" -C "$BATS_TEST_TMPDIR" drover-x86_64
    rm -rf "$host"/empty/*
    run chroot_sh "$host" "$commands"
    [ "$status" -ne 0 ] && [[ $output != *TOOL-OK* ]]
    cp "$files/kept.tar" "$bundle"
}

@test "the text's third section verifies everything without drover" {
    run -0 chroot_sh "$host" "$(paths)
$(commands 3)"
    says "BUNDLE-OK"
}

@test "the whole road from the drover inside: verify, mirror, audit, apply --dry-run, apply" {
    server
    before
    mkdir -p "$host/var/run"
    : >"$host/var/run/docker.sock"
    mount --bind /run/docker.sock "$host/var/run/docker.sock"
    begin="$(paths)
$(take_out)"
    run -0 chroot_sh "$host" "$begin
$(commands 2 | sed "s/REGISTRY/$site/")
./drover audit \"\$B\" $site --pubkey \"\$K\""
    says "every byte checked"
    says "$site/rancher/server:v1.0.2"
    says "nothing was changed"
    [ "$(docker ps --format '{{.Image}}')" = rancher/server:v1.0.1 ]
    # Nothing was left behind but what the text made.
    [ "$(ls "$host/empty" | tr '\n' ' ')" = "SHA256SUMS SHA256SUMS.sig drover drover.sum " ]
    run -0 chroot_sh "$host" "./drover apply /path/to/rancher.bundle.tar --registry $site \
        --pubkey /path/to/site.pub --yes"
    upgraded
}

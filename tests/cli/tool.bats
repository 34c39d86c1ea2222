#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover in its own bundle: --with-tool. That it can be taken out and used where there is nothing else is shown by
# tests/portable/road.bats.

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub keys=$BATS_FILE_TMPDIR
    make_image "$hub" some/image:1 --layers 90K,5K --seed tool
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    fake_tool arm 183
    fake_tool intel 62
}

# bundle [STATUS] [OPTION…]
bundle() {
    local expected words
    take_status "$@"
    drover "$expected" bundle some/image:1 --from "$hub" -o b.tar --key "$keys/site.key" "${words[@]}"
}

@test "the running program goes along; alone only if it needs nothing of its host" {
    bundle 9 --with-tool
    says_error "'this drover' needs libraries of the host it runs on"
    says_error "--dynamic-tool"
    [ ! -e b.tar ]
    bundle --with-tool --dynamic-tool
    says "READ-ME-FIRST.txt"
    says "drover-$(uname -m), "
    drover verify b.tar --pubkey "$keys/site.pub"
    drover inspect b.tar
    says "carries   drover for $(uname -m), "
    drover inspect b.tar --json
    [ "$(jq -r '.tools[] | .architecture' <<<"$output")" = "$(uname -m)" ]
    [ "$(jq -r '.tools[] | .digest' <<<"$output")" = "sha256:$(sha256sum <"$DROVER" | cut -d' ' -f1)" ]
    tar -xf b.tar "drover-$(uname -m)" READ-ME-FIRST.txt
    cmp "drover-$(uname -m)" "$DROVER"
    [ "$(stat -c %a "drover-$(uname -m)")" = 755 ]
    cmp READ-ME-FIRST.txt "$BATS_TEST_DIRNAME/../../bundle/READ-ME-FIRST.txt"
    bundle --force
    drover inspect b.tar --json
    [ "$(jq -c .tools <<<"$output")" = '[]' ]
}

@test "one for each architecture, in the order of their names; the bundle stays an archive for everybody" {
    bundle --with-tool=intel --with-tool=arm
    [ "$(tar -tf b.tar | tail -3 | tr '\n' ' ')" = "READ-ME-FIRST.txt drover-aarch64 drover-x86_64 " ]
    tar -xOf b.tar drover-aarch64 | cmp - arm
    tar -xOf b.tar drover-x86_64 | cmp - intel
    drover verify b.tar --pubkey "$keys/site.pub"
    mkdir all
    tar -xf b.tar -C all
    (cd all && sha256sum --strict --quiet -c SHA256SUMS)
    skopeo inspect oci-archive:b.tar >/dev/null
    skopeo inspect docker-archive:b.tar >/dev/null
    cp b.tar other.tar
    drover diff b.tar other.tar
    rm b.tar
    bundle 2 --with-tool=arm --with-tool=intel --with-tool=./arm
    says_error "there are two for one architecture ('drover-aarch64')"
    [ ! -e b.tar ]
}

@test "an engine loads it" {
    engine_start
    bundle --with-tool=arm --with-tool=intel
    docker load -q -i b.tar
    docker image inspect some/image:1 >/dev/null
}

@test "a delta carries it, and so does what merge makes of that" {
    export SOURCE_DATE_EPOCH=1464286418
    make_image "$hub" more/image:1 --layers 90K,7K --seed tool
    drover bundle some/image:1 --from "$hub" -o old.tar --key "$keys/site.key"
    drover bundle more/image:1 --from "$hub" -o delta.tar --key "$keys/site.key" --base old.tar --with-tool=arm
    tar -xOf delta.tar drover-aarch64 | cmp - arm
    drover inspect delta.tar
    says "drover for aarch64"
    drover merge old.tar delta.tar -o whole.tar --pubkey "$keys/site.pub"
    drover verify whole.tar --pubkey "$keys/site.pub"
    tar -xOf whole.tar drover-aarch64 | cmp - arm
    drover bundle more/image:1 --from "$hub" -o direct.tar --key "$keys/site.key" --with-tool=arm
    tar -xOf whole.tar SHA256SUMS >list
    tar -xOf direct.tar SHA256SUMS | cmp - list
}

@test "what is no drover for a host is refused, and says why" {
    echo '#!/bin/sh' >script
    : >empty
    head -c 80 arm >short
    fake_tool old 3 '' 32
    fake_tool strange 22
    fake_tool dynamic 62 /lib/ld.so
    gcc -c -x c -o object - </dev/null
    mkdir folder
    bundle 8 --with-tool=script
    says_error "it is no executable for Linux"
    bundle 8 --with-tool=empty
    bundle 8 --with-tool=short
    says_error "its program headers are damaged"
    bundle 8 --with-tool=old
    says_error "64 bits"
    bundle 8 --with-tool=strange
    says_error "does not know its architecture"
    bundle 8 --with-tool=object
    says_error "an object file"
    bundle 8 --with-tool=folder
    says_error "no ordinary file"
    bundle 3 --with-tool=none
    says_error "open 'none'"
    bundle 9 --with-tool=dynamic
    says_error "'dynamic' needs libraries"
    [ -z "$(ls b.tar* 2>/dev/null)" ]
}

@test "every byte of it is under the signature" {
    bundle --with-tool=arm
    size=$(stat -c %s b.tar)
    for place in 1536 9000; do # in its padding or content, from the end
        cp b.tar bad.tar
        printf x | dd of=bad.tar bs=1 seek=$((size - place)) conv=notrunc status=none
        drover 7 verify bad.tar --pubkey "$keys/site.pub"
    done
    head -c $((size - 512)) b.tar >bad.tar
    drover 7 verify bad.tar --pubkey "$keys/site.pub"
}

@test "the same inputs give the same bytes; --dry-run counts it" {
    export SOURCE_DATE_EPOCH=1464286418
    drover bundle some/image:1 --from "$hub" -o one.tar --unsigned --with-tool=arm
    drover bundle some/image:1 --from "$hub" -o two.tar --unsigned --with-tool=arm
    cmp one.tar two.tar
    drover bundle some/image:1 --from "$hub" --dry-run --json --with-tool=arm
    [ "$(jq .bytes <<<"$output")" = "$(stat -c %s one.tar)" ]
}

@test "a run that was cut short goes on with it, and begins anew with another one" {
    make_image "$hub" large/image:1 --layers 3M,3M --seed large
    slow=$(odd slow "$hub")
    for tool in arm intel; do
        "$DROVER" bundle large/image:1 --from "$slow" -o b.tar --key "$keys/site.key" --with-tool=arm &
        pid=$!
        wait_until 20 test -s b.tar.part.journal
        sleep 0.2
        kill -KILL $pid
        wait $pid || true
        drover bundle large/image:1 --from "$hub" -o b.tar --key "$keys/site.key" --with-tool=$tool
        if [ $tool = arm ]; then says_error "going on with"; else says_error "begun anew"; fi
        drover verify b.tar --pubkey "$keys/site.pub"
        tar -xOf b.tar "drover-$([ $tool = arm ] && echo aarch64 || echo x86_64)" | cmp - $tool
        rm b.tar
    done
}

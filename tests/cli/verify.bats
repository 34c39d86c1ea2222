#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover verify and drover inspect on whole, changed and foreign files. That every single bit counts is shown
# by tests/unit/test_reader.c; here it is the program as a whole.

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    make_image "$hub" rancher/server:v1.0.2 --layers 90K,5K --seed shared
    make_image "$hub" rancher/agent:v1.0.1 --layers 90K,7K --seed shared
    make_image "$hub" rancher/agent-instance:v0.8.1 --layers 1K --seed other --oci
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" key new -o other.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o good.tar --key site.key
    registry_stop hub
    export keys=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    cp "$keys/good.tar" b.tar
}

flip() {
    python3 - "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))
END
}

refuses() {
    drover "$1" verify b.tar --pubkey "$keys/site.pub"
    [ -z "$output" ]
    says_error "$2"
}

@test "a good bundle is good, without any network, and nothing is written" {
    chmod 444 b.tar
    drover verify b.tar --pubkey "$keys/site.pub"
    says "b.tar: good: signed by key"
    says "every byte checked"
    [ -z "$stderr" ]
    [ "$(find . -mindepth 1)" = ./b.tar ]
    drover verify b.tar --pubkey "$keys/site.pub" --json
    [ "$(jq -r .verified <<<"$output")" = true ]
    [ "$(jq '.images | length' <<<"$output")" -eq 3 ]
    [ "$(jq .bytes <<<"$output")" -eq "$(stat -c %s b.tar)" ]
    [ "$(jq -r .sums <<<"$output")" = \
        "sha256:$(tar -xOf b.tar SHA256SUMS | sha256sum | cut -d' ' -f1)" ]
}

@test "a changed bundle is refused with the place, by verify and by inspect with a key" {
    size=$(stat -c %s b.tar)
    for at in 0 130 600 4000 6000 20000 $((size - 100000)) $((size - 1500)) $((size - 1)); do
        cp "$keys/good.tar" b.tar
        flip b.tar "$at"
        refuses 7 "b.tar"
    done
    cp "$keys/good.tar" b.tar
    flip b.tar $((size - 60000))
    refuses 7 "blobs/sha256/"
    truncate -s -512 b.tar
    refuses 7 "ends too early"
    drover 7 inspect b.tar --pubkey "$keys/site.pub"
    cp "$keys/good.tar" b.tar
    cat "$keys/good.tar" >>b.tar
    refuses 7 "behind its end"
}

@test "another key is refused; one good one of several is enough" {
    drover 7 verify b.tar --pubkey "$keys/other.pub"
    says_error "not by the given key"
    drover verify b.tar --pubkey "$keys/other.pub" --pubkey "$keys/site.pub"
    drover 2 verify b.tar
    says_error "--pubkey"
    drover 8 verify b.tar --pubkey "$keys/site.key"
    says_error "private key"
    drover 3 verify b.tar --pubkey nowhere.pub
}

@test "what is no bundle says so" {
    tar -cf b.tar -C "$keys" good.tar
    refuses 7 "is this a drover bundle?"
    : >b.tar
    refuses 7 "is this a drover bundle?"
    rm b.tar
    refuses 3 "No such file"
    mkfifo b.tar
    refuses 3 "not an ordinary file"
    rm b.tar
    ln -s "$keys/good.tar" b.tar
    refuses 9 "symbolic link"
}

@test "inspect shows everything, and says loudly that nobody vouches for it" {
    drover inspect b.tar
    says "Rancher v1.0.2: 3 images"
    says "docker.io/rancher/agent-instance:v0.8.1"
    says "signed    not checked"
    says_error "warning: NOT VERIFIED"
    drover inspect b.tar --json
    [ "$(jq -r .verified <<<"$output")" = false ]
    [ "$(jq -r .key_id <<<"$output")" = null ]
    says_error "warning: NOT VERIFIED"
    drover inspect b.tar --pubkey "$keys/site.pub"
    [ -z "$stderr" ]
    says "signed    $("$DROVER" key id "$keys/site.pub")"
}

@test "a result that cannot be written is a failure" {
    run bash -c '"$DROVER" inspect b.tar --json >/dev/full'
    [ "$status" -eq 3 ]
}

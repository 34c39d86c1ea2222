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
    SOURCE_DATE_EPOCH=1464286418 "$DROVER" bundle rancher/agent:v1.0.1 --from "$hub" -o old.tar --key site.key \
        --expires 1d
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
    says_error "was changed; where there is parity 'drover repair' restores it, else have it carried again"
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

@test "inspect shows layers with sizes, what is shared, and the age" {
    drover inspect b.tar
    says "layers    4, "
    says "1 of them, 91.7 kB"
    says "in more than one image, which saves 91.7 kB"
    says "  layers    2, "
    says "shared with other images"
    grep -qE '[0-9] (second|minute)s? ago' <<<"$output"
    [ "$(grep -cE '^    sha256:[0-9a-f]{64}  [0-9.]+ k?B, shared$' <<<"$output")" -eq 2 ]
    [ "$(grep -cE '^    sha256:[0-9a-f]{64}  [0-9.]+ k?B$' <<<"$output")" -eq 3 ]
    drover inspect b.tar --json
    jq -e '.layers.layers == 4 and .shared.layers == 1 and .saved_bytes == .shared.bytes' <<<"$output"
    jq -e '.expires == null and (.expired | not) and .age < 3600' <<<"$output"
    jq -e '[.images[].shared.layers] == [1, 1, 0]' <<<"$output"
    jq -e '[.images[].layers[].images] == [2, 1, 2, 1, 1]' <<<"$output"
    jq -e '(.layers.bytes + .saved_bytes) == ([.images[].layers[].size] | add)' <<<"$output"
}

@test "what has expired is refused, and can still be looked at" {
    drover inspect "$keys/old.tar" --pubkey "$keys/site.pub"
    says "created   2016-05-26T18:13:38Z by drover"
    [[ $output =~ [0-9]{4}" days ago" ]]
    [[ $output =~ "expires   2016-05-27T18:13:38Z, EXPIRED "[0-9]{4}" days ago" ]]
    drover inspect "$keys/old.tar" --pubkey "$keys/site.pub" --json
    jq -e '.expired and .age > 300000000' <<<"$output"
    drover 9 verify "$keys/old.tar" --pubkey "$keys/site.pub"
    says_error "expired at"
}

@test "a result that cannot be written is a failure" {
    run bash -c '"$DROVER" inspect b.tar --json >/dev/full'
    [ "$status" -eq 3 ]
    [[ $output == *"write the result to the standard output: "* ]]
    run bash -c '"$DROVER" inspect b.tar >/dev/full'
    [ "$status" -eq 3 ]
    [[ $output == *"write the result to the standard output: No space left on device" ]]
}

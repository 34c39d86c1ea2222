#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover bundle --parity, drover parity, drover repair: as an operator meets them. That every byte comes back is
# tests/unit/test_parity.c's.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    make_release "$hub"
    make_image "$hub" rancher/server:v1.0.2 --layers 7M,200K,1K --seed shared
    cd "$files" || return
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" key new -o other.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o b.tar --key site.key --parity 10%
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$files"/b.tar* .
}

repair() {
    drover "$@" --pubkey "$files/site.pub"
}

# sectors FILE FIRST COUNT: other bytes in these 512-byte sectors
sectors() {
    dd if=/dev/urandom of="$1" bs=512 seek="$2" count="$3" conv=notrunc status=none
}

@test "bundle --parity makes a second file of so many percent, and says what it is good for" {
    drover bundle v1.0.2 --from "$hub" -o n.tar --key "$files/site.key" --parity 25%
    [[ $output == *'parity: n.tar.parity, '*': of every '*' chunks that belong together any '*' may be lost'* ]]
    drover verify n.tar --pubkey "$files/site.pub"
    size=$(stat -c %s n.tar) parity=$(stat -c %s n.tar.parity)
    ((parity > size / 4 && parity < size * 27 / 100 + 150000))
    repair repair n.tar
    [[ $output == *'nothing is damaged: every byte was read'* ]]
    rm n.tar
    drover 9 bundle v1.0.2 --from "$hub" -o n.tar --key "$files/site.key" --parity 25%
    [[ $stderr == *"'n.tar.parity' exists and is left as it is"* && ! -e n.tar ]]
}

@test "parity is a percentage, and goes with a key and a file" {
    for amount in 0 101 1.5 much ''; do
        drover 2 bundle v1.0.2 --from "$hub" -o n.tar --key "$files/site.key" --parity "$amount"
        [[ $stderr == *'parity is a percentage of the bundle from 1% to 100%'* ]]
    done
    drover 2 bundle v1.0.2 --from "$hub" -o n.tar --unsigned --parity 10%
    [[ $stderr == *'--parity needs --key'* && ! -e n.tar ]]
    run bash -c '"$DROVER" bundle v1.0.2 --from "$hub" -o - --key "$files/site.key" --parity 10% 2>&1 >/dev/null | cat'
    [[ $output == *'-o - makes none'* ]]
}

@test "scratches here and there come back to the bit, in the bundle and in its parity" {
    sectors b.tar 0 3
    sectors b.tar 9001 700
    printf 'x' | dd of=b.tar bs=1 seek=3000000 conv=notrunc status=none
    sectors b.tar.parity 500 2
    repair repair b.tar --dry-run
    [[ $output == *'b.tar  '*', damaged, can be restored'*'all of the bundle can be restored'* ]]
    run cmp -s b.tar "$files/b.tar"
    ((status == 1))
    repair repair b.tar
    [[ $output == *'[x'*'x'*'.'*']'* && $output == *'  bytes 0 to 1535: list and signatures'* ]]
    [[ $output == *'  bytes 4608512 to 4966911: layer sha256:'*' of rancher/server:v1.0.2'* ]]
    [[ $output == *'restored: every byte of the bundle was read again'* ]]
    cmp b.tar "$files/b.tar"
    cmp b.tar.parity "$files/b.tar.parity"
    drover verify b.tar --pubkey "$files/site.pub"
}

@test "--json tells the same" {
    sectors b.tar 9001 3
    repair repair b.tar --json
    jq -e '.whole and .written and .verified and .lost_chunks == 0 and
        (.files[] | select(.kind == "bundle") | .path == "b.tar" and .bad == 1 and .restored == 1 and
         .damage[0].offset == 4608512 and .damage[0].size == 1536 and .damage[0].restored and
         (.damage[0].members[0].digest | startswith("sha256:")))' <<<"$output"
}

@test "on a medium that cannot be written a copy is restored elsewhere" {
    sectors b.tar 5000 20
    mkdir disc
    mv b.tar b.tar.parity disc
    mount --bind disc disc
    mount -o remount,bind,ro disc
    repair 9 repair disc/b.tar
    [[ $stderr == *"'disc/b.tar' is damaged and can't be written (Read-only file system); -o FOLDER"* ]]
    [[ $output == *'disc/b.tar  '*'damaged, can be restored'* ]]
    repair repair disc/b.tar -o out
    umount disc
    cmp out/b.tar "$files/b.tar"
    [[ ! -e out/b.tar.parity && ! -e out/b.tar.part ]]
}

@test "where the copy does not fit, the map is that of what could be done" {
    sectors b.tar 5000 20
    mkdir small
    mount -t tmpfs -o size=1M tmpfs small
    repair 3 repair b.tar -o small/out
    umount small
    [[ $stderr == *"'small/out/b.tar' needs "*' but the disk has only '* ]]
    [[ $output == *'b.tar  '*', damaged, can be restored'*'[.'*'x'*'.]'* && $output != *'!!'* ]]
}

@test "what is too much is named, and nothing that is good suffers" {
    sectors b.tar 4000 3000
    cp b.tar before
    repair 7 repair b.tar
    [[ $stderr == *'of the bundle cannot be restored: up to '*' chunks too many are gone'*'bring a parity file'* ]]
    [[ $output == *'b.tar  '*', damaged, not restored'*'not restored: layer sha256:'*' of rancher/server:v1.0.2'* ]]
    cmp b.tar before
    repair 7 repair b.tar --dry-run
}

@test "killed at any time, it does the rest the next time" {
    sectors b.tar 300 900
    for after in 0.002 0.01 0.03 0.06; do
        "$DROVER" repair b.tar --pubkey "$files/site.pub" >/dev/null 2>&1 3>&- &
        sleep "$after"
        kill -9 $! 2>/dev/null || true
        wait $! || true
    done
    repair repair b.tar
    cmp b.tar "$files/b.tar"
}

@test "only who is believed says what belongs into a bundle" {
    sectors b.tar 300 9
    drover 7 repair b.tar --pubkey "$files/other.pub"
    [[ $stderr == *"'b.tar.parity': "* ]]
    rm b.tar.parity
    repair 6 repair b.tar
    [[ $stderr == *"there is neither a parity file nor a volume of 'b.tar' there"* ]]
}

@test "drover parity makes it later, by another key, of what is good alone" {
    rm b.tar.parity
    drover 7 parity 20% b.tar --key "$files/other.key"
    drover parity 20% b.tar --key "$files/other.key" --pubkey "$files/site.pub"
    drover 9 parity 20% b.tar --key "$files/other.key" --pubkey "$files/site.pub"
    sectors b.tar 2000 1000
    drover 7 parity 20% b.tar --key "$files/other.key" --pubkey "$files/site.pub" --force
    drover repair b.tar --pubkey "$files/other.pub"
    cmp b.tar "$files/b.tar"
}

@test "a bundle that is lost altogether takes parity of 100 %" {
    drover parity 100% b.tar --key "$files/site.key" --force
    rm b.tar
    repair repair b.tar
    [[ $output == *'b.tar  '*', was missing, made again'* ]]
    cmp b.tar "$files/b.tar"
}

@test "signatures that were attached since are no damage" {
    drover bundle v1.0.2 --from "$hub" -o two.tar --key "$files/site.key" --signers 2 --parity 10%
    drover sign two.tar --key "$files/other.key" -o two.sig
    drover attach two.tar two.sig --pubkey "$files/other.pub"
    sectors two.tar 5000 1
    cp two.tar before
    repair 9 repair two.tar
    [[ $stderr == *"'two.tar' is of the same bundle with other signatures in it"*"'drover parity --force'"* ]]
    cmp two.tar before
}

@test "a name that is not there does not lead to other bundles beside it" {
    sectors b.tar 300 9
    cp b.tar before
    repair 6 repair nosuch.tar
    [[ $stderr == *"there is neither a parity file nor a volume of 'nosuch.tar' there"* ]]
    cmp b.tar before
    drover 2 inspect b.tar.parity --pubkey "$files/site.pub"
    [[ $stderr == *"it is a parity file, which 'drover repair' takes and 'drover verify FILE' checks"* ]]
}

@test "a parity file on a medium of its own is verified alone, every byte of it" {
    drover bundle v1.0.2 --from "$hub" -o v.tar --key "$files/site.key" --split 3M --parity 45%
    mkdir disc empty && mv v.tar.p01 disc
    drover verify disc/v.tar.p01 --pubkey "$files/site.pub"
    [[ $output == "disc/v.tar.p01: good: parity of Rancher v1.0.2 ("*"), every byte checked" ]]
    drover verify disc/v.tar.p01 v.tar.p02 --pubkey "$files/site.pub" --alone
    [ "${#lines[@]}" -eq 2 ]
    drover verify b.tar.parity --pubkey "$files/site.pub"
    drover 2 verify disc/v.tar.p01 v.tar.001 --pubkey "$files/site.pub"
    [[ $stderr == *"'disc/v.tar.p01' is a parity file and 'v.tar.001' is none"* ]]
    drover 7 verify disc/v.tar.p01 --pubkey "$files/other.pub"
    says_error "verify the parity file 'disc/v.tar.p01': the label: the signature is not by"
    drover 3 verify disc --pubkey "$files/site.pub" # which has no volume
    [[ $stderr == *"'drover verify FILE' checks"* ]]
    # Any sector of it: label, index, parity, index, label, end.
    size=$(stat -c %s disc/v.tar.p01)
    for at in 0 3 9 200 400 $((size / 512 - 300)) $((size / 512 - 3)) $((size / 512 - 1)); do
        cp disc/v.tar.p01 bad.p01
        sectors bad.p01 "$at" 1
        drover 7 verify bad.p01 --pubkey "$files/site.pub"
        [[ $output == "bad.p01: damaged: parity of Rancher v1.0.2 ("* ]]
        says_error "the parity file 'bad.p01' is damaged: copy or burn it again"
        drover 7 verify bad.p01 --pubkey "$files/site.pub" --json
        [ "$(jq -r '.found[0].state' <<<"$output")" = damaged ]
    done
    truncate -s -1 disc/v.tar.p01
    drover 7 verify disc/v.tar.p01 --pubkey "$files/site.pub"
    [[ $output == *"it has $((size - 1)) bytes, not $size"* ]]
}

@test "parity of another bundle is not taken" {
    drover bundle rancher/agent:v1.0.1 --from "$hub" -o o.tar --key "$files/site.key" --parity 10%
    repair 9 repair b.tar o.tar.parity
    [[ $stderr == *"'o.tar.parity' is of another bundle than "* || $stderr == *"'b.tar' has no label, and little in it is of this bundle"* ]]
    mv o.tar.parity b.tar.parity
    repair 9 repair b.tar
    [[ $stderr == *"'b.tar' has no label, and little in it is of this bundle, images (serial "*"'drover parity --force'"* ]]
    cmp b.tar "$files/b.tar"
}

@test "parity that the site made with a key of its own: without that key it is said that it was passed over" {
    drover bundle v1.0.2 --from "$hub" -o v --key "$files/site.key" --split 3M
    drover parity 45% v.001 --key "$files/other.key" --pubkey "$files/site.pub"
    rm v.002
    drover 9 verify v.001 --pubkey "$files/site.pub"
    drover 7 repair v.001 --pubkey "$files/site.pub"
    [[ $stderr == *"there is no parity file here"*"; passed over was "*"v.p01': the label: the signature is not by"* ]]
    drover repair v.001 --pubkey "$files/site.pub" --pubkey "$files/other.pub"
}

@test "a volume that is lost is made again to the bit, and so is one without its label" {
    drover bundle v1.0.2 --from "$hub" -o v.tar --key "$files/site.key" --split 3M --parity 45%
    [[ $output == *'parity: v.tar.p01 to .p02, '* ]]
    (($(stat -c %s v.tar.p01) <= 3 * 1024 * 1024))
    drover verify v.tar.001 --pubkey "$files/site.pub"
    [[ -z $stderr ]]
    mkdir kept && cp v.tar.0* v.tar.p0* kept
    rm v.tar.002
    mkdir apart && cp v.tar.001 v.tar.003 v.tar.p0* apart # parity in the same folder is no damaged volume
    drover 9 verify apart --pubkey "$files/site.pub"
    [[ $output == *"not here: volume 2 of 3 of Rancher v1.0.2 "* ]]
    [[ $stderr == *"; 'drover repair' can perhaps make it again: parity is here" ]]
    [[ $output == *"v.tar.p01: it is a parity file, which 'drover repair' takes"* ]]
    drover 9 merge apart -o whole.tar --pubkey "$files/site.pub"
    rm -r apart
    [[ $stderr == *"volume 2 of 3 "*" is not in "*"; 'drover repair' can perhaps make it again: parity is here"* ]]
    repair repair v.tar
    [[ $output == *'v.tar.002  '*', was missing, made again'* ]]
    for file in v.tar.*; do cmp "$file" "kept/$file"; done
    # Its label, its frame, its table and some of its slice; and a part of a parity file.
    truncate -s -5000 v.tar.003
    sectors v.tar.003 10 50
    sectors v.tar.p01 0 9
    mkdir disc && mv v.tar.00[12] disc
    repair repair v.tar.003 --media disc
    [[ $output == *'v.tar.003  '*'damaged, restored'*'its label'* ]]
    mv v.tar.p02 disc
    repair repair v.tar.003 --media disc --dry-run
    [[ $output != *'not here'* ]]
    mkdir away && mv disc/v.tar.p02 away
    repair repair v.tar.003 --media disc
    [[ $output == *'; '*' of the '*' chunks of parity are in a file that is not here'* ]]
    mv disc/* away/* .
    for file in v.tar.*; do cmp "$file" "kept/$file"; done
    cmp b.tar "$files/b.tar" # which begins like volume 1, and is none
    drover parity 10% v.tar.001 --key "$files/site.key" --force
    repair 9 repair .
    [[ $stderr == *"there are files of several bundles, './b.tar.parity' and './v.tar."* ]]
    # One bundle, cut in two ways, is one bundle.
    mkdir twice && cp v.tar.00* twice
    drover split v.tar.001 4M -o twice/w --key "$files/site.key"
    repair 9 repair twice
    [[ $stderr == *" is here twice: 'twice/"*"' is of it in "*" volumes, 'twice/"*"; name a file of those that are meant"* ]]
    repair repair twice/w.001
    mkdir other && mv b.tar* other
    sectors other/b.tar 77 1
    repair repair other
    repair repair .
    # Two that are lost are too much: which layers that are is said.
    rm v.tar.00[12]
    repair 7 repair v.tar
    [[ $output == *'v.tar.001  '*', missing, cannot be made again'*'it has list and signatures'* && ! -e v.tar.001.part ]]
}

@test "memory stays within 128 MiB" {
    python3 - <<'END'
import os, resource, subprocess
def peak(*arguments):
    pid = os.posix_spawn(os.environ["DROVER"], ["drover", *arguments], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    return os.wait4(pid, 0)[2].ru_maxrss
files = os.environ["files"]
limit = 128 * 1024
assert peak("parity", "100%", "b.tar", "--key", files + "/site.key", "--force") < limit
assert peak("repair", "b.tar", "--pubkey", files + "/site.pub") < limit
END
}

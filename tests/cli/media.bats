#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Volumes where they are read: several folders at once, and one drive into which they are put one after the other.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    export DROVER_TEST_SCALE=0.02 # a drive is looked at 50 times a second
    make_release "$hub"
    make_image "$hub" rancher/server:v1.0.2 --layers 300K,200K,450K,90K,60K --seed shared
    make_image "$hub" rancher/server:v1.0.1 --layers 300K,200K,1K --seed shared
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    export SOURCE_DATE_EPOCH=1464286418
    "$DROVER" bundle v1.0.1 --from "$hub" -o old.tar --key site.key --serial 1
    "$DROVER" bundle v1.0.2 --from "$hub" -o new.tar --key site.key --serial 2
    mkdir new old delta
    "$DROVER" bundle v1.0.2 --from "$hub" -o new/v --split 320K --key site.key --serial 2
    "$DROVER" bundle v1.0.1 --from "$hub" -o old/v --split 320K --key site.key --serial 1
    "$DROVER" bundle v1.0.2 --from "$hub" -o delta/v --split 320K --key site.key --serial 2 \
        --base old.tar
    cd new && count=$(printf '%s\n' v.0* | wc -l)
    export count
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    name=site-$BATS_TEST_NUMBER
    site=$(registry_start "$name")
    mkdir drive
    : >inserted
}

teardown() {
    registry_stop "$name"
}

# damage FILE BYTE
damage() {
    printf '\377\376\375' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# put_in FILE: it is the only thing in the drive now, all at once.
put_in() {
    rm -f drive/*
    cp "$1" next
    mv next "drive/${1##*/}"
    printf '%s\n' "${1##*.00}" >>inserted
}

# at_drive FOLDER [-s STATUS] [-f FIRST] COMMAND…: runs it, with somebody at the drive who puts in what is asked for, out
# of FOLDER; where several are asked for, the first. FIRST are the discs that are put in before, whatever is asked.
at_drive() {
    local folder=$1 expected=0 first=() OPTIND=1 OPTARG option
    shift
    while getopts s:f: option; do
        case $option in
        s) expected=$OPTARG ;;
        f) read -ra first <<<"$OPTARG" ;;
        *) return 1 ;;
        esac
    done
    shift $((OPTIND - 1))
    : >said
    ( 
        told=0
        while sleep 0.01; do
            asked=$(grep -c 'put in' said) || true
            if ((asked == told)); then continue; fi
            told=$asked
            number=$(grep 'put in volume' said | tail -n 1 | sed -E 's/.*put in volume ([0-9]+).*/\1/')
            if ((told <= ${#first[@]})); then
                put_in "${first[told - 1]}"
            else
                put_in "$folder/v.00${number:-1}" || true
            fi
        done
    ) 3>&- &
    local operator=$!
    status=0
    timeout -s KILL "${seconds:-20}" "$DROVER" "$@" >out 2>said </dev/null || status=$?
    kill "$operator" && wait "$operator" 2>/dev/null || true
    output=$(<out) stderr=$(<said)
    if ((status != expected)); then
        printf 'ended with %s, not %s\n%s\n%s\n' "$status" "$expected" "$output" "$stderr"
        return 1
    fi
}

mirror_drive() {
    local folder=$1 options=()
    shift
    while [[ ${1-} == -[sf] ]]; do
        options+=("$1" "$2")
        shift 2
    done
    at_drive "$folder" "${options[@]}" mirror drive "$site" --wait-for-media \
        --pubkey "$files/site.pub" --state-dir state "$@"
}

audit() {
    drover audit "$files/new.tar" "$site" --deep --pubkey "$files/site.pub"
}

nothing_tagged() {
    [[ -z $(manifest_digest "$site" rancher/server:v1.0.2) ]]
    [[ -z $(manifest_digest "$site" rancher/agent:v1.0.1) ]]
}

@test "volumes in several folders are verified, joined and mirrored as one bundle" {
    mkdir a b
    cp "$files"/new/v.00[13] a
    cp "$files"/new/v.00[2-9] b
    drover verify a --media b --pubkey "$files/site.pub"
    says "in $count volumes, every byte checked"
    drover inspect b/v.002 --pubkey "$files/site.pub"
    says 'Rancher v1.0.2'
    drover diff "$files/old/v.001" b --pubkey "$files/site.pub"
    drover merge a --media b -o joined.tar --pubkey "$files/site.pub"
    says "joined of $count volumes"
    cmp <(tar -xOf joined.tar SHA256SUMS) <(tar -xOf "$files/new.tar" SHA256SUMS)
    drover verify joined.tar --pubkey "$files/site.pub"
    drover 9 mirror a "$site" --pubkey "$files/site.pub" --state-dir state
    says_error 'or name more folders with --media'
    nothing_tagged
    drover mirror a "$site" --media b --pubkey "$files/site.pub" --state-dir state
    audit
    drover mirror b/v.002 "$site" --pubkey "$files/site.pub" --state-dir state
}

@test "all volumes by name, as a shell writes v.0*, are one bundle" {
    mkdir a b
    cp "$files"/new/v.* a
    mv a/v.002 b/renamed
    drover verify a/v.0* b/renamed --pubkey "$files/site.pub"
    says "every byte checked"
    drover mirror a/v.0* b/renamed "$site" --pubkey "$files/site.pub"
    drover audit a/v.0* b/renamed "$site" --pubkey "$files/site.pub"
    drover 2 verify a/v.001 a --pubkey "$files/site.pub"
    says_error "'a' is too much"
}

@test "verify tells good, damaged, missing, foreign volumes and copies from each other" {
    cp "$files"/new/v.00[124] .
    cp v.001 z
    cp "$files/old/v.002" other
    damage v.002 100000
    drover 7 verify . --pubkey "$files/site.pub"
    says "./v.001: volume 1 of $count: good"
    says "./v.002: volume 2 of $count: damaged"
    says 'bytes 65536 to 131072, where sha256:'
    says './other: not of this bundle: volume 2 of'
    says './z: a copy: volume 1'
    says 'not here: volumes 3 and 5 of 5 of Rancher'
    says_error '2 is damaged, not here: 3 and 5'
    drover verify v.004 --alone --pubkey "$files/site.pub"
    says 'not looked at: volumes 1, 2, 3 and 5 of 5'
    [[ $output != *other* ]]
    drover 7 verify v.002 --alone --pubkey "$files/site.pub"
    says_error ' 2 is damaged; bring what is damaged again'
    drover 7 verify v.004 --media "$files/old" --pubkey "$files/site.pub"
    mv v.002 elsewhere
    cp "$files"/new/v.00[35] .
    drover 7 merge . -o joined.tar --pubkey "$files/site.pub"
    says_error "volume 2 of $count ('./elsewhere') is damaged: bytes 65536 to 131072, where sha256:"
    [[ ! -e joined.tar && ! -e joined.tar.part ]]
}

@test "one drive, from 1 on: each volume is asked for once" {
    put_in "$files/new/v.001"
    mirror_drive "$files/new"
    diff <(seq "$count") inserted
    audit
}

@test "one drive, whatever is put in first: one volume is asked for twice at most" {
    for first in 2 "$count"; do
        registry_stop "$name"
        rm -rf "$HARNESS_DIR/registry/$name/data" state drive/*
        registry_start "$name"
        : >inserted
        put_in "$files/new/v.00$first"
        mirror_drive "$files/new"
        (($(wc -l <inserted) <= count + 1))
        audit
    done
}

@test "one drive: what is foreign, unsigned or cut off is told, and the right one is asked for again" {
    "$DROVER" key new -o stranger.key --no-passphrase
    mkdir bad
    "$DROVER" bundle v1.0.2 --from "$hub" -o bad/v --split 320K --key stranger.key
    head -c 200000 "$files/new/v.002" >bad/cut.002
    put_in "$files/new/v.001"
    mirror_drive "$files/new" -f "$files/old/v.002 bad/v.002 bad/cut.002"
    says_error "'drive/v.002' is volume 2 of 3 of Rancher v1.0.1 "
    says_error 'not of this bundle'
    says_error "'drive/v.002' cannot be used: the label: the signature is not by the given key"
    says_error "'drive/cut.002' cannot be used: it has no label at its end"
    audit
}

@test "one drive: a damaged volume is named, the others go in, and only it is wanted again" {
    cp "$files"/new/v.00* .
    damage v.003 70000
    put_in v.001
    mirror_drive . -s 7
    says_error "volume 3 of $count ('drive/v.003') is damaged: bytes 65536 to 131072, where sha256:"
    says_error 'no tag was changed; bring volume 3 again'
    nothing_tagged
    : >inserted
    cp "$files/new/v.003" .
    put_in v.001
    mirror_drive .
    (($(wc -l <inserted) <= 4))
    audit
}

@test "one drive: killed and begun again, it asks only for what is still needed" {
    mkdir some
    cp "$files"/new/v.00[123] some
    put_in some/v.001
    seconds=2 mirror_drive some -s 137 # there is no fourth
    nothing_tagged
    : >inserted
    put_in "$files/new/v.003"
    mirror_drive "$files/new"
    diff <(seq 3 "$count") inserted
    audit
}

@test "one drive: a delta in volumes goes onto what the registry has, and not onto an emptied one" {
    put_in "$files/delta/v.001"
    mirror_drive "$files/delta" -s 9
    says_error 'this bundle is a delta'
    nothing_tagged
    drover mirror "$files/old" "$site" --pubkey "$files/site.pub" --state-dir state
    rm drive/*
    mirror_drive "$files/delta"
    audit
}

@test "one drive: uploads that break, and a registry that hands no layer on, cost a volume once more at most" {
    for oddity in cut no-mount; do
        registry_stop "$name"
        rm -rf "$HARNESS_DIR/registry/$name/data" state drive/*
        registry_start "$name"
        : >inserted
        put_in "$files/new/v.001"
        site=$(odd "$oddity" "$site") mirror_drive "$files/new"
        (($(wc -l <inserted) <= count + 2))
        audit
    done
}

@test "--wait-for-media of what is one file waits for nothing" {
    drover verify "$files/new.tar" --wait-for-media --pubkey "$files/site.pub"
    says 'every byte checked'
    drover mirror "$files/new.tar" "$site" --wait-for-media --pubkey "$files/site.pub" \
        --state-dir state
    audit
    drover 2 verify "$files/new.tar" --alone --pubkey "$files/site.pub"
}

@test "one drive: verify asks for each volume, in any order" {
    put_in "$files/new/v.003"
    at_drive "$files/new" verify drive --wait-for-media --pubkey "$files/site.pub"
    says "volume 3 of $count: good"
    says "volume $count of $count: good"
    cp "$files"/new/v.00* .
    damage v.002 5
    at_drive . -s 7 verify drive --wait-for-media --pubkey "$files/site.pub"
    says "volume 2 of $count: damaged"
    says_error '2 is damaged'
}

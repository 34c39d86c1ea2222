#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Whom a site believes and what it demands: trust folder, revocation, threshold, channel, serial, expiry, clock; and what
# verify, mirror and apply do with the state.

# shellcheck disable=SC2030,SC2031 # each test has its own options

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_image "$hub" rancher/server:v1.0.2 --layers 20K,5K --seed shared
    make_image "$hub" rancher/agent:v1.0.1 --layers 20K,7K --seed shared
    make_image "$hub" rancher/agent-instance:v0.8.1 --layers 1K --seed other --oci
    make_image "$hub" library/other:1 --layers 1K --seed more
    cd "$BATS_FILE_TMPDIR"
    for key in one two; do "$DROVER" key new -o $key.key --no-passphrase; done
    make_bundle 10 v1.0.2 --serial 10
    make_bundle 12 v1.0.2 --serial 12
    make_bundle 12b v1.0.2 other:1 --serial 12
    make_bundle prod v1.0.2 --serial 10 --channel prod
    make_bundle both v1.0.2 --serial 13 --signers 2
    "$DROVER" sign both.tar --key two.key -o two.sig
    "$DROVER" attach both.tar two.sig --pubkey two.pub
    site=$(registry_start site)
    export site given=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

make_bundle() {
    "$DROVER" bundle "${@:2}" --from "$hub" -o "$1.tar" --key one.key
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    umask 022
    mkdir -p trust/trust.d
    cp "$given/one.pub" trust/trust.d/
    options=(--trust-dir trust --state-dir state)
}

verify() {
    local expected=0
    if [[ $1 =~ ^[0-9]$ ]]; then expected=$1 && shift; fi
    drover "$expected" verify "$given/$1.tar" "${options[@]}" "${@:2}"
}

# mirror STATUS BUNDLE OPTION…, into a prefix of the test's own.
mirror() {
    drover "$1" mirror "$given/$2.tar" "$site/t$BATS_TEST_NUMBER" "${options[@]}" "${@:3}"
}

nothing_mirrored() {
    [ -z "$(manifest_digest "$site" "t$BATS_TEST_NUMBER/rancher/server:v1.0.2")" ]
    [ ! -e state/state.json ]
}

serial_of() {
    jq -r ".channels.\"${1:-default}\".serial" state/state.json
}

@test "without --pubkey the trust folder says whose signatures count" {
    verify 10 --first-import
    says "good: signed by key $("$DROVER" key id "$given/one.pub" | cut -c1-16)"
    [ ! -e state ]
    rm trust/trust.d/one.pub
    verify 9 10 --first-import
    says_error "no public key that counts"
    cp "$given/two.pub" trust/trust.d/
    verify 7 10 --first-import
    says_error "not by the given key"
    options=(--trust-dir nowhere --state-dir state)
    verify 3 10 --first-import
}

@test "a channel.conf that is not understood stops everything" {
    for line in "threshold = 0" "threshold = -1" "threshold = two" "treshold = 2" "channel ="; do
        echo "$line" >trust/channel.conf
        verify 8 10 --first-import
        says_error "trust/channel.conf"
        mirror 8 10 --first-import
    done
    echo "threshold = 2" >trust/channel.conf
    verify 9 10 --first-import
    says_error "demands the signatures of 2 keys"
    nothing_mirrored
}

@test "what others may write is not trusted" {
    for path in trust trust/trust.d trust/trust.d/one.pub; do
        chmod go+w $path
        verify 9 10 --first-import
        says_error "can be written by others"
        mirror 9 10 --first-import
        chmod go-w $path
    done
    nothing_mirrored
    verify 10 --first-import
}

@test "two people must sign where channel.conf says so, and the command line cannot ask for less" {
    cp "$given/two.pub" trust/trust.d/
    echo "threshold = 2" >trust/channel.conf
    verify 7 10 --first-import
    says_error "and 2 different ones must"
    mirror 7 10 --first-import
    nothing_mirrored
    verify 9 10 --first-import --threshold 1
    says_error "channel.conf demands 2"
    verify both --first-import
    says "signed by keys"
    echo "threshold = 1" >trust/channel.conf
    verify 10 --first-import
    verify 7 10 --first-import --threshold 2
    verify 2 10 --first-import --threshold 3
    verify 2 10 --first-import --threshold 0
}

@test "a revoked key counts for nothing, not even by --pubkey" {
    mkdir trust/revoked.d
    cp "$given/two.pub" trust/trust.d/
    : >"trust/revoked.d/$("$DROVER" key id "$given/one.pub")"
    verify 7 10 --first-import
    says_error "which is revoked: do not use it"
    mirror 7 10 --first-import
    nothing_mirrored
    verify 9 10 --pubkey "$given/one.pub"
    says_error "is revoked"
    verify both --first-import
    verify 2 both --first-import --threshold 2
    : >trust/revoked.d/one
    verify 9 both --first-import
    says_error "64 lower-case hex digits"
}

@test "bundles of another channel are refused" {
    echo "channel = prod" >trust/channel.conf
    verify 9 10 --first-import
    says_error "of the channel 'default', and 'prod' is taken here"
    verify prod --first-import
    verify 10 --first-import --channel default
    verify 8 10 --channel 'a b'
    options=(--pubkey "$given/one.pub")
    verify prod
    options=(--pubkey "$given/one.pub" --state-dir state)
    verify 9 prod --channel default --first-import
}

@test "the first import is said to be one, and later ones go up" {
    mirror 9 10
    says_error "--first-import"
    nothing_mirrored
    mirror 0 10 --first-import
    [ "$(serial_of)" = 10 ]
    [ "$(jq -r '.channels.default.sums' state/state.json)" = \
        "sha256:$(tar -xOf "$given/10.tar" SHA256SUMS | sha256sum | cut -d' ' -f1)" ]
    [ "$(jq -r '.channels.default.keys[0]' state/state.json)" = "$("$DROVER" key id "$given/one.pub")" ]
    before=$(manifest_digest "$site" "t$BATS_TEST_NUMBER/rancher/server:v1.0.2")
    [ -n "$before" ]
    mirror 0 10
    says "present"
    mirror 0 12
    [ "$(serial_of)" = 12 ]
    # Older, and another one with the same number.
    state=$(cat state/state.json)
    mirror 9 10
    says_error "--allow-downgrade"
    verify 9 10
    mirror 9 12b
    says_error "TWO BUNDLES"
    mirror 9 12b --allow-downgrade
    [ -z "$(manifest_digest "$site" "t$BATS_TEST_NUMBER/library/other:1")" ]
    [ "$(cat state/state.json)" = "$state" ]
    mirror 0 10 --allow-downgrade
    says_error "an OLDER bundle is taken"
    [ "$(cat state/state.json)" = "$state" ]
    # Channels count each for itself.
    mirror 9 prod --channel prod
    mirror 0 prod --channel prod --first-import
    [ "$(serial_of)" = 12 ]
    [ "$(serial_of prod)" = 10 ]
}

@test "verify reads the state and never writes it" {
    mirror 0 12 --first-import
    before=$(sha256sum state/state.json; stat -c '%y %i' state/state.json)
    verify 12
    verify 9 10
    verify 10 --allow-downgrade
    verify both
    [ "$(sha256sum state/state.json; stat -c '%y %i' state/state.json)" = "$before" ]
}

@test "a mirror that fails leaves the state as it was" {
    drover 4 mirror "$given/10.tar" 127.0.0.1:1 "${options[@]}" --first-import
    [ ! -e state/state.json ]
    mirror 0 10 --first-import
    before=$(cat state/state.json)
    drover 4 mirror "$given/12.tar" 127.0.0.1:1 "${options[@]}"
    [ "$(cat state/state.json)" = "$before" ]
}

@test "a state that is damaged, foreign or cannot be written stops the mirror before it begins" {
    mkdir state
    echo '{"format": 1, "channels": {"default": {"serial": ' >state/state.json
    mirror 8 10 --first-import
    says_error "docs/trust.md"
    verify 8 10
    echo '{"format": 1, "channels": {}}' >state/state.json
    chmod 666 state/state.json
    mirror 9 10 --first-import
    rm state/state.json
    mkdir readonly
    mount -t tmpfs -o ro,mode=755 tmpfs readonly
    options=(--trust-dir trust --state-dir readonly)
    mirror 3 10 --first-import
    umount readonly
    nothing_mirrored
}

@test "a disk that fills up before the state is written is told, and the next run mends it" {
    mkdir small
    mount -t tmpfs -o size=8k,nr_inodes=16,mode=755 tmpfs small
    : >small/state.lock
    dd if=/dev/zero of=small/fill bs=4k status=none || true
    options=(--trust-dir trust --state-dir small)
    mirror 3 10 --first-import
    says_error "write down what tags were before"
    says_error "no tag was changed"
    rm small/fill
    options=(--trust-dir trust --state-dir state)
    mirror 0 10 --first-import # now no tag is to be moved, and nothing to be written down about them
    dd if=/dev/zero of=small/fill bs=4k status=none || true
    options=(--trust-dir trust --state-dir small)
    mirror 3 10 --first-import
    says_error "all is done, but write down which bundle was taken"
    [ ! -e small/state.json ]
    rm small/fill
    mirror 0 10 --first-import
    [ -e small/state.json ]
    umount small
}

@test "two mirrors do not run at once on one state" {
    mkdir state
    exec 8>state/state.lock
    flock 8
    mirror 9 10 --first-import
    says_error "another drover holds the lock"
    nothing_mirrored
    verify 10 --first-import
    exec 8>&-
}

@test "--pubkey replaces the folder: no serial without --channel" {
    mirror 0 12 --first-import
    before=$(cat state/state.json)
    options=(--pubkey "$given/one.pub" --state-dir state)
    mirror 0 10
    [ "$(cat state/state.json)" = "$before" ]
    mirror 9 10 --channel default
    verify 9 10 --channel default
    mirror 0 both --channel default
    [ "$(serial_of)" = 13 ]
    mirror 2 10 --allow-downgrade
    says_error "only with --channel"
    mirror 2 10 --first-import
}

@test "a bundle expires, ages and comes from the future" {
    cp "$given"/*.key .
    local now
    now=$(date +%s)
    label() {
        SOURCE_DATE_EPOCH=$1 drover bundle other:1 --from "$hub" -o b.tar --force --key one.key \
            "${@:2}"
    }
    label $((now - 86400 * 3)) --expires 2d
    drover 9 verify b.tar --pubkey "$given/one.pub"
    says_error "expired at"
    drover 9 verify b.tar "${options[@]}" --first-import
    drover verify b.tar --pubkey "$given/one.pub" --ignore-clock
    label $((now - 86400 * 3)) --expires 4d
    drover verify b.tar --pubkey "$given/one.pub"
    echo "max_age = 2d" >trust/channel.conf
    drover 9 verify b.tar "${options[@]}" --first-import
    says_error "longer ago than the 2 days"
    echo "max_age = 4d" >trust/channel.conf
    drover verify b.tar "${options[@]}" --first-import
    label $((now + 3600))
    drover 9 verify b.tar --pubkey "$given/one.pub"
    says_error "its clock is wrong"
    drover verify b.tar --pubkey "$given/one.pub" --ignore-clock
    echo "max_clock_skew = 2h" >trust/channel.conf
    drover verify b.tar "${options[@]}" --first-import
}

@test "channel, serial and expiry are what bundle was told" {
    cp "$given"/*.key .
    tell() {
        SOURCE_DATE_EPOCH=1464286418 drover bundle other:1 --from "$hub" -o b.tar --force \
            --key one.key "$@"
        drover inspect b.tar --json
    }
    tell
    [ "$(jq -c '[.channel, .serial, .expires]' <<<"$output")" = '["default",1464286418,null]' ]
    tell --channel site-1.prod --serial 0 --expires 2016-06-01
    [ "$(jq -c '[.channel, .serial, .expires]' <<<"$output")" = \
        '["site-1.prod",0,"2016-06-01T23:59:59Z"]' ]
    tell --expires 2016-06-01T12:00:00Z
    [ "$(jq -r .expires <<<"$output")" = 2016-06-01T12:00:00Z ]
    tell --expires 36h
    [ "$(jq -r .expires <<<"$output")" = 2016-05-28T06:13:38Z ]
    for wrong in tomorrow 0d 2016-02-31 2016-05-26T18:13:38Z -1d ""; do
        SOURCE_DATE_EPOCH=1464286418 drover 2 bundle other:1 -o c.tar --key one.key \
            --expires "$wrong"
    done
    drover 2 bundle other:1 -o c.tar --key one.key --channel ../etc
    drover 2 bundle other:1 -o c.tar --key one.key --serial -1
    drover 2 bundle other:1 -o c.tar --key one.key --serial 9223372036854775808
    [ ! -e c.tar ]
}

@test "apply asks the same before it looks at anything" {
    apply() {
        drover "$1" apply "$given/$2.tar" --registry "$site" "${options[@]}" --yes "${@:3}"
    }
    apply 9 10
    says_error "--first-import"
    mirror 0 12 --first-import
    apply 9 10
    says_error "--allow-downgrade"
    apply 9 12b
    says_error "TWO BUNDLES"
    [ "$(serial_of)" = 12 ]
    chmod go+w trust
    apply 9 12
    says_error "can be written by others"
}

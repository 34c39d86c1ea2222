#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Bundles through a pipe, as through a one-way line: bundle -o -, verify -, mirror -; and lines that lose things.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    make_release "$hub"
    cd "$BATS_FILE_TMPDIR" || return
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" key new -o other.key --no-passphrase
    export SOURCE_DATE_EPOCH=1464286418
    "$DROVER" bundle v1.0.2 --from "$hub" -o b.tar --key site.key
    make_image "$hub" large/image:1 --layers 1M,12M,30K --seed large
    "$DROVER" bundle large/image:1 --from "$hub" -o large.tar --key site.key
}

teardown_file() {
    harness_end
}

setup() {
    own_registry
}

teardown() {
    registry_stop "$name"
}

# mirror FILE [STATUS] REGISTRY [OPTION…]
mirror() {
    local expected words
    take_status "${@:2}"
    from "$1" "$expected" mirror - "${words[@]}" --pubkey "$files/site.pub"
}

# passed_on TIMES: so many uploads have come to their end, whole or not.
passed_on() {
    [ "$(grep -c '"PATCH /v2/.*HTTP/1.1" 202' "$(registry_log "$name")")" -ge "$1" ]
}

@test "a bundle through a pipe is the file, byte for byte but for the signature" {
    "$DROVER" bundle v1.0.2 --from "$hub" -o - --key "$files/site.key" >s.tar 2>said
    contains stderr "$(cat said)" "3 images in"
    drover verify s.tar --pubkey "$files/site.pub"
    cmp <(tail -c +20000 s.tar) <(tail -c +20000 "$files/b.tar")
    tar -xOf s.tar SHA256SUMS | cmp - <(tar -xOf "$files/b.tar" SHA256SUMS)
    [ "$(stat -c %s s.tar)" -eq "$(stat -c %s "$files/b.tar")" ]
}

@test "from registry to registry through a pipe, without a file anywhere" {
    site=$(registry_start "$name")
    "$DROVER" bundle v1.0.2 --from "$hub" -o - --key "$files/site.key" |
        "$DROVER" mirror - "$site" --pubkey "$files/site.pub" >out 2>said
    contains stdout "$(cat out)" "$site/rancher/server:v1.0.2"
    contains stderr "$(cat said)" "verified the stream: signature and every byte"
    complete "$site"
    [ -z "$(find . -name '*.tar*')" ]
}

@test "verify - says of a stream what it says of a file" {
    from "$files/b.tar" verify - --pubkey "$files/site.pub"
    says "-: good: signed by key"
    from "$files/b.tar" verify - --pubkey "$files/site.pub" --json
    streamed=$output
    drover verify "$files/b.tar" --pubkey "$files/site.pub" --json
    diff <(jq 'del(.age)' <<<"$streamed") <(jq 'del(.age)' <<<"$output")
    from "$files/b.tar" 7 verify - --pubkey "$files/other.pub"
    says_error "the signature is not by the given key"
    drover 7 verify - --pubkey "$files/site.pub" </dev/null
    says_error "read the bundle from the stream"
}

@test "what the registry has is not sent again, and a second sending changes nothing" {
    site=$(registry_start "$name")
    mirror "$files/b.tar" "$site"
    says_error "8 sent"
    says_error "1 mounted"
    complete "$site"
    mirror "$files/b.tar" "$site"
    says_error "9 present"
    says_error "0 sent"
    mirror "$files/b.tar" "$site" --json -q
    [ "$(jq -r '.targets[0].blobs | "\(.present) \(.sent)"' <<<"$output")" = "9 0" ]
}

@test "another key: nothing is written" {
    site=$(registry_start "$name")
    from "$files/b.tar" 7 mirror - "$site" --pubkey "$files/other.pub"
    [ -z "$(find "$HARNESS_DIR/registry/$name/data" -name data)" ]
}

@test "a damaged layer is named, the rest goes in, and the next sending brings the one" {
    site=$(registry_start "$name")
    layer=$(spoil "$files/b.tar" 1 flip)
    mirror c.tar 7 "$site"
    says_error "lost: sha256:${layer##*/}"
    says_error "needed by rancher/server:v1.0.2"
    says_error "1 layer (204.3 kB) did not arrive as sent; all others did; send the bundle again"
    says_error "no tag was changed; what arrived whole is in the registry"
    nothing_tagged
    [ -z "$(find "$HARNESS_DIR/registry/$name/data" -path "*${layer##*/}*")" ]
    mirror "$files/b.tar" "$site"
    complete "$site"
    says_error "4 present"
    from c.tar 7 verify - --pubkey "$files/site.pub"
    says_error "1 layer (204.3 kB) did not arrive"
}

@test "a line that loses or adds bytes costs two layers at most" {
    for how in lose add; do
        site=$(registry_start "$name")
        layer=$(spoil "$files/b.tar" 1 $how)
        mirror c.tar 7 "$site"
        says_error "lost: sha256:${layer##*/}"
        [ "$(grep -c 'lost: ' <<<"$stderr")" -le 2 ]
        nothing_tagged
        mirror "$files/b.tar" "$site"
        complete "$site"
        registry_stop "$name"
        rm -rf "${HARNESS_DIR:?}/registry/$name"
    done
}

@test "cut off anywhere: nothing is tagged, and the next sending ends it" {
    site=$(registry_start "$name")
    size=$(stat -c %s "$files/b.tar")
    for at in 0 100 600 2500 9000 $((size / 3)) $((size / 2)) $((size - 200000)) $((size - 1030)) $((size - 700)) $((size - 1)); do
        head -c "$at" "$files/b.tar" >c.tar
        mirror c.tar 7 "$site"
        if ((at < 20000)); then
            says_error "ends too early: it"
            says_error "look at what feeds it, and send the bundle again"
            [ -z "$(find "$HARNESS_DIR/registry/$name/data" -name data)" ]
        elif ((at < size - 1024)); then
            [ "$(grep -c 'lost: ' <<<"$stderr")" -ge 1 ] || says_error "it was cut off"
            says_error "no tag was changed; what arrived whole is in the registry"
        fi
        nothing_tagged
    done
    mirror "$files/b.tar" "$site"
    complete "$site"
    (cat "$files/b.tar" && echo more) >c.tar
    mirror c.tar 7 "$site"
    says_error "behind its end"
}

@test "what is lost of the head costs the sending, and says so" {
    site=$(registry_start "$name")
    spoil "$files/b.tar" 0 head
    mirror c.tar 7 "$site"
    says_error "read the bundle from the stream"
    [ -z "$(find "$HARNESS_DIR/registry/$name/data" -name data)" ]
}

@test "an upload that breaks: told, the rest goes on; --spool-dir begins it again" {
    site=$(registry_start "$name")
    cut=$(odd cut "$site")
    mirror "$files/large.tar" 4 "$cut"
    says_error "--spool-dir keeps each layer until it is there"
    says_error "send the bundle again"
    nothing_tagged
    registry_stop "$name"
    rm -rf "${HARNESS_DIR:?}/registry/$name"
    site=$(registry_start "$name")
    mkdir spool
    mirror "$files/large.tar" "$(odd cut "$site")" --spool-dir spool
    [ "$(manifest_digest "$site" large/image:1)" = "$(manifest_digest "$hub" large/image:1)" ]
    [ -z "$(ls -A spool)" ]
    mirror "$files/large.tar" 3 "$site/x" --spool-dir nowhere
    drover 2 mirror "$files/large.tar" "$site" --spool-dir spool --pubkey "$files/site.pub"
}

@test "a large layer that two repositories have goes from one to the other, or is told" {
    long=some/repository-with-a-long-name
    make_image "$hub" $long/one:1 --layers 9M,1K --seed twice
    make_image "$hub" $long/two:1 --layers 9M,2K --seed twice
    "$DROVER" bundle $long/one:1 $long/two:1 --from "$hub" -o two.tar --key "$files/site.key"
    site=$(registry_start "$name")
    mirror two.tar 9 "$(odd no-mount "$site")"
    says_error "does not hand a layer on from one repository to another"
    says_error "to '$long/two' of registry"
    says_error "mirror this bundle from a file"
    nothing_tagged
    mirror two.tar "$site"
    says_error "mounted"
    [ "$(manifest_digest "$site" $long/two:1)" = "$(manifest_digest "$hub" $long/two:1)" ]
}

@test "--spool-dir: killed in the middle of a layer, the next sending goes on inside it, where the registry can" {
    site=$(registry_start "$name")
    odd=$(odd keep "$site") # as docker-registry 3, Harbor and Quay do
    words=(mirror - "$odd" --pubkey "$files/site.pub" --state-dir "$PWD/state" --spool-dir "$PWD")
    process_start mirror bash -c 'exec "$0" "$@" <"$files/large.tar"' "$DROVER" "${words[@]}"
    wait_until 20 test -e "state/mirror/$odd.uploads"
    sleep 1.5
    process_stop mirror KILL
    wait_until 20 passed_on 2 # the small layer, and what came of the large one
    from "$files/large.tar" "${words[@]}" -v
    says_error "going on at byte"
    [ "$(manifest_digest "$site" large/image:1)" = "$(manifest_digest "$hub" large/image:1)" ]
    [ ! -e "state/mirror/$odd.uploads" ]
}

@test "a delta through a pipe" {
    make_image "$hub" rancher/server:v9 --layers 300K,200K,9K --seed shared
    site=$(registry_start "$name")
    "$DROVER" bundle rancher/server:v9 --from "$hub" -o - --key "$files/site.key" \
        --base "$files/b.tar" >d.tar
    mirror d.tar 9 "$site"
    says_error "the registry lacks 2 of the 2 layers"
    mirror "$files/b.tar" "$site"
    mirror d.tar "$site"
    [ "$(manifest_digest "$site" rancher/server:v9)" = "$(manifest_digest "$hub" rancher/server:v9)" ]
    from d.tar verify - --pubkey "$files/site.pub"
    says "delta: 2 layers"
    head -c -1100 d.tar >c.tar
    from c.tar 7 verify - --pubkey "$files/site.pub"
}

@test "a list with all of its images through a pipe" {
    make_image "$hub" a/app:amd64 --layers 60K,9K --seed app --oci
    make_image "$hub" a/app:arm64 --layers 60K,8K --seed app --oci --platform linux/arm64
    make_list "$hub" a/app:1 linux/arm64=arm64 linux/amd64=amd64
    site=$(registry_start "$name")
    "$DROVER" bundle a/app:1 --all-platforms --from "$hub" -o - --key "$files/site.key" >l.tar
    mirror l.tar "$site"
    [ "$(manifest_digest "$site" a/app:1)" = "$(manifest_digest "$hub" a/app:1)" ]
    from l.tar verify - --pubkey "$files/site.pub"
}

@test "drover travels in a stream too, and in a delta that is made whole" {
    "$DROVER" bundle v1.0.2 --from "$hub" -o - --key "$files/site.key" --with-tool --dynamic-tool >t.tar
    from t.tar verify - --pubkey "$files/site.pub"
    drover verify t.tar --pubkey "$files/site.pub"
    head -c -2000 t.tar >c.tar
    from c.tar 7 verify - --pubkey "$files/site.pub"
    drover bundle v1.0.2 --from "$hub" -o d.tar --key "$files/site.key" --with-tool --dynamic-tool \
        --base "$files/b.tar"
    drover merge "$files/b.tar" d.tar -o m.tar --pubkey "$files/site.pub"
    diff <(tar -tf m.tar) <(tar -tf t.tar)
}

@test "schema 1 needs a spool folder, and leaves nothing there" {
    old=$(registry_start old --schema1)
    "$harness_helpers/make-schema1" "$old" old/image:1 1.9.1
    bundle=(bundle old/image:1 --from "$old" -o - --key "$files/site.key")
    "$DROVER" "${bundle[@]}" >s.tar 2>said && false
    contains stderr "$(cat said)" "--spool-dir"
    [ ! -s s.tar ]
    mkdir spool
    "$DROVER" "${bundle[@]}" --spool-dir spool | "$DROVER" verify - --pubkey "$files/site.pub"
    [ -z "$(ls -A spool)" ]
    registry_stop old
}

@test "where a pipe makes no sense it is refused" {
    drover 2 bundle v1.0.2 --from "$hub" -o - --key "$files/site.key" --json
    says_error "stdout is the bundle"
    drover 2 bundle v1.0.2 --from "$hub" -o x.tar --key "$files/site.key" --spool-dir .
    drover 2 mirror - 127.0.0.1:9 --dry-run --pubkey "$files/site.pub" </dev/null
    says_error "would let the stream go by"
    drover 2 mirror - 127.0.0.1:9 127.0.0.1:10 --pubkey "$files/site.pub" </dev/null
    says_error "a stream goes into one registry"
    drover bundle v1.0.2 --from "$hub" -o - --dry-run
    says "3 layers"
}

@test "commands that need a file say so of a pipe" {
    for words in "serve -" "inspect -" "audit - $hub" "apply - --registry $hub"; do
        # shellcheck disable=SC2086 # several words
        drover 2 $words --pubkey "$files/site.pub" <"$files/b.tar"
        says_error "only verify, mirror and load read a bundle from the standard input"
    done
}

@test "whoever reads goes away: told, and nothing hangs" {
    { "$DROVER" bundle large/image:1 --from "$hub" -o - --key "$files/site.key" 2>said || echo "$?" >status; } |
        head -c 100000 >/dev/null
    [ "$(cat status)" -eq 3 ]
    contains stderr "$(cat said)" "whoever reads from the pipe went away"
}

@test "memory stays small, whatever the layer's size" {
    make_image "$hub" huge/image:1 --layers 150M --seed huge
    drover_small bundle huge/image:1 --from "$hub" -o huge.tar --key "$files/site.key"
    drover_small verify - --pubkey "$files/site.pub" <huge.tar
    site=$(registry_start "$name")
    drover_small mirror - "$site" --pubkey "$files/site.pub" <huge.tar
    [ "$(manifest_digest "$site" huge/image:1)" = "$(manifest_digest "$hub" huge/image:1)" ]
    rm huge.tar
    drover_small bundle huge/image:1 --from "$hub" -o - --key "$files/site.key" >/dev/null
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover bundle goes on where an earlier run of the same command came to: after Ctrl-C, kill -9, a lost network, a
# power cut. What is there is hashed again and never trusted.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_release "$hub"
    make_image "$hub" big/image:1 --layers 2M,6M,1K,3M --seed big
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    export keys=$BATS_FILE_TMPDIR
    export SOURCE_DATE_EPOCH=1464286418
    "$DROVER" bundle big/image:1 --from "$hub" -o whole.tar --key site.key
    slow=$(odd slow)
    export slow
    export DROVER_TEST_SCALE=0.01 # the journal is written every 50 ms
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
}

# fetch [STATUS] FROM [OPTION…]: the command that is run again and again.
fetch() {
    local expected words
    take_status "$@"
    drover "$expected" bundle big/image:1 --from "${words[0]}" -o b.tar --key "$keys/site.key" "${words[@]:1}"
}

# begin FROM [OPTION…]: the same in the background, until some of a layer is there.
begin() {
    process_start "$BATS_TEST_NUMBER" env -C "$PWD" "$DROVER" bundle big/image:1 --from "$1" \
        -o b.tar --key "$keys/site.key" "${@:2}"
    wait_until 20 some_came
}

some_came() {
    jq -e '[.layers[].done] | add > 1500000' b.tar.part.journal
}

# All but the signature is what a run that nothing befell writes.
is_whole() {
    "$DROVER" verify b.tar --pubkey "$keys/site.pub"
    cmp <(tail -c +4096 b.tar) <(tail -c +4096 "$keys/whole.tar")
    [ "$(find . -mindepth 1)" = ./b.tar ]
}


@test "Ctrl-C keeps what came, and says how to go on" {
    begin "$slow"
    process_stop "$BATS_TEST_NUMBER" INT
    grep "'b.tar.part' keeps the .* that came: the same command goes on with them" \
        "$(process_log "$BATS_TEST_NUMBER")"
    [ ! -e b.tar ]
    fetch "$hub"
    says_error "going on with 'b.tar.part'"
    is_whole
    fetch 9 "$hub"
}

@test "kill -9, again and again, at any moment" {
    for pause in 0.2 0.7 0.1 1.1 0.4; do
        process_start again env -C "$PWD" "$DROVER" bundle big/image:1 --from "$slow" -o b.tar \
            --key "$keys/site.key"
        sleep "$pause"
        process_stop again KILL
        [ ! -e b.tar ]
    done
    came=$(jq '[.layers[].done] | add' b.tar.part.journal)
    [ "$came" -gt 3000000 ]
    fetch "$hub"
    is_whole
}

@test "what is there is not fetched again, and parts of layers neither" {
    registry_start counted --data "$HARNESS_DIR/registry/hub/data"
    begin "$slow"
    process_stop "$BATS_TEST_NUMBER" KILL
    whole=$(jq -r '[.layers[] | select(.done == .size)] | length' b.tar.part.journal)
    parts=$(jq -r '[.layers[] | select(.done > 0 and .done < .size)] | length' b.tar.part.journal)
    [ "$parts" -gt 0 ]
    fetch "$(registry_address counted)"
    log=$(registry_log counted)
    # The config, and the layers that were not whole.
    [ "$(grep -c 'msg="response completed".*http.request.method=GET.*/blobs/' "$log")" -eq \
        $((1 + 4 - whole)) ]
    [ "$(grep 'response completed' "$log" | grep -c 'http.response.status=206')" -eq "$parts" ]
    is_whole
    registry_stop counted
}

@test "a network that is lost" {
    registry_start weak --data "$HARNESS_DIR/registry/hub/data"
    thin=$(odd slow "$(registry_address weak)")
    begin "$thin"
    process_stop "odd-${thin#*:}" KILL
    wait_until 20 process_ended "$BATS_TEST_NUMBER"
    grep "tried 3 times" "$(process_log "$BATS_TEST_NUMBER")"
    grep "the same command goes on" "$(process_log "$BATS_TEST_NUMBER")"
    [ -s b.tar.part ]
    fetch 4 "$thin"
    says_error "'b.tar.part' stays: the same command goes on with it"
    fetch "$(registry_address weak)"
    is_whole
    registry_stop weak
}

@test "what a power cut took is found out, whatever the journal says" {
    begin "$slow"
    process_stop "$BATS_TEST_NUMBER" KILL
    offset=$(jq '[.layers[] | select(.done > 1000)][0].offset' b.tar.part.journal)
    dd if=/dev/zero of=b.tar.part bs=1 seek=$((offset + 17)) count=900 conv=notrunc status=none
    fetch "$hub"
    is_whole
    # All of it is said to be there, and none is.
    begin "$slow" --force
    process_stop "$BATS_TEST_NUMBER" KILL
    jq '.layers[].done |= . * 0 + 1000' b.tar.part.journal >j
    jq '.layers |= map_values(.done = .size)' j >b.tar.part.journal
    rm j
    size=$(stat -c %s b.tar.part)
    truncate -s 0 b.tar.part
    truncate -s "$size" b.tar.part
    fetch "$hub" --force
    is_whole
}

@test "a journal that is damaged, or of another file, is not followed" {
    begin "$slow"
    process_stop "$BATS_TEST_NUMBER" KILL
    cp b.tar.part.journal good
    for bad in '' '{' '[]' '{"drover_journal":2}' \
        "$(jq -c '.total += 1' good)" "$(jq -c '.layers |= map_values(.done = -5)' good)" \
        "$(jq -c '.layers |= map_values(.done = .size + 1)' good)" \
        "$(jq -c '.layers = 7 | .images = []' good)"; do
        printf %s "$bad" >b.tar.part.journal
        fetch "$hub" --force
        rm good
        is_whole
        begin "$slow" --force
        process_stop "$BATS_TEST_NUMBER" KILL
        cp b.tar.part.journal good
    done
    rm b.tar.part.journal
    fetch "$hub" --force
    says_error "begun anew: it has no journal"
}

@test "a tag that has moved is told; the bundle stays what it was, or --fresh takes the new one" {
    make_image "$hub" moving/image:1 --layers 3M --seed before
    then=$(manifest_digest "$hub" moving/image:1)
    for more in '' --fresh; do
        process_start moving env -C "$PWD" "$DROVER" bundle moving/image:1 --from "$slow" \
            -o b.tar --key "$keys/site.key"
        wait_until 20 some_came
        process_stop moving INT
        make_image "$hub" moving/image:1 --layers 3M --seed after
        now=$(manifest_digest "$hub" moving/image:1)
        # shellcheck disable=SC2086 # nothing or one word
        drover bundle moving/image:1 --from "$hub" -o b.tar --key "$keys/site.key" $more
        drover inspect b.tar --json
        if [ -z "$more" ]; then
            [ "$(jq -r '.images[0].digest' <<<"$output")" = "$then" ]
        else
            [ "$(jq -r '.images[0].digest' <<<"$output")" = "$now" ]
        fi
        rm b.tar
        make_image "$hub" moving/image:1 --layers 3M --seed before
    done
}

@test "other arguments begin anew, and it is said" {
    begin "$slow"
    process_stop "$BATS_TEST_NUMBER" KILL
    drover bundle v1.0.2 --from "$hub" -o b.tar --key "$keys/site.key"
    says_error "'b.tar.part' is begun anew: it was begun with other arguments (release)"
    "$DROVER" verify b.tar --pubkey "$keys/site.pub"
}

# What the hub has answered with a part of a blob.
parts() {
    grep -c 'msg="response completed".*http.request.method=GET.*/blobs/.*http.response.status=206' \
        "$(registry_log hub)" || true
}

# The hub writes it down only when all of a part is on its way.
divided() {
    [ "$(($(parts) - before))" -ge 2 ]
}

@test "on a slow line what is left of a layer comes over several connections" {
    before=$(parts)
    fetch "$slow"
    [[ $stderr != *again* ]]
    wait_until 5 divided
    is_whole
}

@test "a registry that gives whole layers only is asked for no more parts" {
    whole=$(odd whole)
    fetch "$whole" -v
    is_whole
}

@test "a bit that is changed in any part is found out" {
    fetch 7 "$(odd slow-flip)"
    says_error "its bytes have the digest"
    [ ! -e b.tar ]
}

@test "--limit-rate holds for all layers together, and understands what curl does" {
    unset DROVER_TEST_SCALE
    started=$(date +%s%N)
    fetch "$hub" --limit-rate 4M
    took=$((($(date +%s%N) - started) / 1000000))
    echo "$took ms for 11 MB"
    [ "$took" -ge 1800 ]
    [ "$took" -le 8000 ]
    is_whole
    for bad in 0 '' k 5x 5kk -1 1.5M 99999999999999999999; do
        fetch 2 "$hub" --limit-rate "$bad"
        says_error "500k or 2M"
    done
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover bundle --split: a bundle as volumes, each with a signed label of its own, written while it is fetched.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_release "$hub"
    make_image "$hub" big/image:1 --layers 1M,3M,1K,2M --seed big
    cd "$BATS_FILE_TMPDIR"
    export keys=$BATS_FILE_TMPDIR
    "$DROVER" key new -o site.key --no-passphrase
    fake_tool tool 62
    export SOURCE_DATE_EPOCH=1464286418
    "$DROVER" bundle v1.0.2 --from "$hub" -o small.tar --key site.key --with-tool=tool
    "$DROVER" bundle big/image:1 --from "$hub" -o big.tar --key site.key
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

# split [STATUS] [OPTION…]: the release in volumes of 200 KiB, unless something else is said.
split() {
    local expected words
    take_status "$@"
    drover "$expected" bundle v1.0.2 --from "$hub" -o v --split 200K --key "$keys/site.key" \
        --with-tool="$keys/tool" "${words[@]}"
}

# big [STATUS] FROM [OPTION…]
big() {
    local expected words
    take_status "$@"
    drover "$expected" bundle big/image:1 --from "${words[0]}" -o v --split 1M --key "$keys/site.key" \
        "${words[@]:1}"
}

begin_big() {
    process_start "$BATS_TEST_NUMBER" env -C "$PWD" "$DROVER" bundle big/image:1 --from "$slow" \
        -o v --split 1M --key "$keys/site.key"
    wait_until 20 some_came
}

some_came() {
    jq -e '[.layers[].done] | add > 1500000' v.part.journal
}

# With stock tools alone, as docs/bundle-format.md has it.
footer() {
    tail -c 512 "$1" | head -n 1 | tr -d '\0'
}

label() {
    local _ size signature
    read -r _ size signature < <(footer "$1")
    tail -c $((512 + signature + size)) "$1" | head -c "$size"
}

slice() {
    head -c "$(label "$1" | jq 'if .volume < .volumes then .slice else .total - (.volume - 1) * .slice end')" "$1"
}

# The volumes in this folder are the bundle in FILE, whose signature alone is another one.
are_whole() {
    local volume
    for volume in v.???; do slice "$volume"; done >whole
    "$DROVER" verify whole --pubkey "$keys/site.pub"
    cmp <(tail -c +4096 whole) <(tail -c +4096 "$keys/$1")
    rm whole
    [ "$(find . -mindepth 1 ! -name 'v.???')" = '' ]
}

@test "the slices one behind the other are the bundle, and each volume vouches for itself" {
    split
    says "kB, 6 volumes, signed by key"
    says "kB, to be labelled \"rancher-v1.0.2 volume 2 of 6\""
    are_whole small.tar
    drover verify v.003 --pubkey "$keys/site.pub"
    says "708.1 kB in 6 volumes, every byte checked"
    drover verify v.003 --alone --pubkey "$keys/site.pub"
    drover inspect v.006 --pubkey "$keys/site.pub"
    for volume in v.001 v.004 v.006; do
        [ "$(stat -c %s "$volume")" -le 204800 ]
        read -r kind size signature < <(footer "$volume")
        [ "$kind" = drover-label/1 ]
        label "$volume" >label
        tail -c $((512 + signature)) "$volume" | head -c "$signature" >signature
        openssl dgst -sha256 -verify "$keys/site.pub" -signature signature label
        # The table: behind the slice; its hashes are those of the chunks.
        slice "$volume" >slice
        chunks=$((($(stat -c %s slice) + 65535) / 65536))
        tail -c +$(($(stat -c %s slice) + 1)) "$volume" | head -c $((32 * chunks)) >table
        [ "sha256:$(sha256sum <table | cut -d' ' -f1)" = "$(jq -r .table label)" ]
        [ "$(head -c 32 table | od -An -v -tx1 | tr -d " \n")" = "$(head -c 65536 slice | sha256sum | cut -d' ' -f1)" ]
        # The frame: all that is no layer and no program.
        tail -c +$(($(stat -c %s slice) + 32 * chunks + 1)) "$volume" |
            head -c -$((512 + signature + size)) >frame
        [ "sha256:$(sha256sum <frame | cut -d' ' -f1)" = "$(jq -r .frame label)" ]
    done
    [ "$(stat -c %s frame)" -eq "$(jq '[.extents[][1]] | add' label)" ]
    [ "$(tr -d '\0' <frame | grep -c -a 'READ-ME-FIRST.txt')" -gt 0 ]
}

@test "Ctrl-C and kill -9, again and again: the same command goes on" {
    begin_big
    process_stop "$BATS_TEST_NUMBER" INT
    grep "'v.\*.part' keeps the .* that came: the same command goes on with them" \
        "$(process_log "$BATS_TEST_NUMBER")"
    for pause in 0.3 0.8 0.1; do
        process_start again env -C "$PWD" "$DROVER" bundle big/image:1 --from "$slow" -o v \
            --split 1M --key "$keys/site.key"
        sleep "$pause"
        process_stop again KILL
        [ ! -e v.001 ]
    done
    big "$hub"
    says_error "going on with 'v.*.part': "
    says_error " of 6.3 MB are there, to be hashed again"
    are_whole big.tar
}

@test "what an earlier run left in other sizes, or in one file, is begun anew" {
    begin_big
    process_stop "$BATS_TEST_NUMBER" KILL
    [ -e v.006.part ]
    big "$hub" --split 2M
    says_error "'v.*.part' is begun anew: it was begun with other arguments (split)"
    are_whole big.tar
    [ ! -e v.005 ]
    rm v.???
    begin_big
    process_stop "$BATS_TEST_NUMBER" KILL
    drover bundle big/image:1 --from "$hub" -o v --key "$keys/site.key"
    [ "$(find . -mindepth 1)" = ./v ]
}

@test "cut off between the renames: nothing is lost, and the same command mends it" {
    begin_big
    touch v.004 # by somebody else, meanwhile
    wait_until 30 process_ended "$BATS_TEST_NUMBER"
    grep "'v.004' exists and is left as it is" "$(process_log "$BATS_TEST_NUMBER")"
    grep "'v.\*.part' keeps the 6.3 MB that came" "$(process_log "$BATS_TEST_NUMBER")"
    [ -e v.003 ] && [ ! -e v.003.part ] && [ -e v.005.part ]
    big 9 "$hub"
    says_error "'v.004' exists"
    rm v.004
    registry_start counted --data "$HARNESS_DIR/registry/hub/data"
    big "$(registry_address counted)"
    are_whole big.tar
    # Nothing was fetched but what is small.
    [ "$(grep -c 'msg="response completed".*http.request.method=GET.*/blobs/' "$(registry_log counted)")" -eq 1 ]
    registry_stop counted
}

@test "what is there under a volume's name stays, unless --force replaces all of it" {
    split
    split 9
    says_error "'v.001' exists and is left as it is; --force replaces it"
    rm v.001 v.002
    split 9 --split 1M
    says_error "'v.003' exists"
    [ "$(find . -name '*.part*')" = '' ]
    split --split 1M --force
    are_whole small.tar
    [ "$(find . -name 'v.*' | sort | tr '\n' ' ')" = './v.001 ' ] # those of the larger set are gone
    split --force
    are_whole small.tar
    [ "$(find . -name 'v.*' | wc -l)" -eq 6 ]
    mkdir v.009
    split 9 --force
    says_error "'v.009' exists and is not an ordinary file"
}

@test "a disk that is too small for all volumes is told before the first layer" {
    mkdir small
    mount -t tmpfs -o size=600k tmpfs small
    split 3 -o small/v
    says_error "'small/v' needs "
    says_error "bytes) but the disk has only"
    [ -z "$(ls small)" ]
    umount small
}

@test "what cannot be split is refused before anything is fetched" {
    drover 2 bundle v1.0.2 -o v --split 1M --unsigned
    says_error "--split needs --key: every volume ends with a signature"
    drover 2 bundle v1.0.2 -o v --split 1M --key "$keys/site.key" --signers 2
    says_error "make the bundle in one file and attach them"
    drover 2 bundle v1.0.2 -o - --split 1M --key "$keys/site.key"
    says_error "--split makes files"
    drover 2 bundle v1.0.2 -o ./ --split 1M --key "$keys/site.key"
    says_error "-o './' is a folder: volumes are called after a name in it"
    for size in 0 x 1X 12MiB dvd5 -1 99999999999T; do
        drover 2 bundle v1.0.2 -o v --split="$size" --key "$keys/site.key"
        says_error "--split: '$size' is neither a size like 700M or 4GB nor one of fat32, cd, dvd"
    done
    split 2 --split 64K
    says_error "volumes of 65536 bytes are too small: each repeats the bundle's list"
    [ "$(find . -mindepth 1)" = '' ]
    # Too many of them.
    make_image "$hub" many/image:1 --layers 66M --seed many
    drover 2 bundle many/image:1 --from "$hub" -o v --split 80K --key "$keys/site.key"
    says_error "volumes would be needed, and there can be 999"
    [ "$(find . -mindepth 1)" = '' ]
    drover_small bundle many/image:1 --from "$hub" -o v --split 3M --key "$keys/site.key"
    rm v.???
}

# Where the system lets a session open few files, volumes that could not be opened are not called missing.
@test "more volumes than files may be open: told so, by everybody who reads them" {
    drover split "$keys/big.tar" 130K -o v --key "$keys/site.key"
    (($(ls | wc -l) > 40))
    for allowed in 20 30 40; do
        for command in "verify v.001" "verify ." "merge v.001 -o whole.tar" "repair v.001"; do
            run --separate-stderr bash -c "ulimit -n $allowed; exec '$DROVER' $command --pubkey '$keys/site.pub'"
            [ "$status" -eq 3 ]
            says_error "Too many open files; this session may not have so many open: raise the limit ('ulimit -Hn')"
            [[ $stderr != *" not in "* && $stderr != *" not here"* ]]
        done
    done
    [ ! -e whole.tar ] && [ ! -e whole.tar.part ]
}

@test "a volume is no bundle to be signed, and that is said" {
    split
    openssl dgst -sha256 -sign "$keys/site.key" -out signature v.001
    for command in "sign --key $keys/site.key" "attach signature"; do
        # shellcheck disable=SC2086 # several words
        drover 2 ${command%% *} v.002 ${command#* }
        says_error "'v.002' is a volume of a bundle"
    done
}

@test "images that are converted, and move up when the last layer has come" {
    old=$(registry_start old --schema1)
    "$harness_helpers/make-schema1" "$old" old/image:one 1.9.1 --seed twins
    "$harness_helpers/make-schema1" "$old" old/image:two recompressed --seed twins
    make_image "$old" new/image:1 --layers 300K,70K --seed new
    for out in "-o whole.tar" "-o v --split 130K"; do
        # shellcheck disable=SC2086 # two words
        drover bundle old/image:one new/image:1 old/image:two -v --with-tool="$keys/tool" \
            --from "$old" --key "$keys/site.key" $out
        says_error "turned out to be the same as others"
    done
    mv whole.tar "$keys/old.tar"
    are_whole old.tar
    drover bundle --remake 2 --like v.001 -o again --from "$old" --key "$keys/site.key"
    cmp <(all_but_signature v.002) <(all_but_signature again.002)
}

@test "a delta in volumes, and --json" {
    drover bundle v1.0.2 big/image:1 --base "$keys/small.tar" --from "$hub" -o whole.tar \
        --key "$keys/site.key"
    drover bundle v1.0.2 big/image:1 --base "$keys/small.tar" --from "$hub" -o v --split fat32 \
        --key "$keys/site.key" --json
    [ "$(jq -r '.volumes[0] | "\(.file) \(.volume) \(.label) \(.offset)"' <<<"$output")" = \
        "v.001 1 rancher-v1.0.2 volume 1 of 1 0" ]
    [ "$(jq -r '.images | length' <<<"$output")" -eq 4 ]
    [ "$(jq '.volumes[0].bytes' <<<"$output")" -eq "$(stat -c %s v.001)" ]
    [ "$(jq '.volumes[0].slice' <<<"$output")" -eq "$(stat -c %s whole.tar)" ]
    slice v.001 >delta.tar
    drover verify delta.tar --pubkey "$keys/site.pub"
    says "delta: 5 layers"
    drover bundle --remake 1 --like v.001 -o again --from "$hub" --key "$keys/site.key"
    cmp <(all_but_signature v.001) <(all_but_signature again.001)
}

# all_but_signature VOLUME: a label's signature is another one each time.
all_but_signature() {
    local _ size signature
    read -r _ size signature < <(footer "$1")
    head -c -$((512 + signature)) "$1"
}

@test "each volume alone is made again from any other one, with the same bytes" {
    split --split 130K
    mkdir made
    for volume in v.???; do
        number=$((10#${volume#v.}))
        other=v.$(printf %03d $((number % 11 + 1)))
        cp "$other" alone
        drover bundle --remake "$number" --like alone -o made/v --key "$keys/site.key" --from "$hub" \
            --with-tool="$keys/tool"
        says "made/$volume  "
        says "to be labelled \"rancher-v1.0.2 volume $number of 11\""
        cmp <(all_but_signature "$volume") <(all_but_signature "made/$volume")
        rm alone
    done
    drover verify made --pubkey "$keys/site.pub"
    [ "$(ls made | wc -l)" -eq 11 ]
}

@test "a damaged volume tells itself what it was" {
    split --split 130K
    cp v.005 lost
    dd if=/dev/zero of=v.005 bs=1K seek=10 count=20 conv=notrunc status=none
    drover 7 verify v.005 --alone --pubkey "$keys/site.pub"
    drover 9 bundle --remake 5 --like v.005 -o v --key "$keys/site.key" --from "$hub"
    says_error "'v.005' exists and is left as it is"
    drover bundle --remake 5 --like v.005 -o v --key "$keys/site.key" --from "$hub" --force --json
    [ "$(jq -r '"\(.file) \(.volume) \(.label)"' <<<"$output")" = "v.005 5 rancher-v1.0.2 volume 5 of 11" ]
    cmp <(all_but_signature v.005) <(all_but_signature lost)
    rm lost
    drover verify . --pubkey "$keys/site.pub"
}

@test "a volume is not made again of what is not signed, or not to be had" {
    split
    remake=(bundle -o made --from "$hub")
    drover key new -o other.key --no-passphrase
    drover 7 "${remake[@]}" --remake 3 --like v.001 --key other.key
    says_error "is not by"
    drover "${remake[@]}" --remake 3 --like v.001 --key other.key --pubkey "$keys/site.pub"
    says_error "did not sign the bundle itself"
    drover verify made.003 --alone --pubkey other.pub --pubkey "$keys/site.pub"
    drover 2 "${remake[@]}" --remake 7 --like v.001 --key "$keys/site.key"
    says_error "--remake: there are only 6 volumes"
    drover 2 "${remake[@]}" --remake 1 --like "$keys/small.tar" --key "$keys/site.key"
    says_error "is no volume of a bundle"
    for wrong in "--remake 1" "--like v.001" "--remake 1 --like v.001 v1.0.2" "--remake 1 --like v.001 --split 1M"; do
        # shellcheck disable=SC2086 # several words
        drover 2 "${remake[@]}" $wrong --key "$keys/site.key"
        says_error "--remake"
    done
    drover 6 "${remake[@]}" --remake 6 --like v.001 --key "$keys/site.key"
    says_error "the program 'drover-x86_64' is in volume 6, and this drover is another one"
    empty=$(registry_start empty)
    drover 6 bundle --remake 2 --like v.001 -o made --key "$keys/site.key" --from "$empty"
    says_error "make volume 2 again"
    bad=$(odd flip)
    drover 7 bundle --remake 2 --like v.001 -o made --key "$keys/site.key" --from "$bad"
    says_error "sha256:"
    [ "$(echo made*)" = made.003 ]
}

# ---------------------------------------------------------------- a plan only

@test "a dry run tells how many volumes there would be, what each repeats is counted, and nothing is written" {
    split --dry-run --json --read-rate 1k
    plan=$output
    [ -z "$(ls)" ]
    split
    [ "$(jq .volumes.count <<<"$plan")" -eq "$(ls v.0?? | wc -l)" ]
    [ "$(jq .volumes.most_bytes <<<"$plan")" -eq 204800 ]
    last=$(stat -c %s "$(ls v.0?? | tail -n 1)")
    all=$(cat v.0?? | wc -c)
    # Labels are measured before they are signed.
    jq -e --argjson last "$last" '.volumes.last_bytes | . >= $last and . < $last + 2048' <<<"$plan"
    jq -e --argjson all "$all" '.volumes.bytes | . >= $all and . < $all + 20480' <<<"$plan"
    jq -e '.space_needed == .volumes.bytes and .read_seconds == (.volumes.bytes / 1024 | ceil)' <<<"$plan"
    split 9 --dry-run
    says_error "'v.001' exists; --force would replace it"
    says "volumes $(jq .volumes.count <<<"$plan") of at most 204.8 kB, the last "
    split --dry-run --force --split 1G
    says "volumes 1 of "
    split 2 --dry-run --split 2K
    says_error "are too small"
}

@test "a dry run counts what an interrupted run has left in its volumes" {
    begin_big
    process_stop "$BATS_TEST_NUMBER" KILL
    big "$hub" --dry-run --json
    jq -e '.kept_bytes > 1000000 and .fetch_bytes == .layer_bytes - .kept_bytes and .space_needed < .volumes.bytes' <<<"$output"
}

@test "a bundle that several have signed is split, and joined again" {
    drover key new -o second.key --no-passphrase
    drover bundle v1.0.2 --from "$hub" -o both.tar --key "$keys/site.key" --signers 2 --with-tool="$keys/tool"
    drover sign both.tar --key second.key -o second.sig
    drover attach both.tar second.sig --pubkey second.pub
    drover key new -o third.key --no-passphrase
    drover 7 split both.tar 200K -o v --key third.key
    drover split both.tar 200K -o v --key second.key --pubkey "$keys/site.pub"
    says "to be labelled \"rancher-v1.0.2 volume 6 of 6\""
    for volume in v.???; do slice "$volume"; done | cmp - both.tar
    drover verify v.001 --pubkey "$keys/site.pub" --pubkey second.pub --threshold 2
    drover merge v.001 -o again.tar --pubkey "$keys/site.pub" --pubkey second.pub
    cmp again.tar both.tar
    # Volumes into others.
    drover 9 split v.001 300K -o v --key second.key
    drover split v.001 300K -o v --key second.key --force --json
    [ "$(jq -r '.volumes | length' <<<"$output")" -eq "$(find . -name 'v.*' | wc -l)" ]
    for volume in v.???; do slice "$volume"; done | cmp - both.tar
    # The same as bundle --split would have written, but for signatures.
    split -o direct --split 300K
    for volume in v.???; do [ "$(stat -c %s "$volume")" -ge "$(($(stat -c %s "direct${volume#v}") - 8))" ]; done
    [ "$(label v.002 | jq -S 'del(.frame, .table, .extents, .total)')" = \
        "$(label direct.002 | jq -S 'del(.frame, .table, .extents, .total)')" ]
    # Damage is found before anything has a name.
    printf x | dd of=both.tar bs=1 seek=300000 conv=notrunc status=none
    rm v.???
    drover 7 split both.tar 200K -o v --key second.key
    says_error "was changed"
    drover 2 split both.tar dvd5 -o v --key second.key
    says_error "'dvd5' is neither a size"
    drover 2 split both.tar dvd --key second.key
    drover 2 split both.tar dvd -o v
    [ "$(find . -name 'v.*')" = '' ]
}

@test "--dry-run counts the parity, and the space for it" {
    drover bundle v1.0.2 --from "$hub" -o p --split 300K --parity 25% --key "$keys/site.key" --dry-run --json
    plan=$output
    drover bundle v1.0.2 --from "$hub" -o p --split 300K --parity 25% --key "$keys/site.key"
    made=$(stat -c %s p.p0* | awk "{ sum += \$1 } END { print sum }")
    jq -e --argjson made "$made" '.parity_bytes | . >= $made and . < $made * 1.3' <<<"$plan"
    jq -e '.space_needed > .volumes.bytes + .parity_bytes - 1' <<<"$plan"
}

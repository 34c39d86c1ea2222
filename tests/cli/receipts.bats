#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Receipts: what a registry really has, told back and built on; those that are forged, old, or of another registry.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    make_release "$hub"
    make_image "$hub" rancher/server:v1.0.1 --layers 300K,200K,1K --seed shared
    make_image "$hub" rancher/server:v1.0.2 --layers 300K,200K,9K --seed shared
    cd "$BATS_FILE_TMPDIR" || return
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" key new -o far.key --no-passphrase
    "$DROVER" key new -o far2.key --no-passphrase --type ed25519
    "$DROVER" bundle v1.0.1 --from "$hub" -o old.tar --key site.key --serial 1
    whole=$(registry_start whole)
    export whole
    "$DROVER" mirror old.tar "$whole/infra" --pubkey site.pub --receipt whole.receipt --receipt-key far.key
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    name=site-$BATS_TEST_NUMBER
}

teardown() {
    registry_stop "$name"
}

# bundle [STATUS] ARG…: v1.0.2 into d.tar
bundle() {
    local expected words
    take_status "$@"
    drover "$expected" bundle v1.0.2 --from "$hub" -o d.tar --key "$files/site.key" "${words[@]}"
}

# on_far_side [STATUS] COMMAND BUNDLE REGISTRY [OPTION…]
on_far_side() {
    local expected words
    take_status "$@"
    drover "$expected" "${words[@]}" --pubkey "$files/site.pub"
}

# lose IMAGE INDEX: the registry loses that layer, of the old bundle's image.
lose() {
    local layer
    layer=$(tar -xOf "$files/old.tar" manifest.json | jq -r ".[] | select(.RepoTags[0] == \"docker.io/$1\") | .Layers[$2]")
    layer=${layer##*/}
    find "$HARNESS_DIR/registry/$name/data" -path "*/blobs/sha256/*/$layer*" -delete
    find "$HARNESS_DIR/registry/$name/data" -path "*/_layers/sha256/$layer*" -delete
    lost+=("$layer")
}

# edit FILE SED-EXPRESSION KEY: changes a receipt and signs it anew, by hand.
edit() {
    sed -e '/^signature /,$d' -e "$2" "$1" >said
    openssl dgst -sha256 -sign "$3" -out sig said
    {
        cat said
        printf 'signature ecdsa %s\n' "$(openssl pkey -in "$3" -pubout -outform DER | sha256sum | cut -c 1-64)"
        openssl base64 -in sig
    } >"$1"
}

@test "mirror's receipt says what is there, in lines that openssl verifies by hand" {
    cp "$files/whole.receipt" r
    [ "$(head -n 1 r)" = drover-receipt/1 ]
    [ "$(stat -c %s r)" -lt 4096 ]
    grep -qxF "registry $whole/infra" r
    grep -qxF "look asked" r
    grep -qxF "bundle sha256:$(tar -xOf "$files/old.tar" SHA256SUMS | sha256sum | cut -c 1-64)" r
    grep -qxF "serial 1" r
    grep -qE '^image docker.io/rancher/server:v1.0.1 sha256:[0-9a-f]{64} there$' r
    [ "$(grep -cE '^layer sha256:[0-9a-f]{64} [0-9]+ there$' r)" -eq 6 ]
    grep -qE '^there 3 of 3 images, 6 of 6 layers, ([0-9]+) of \1 bytes$' r
    sed '/^signature /,$d' r >said
    sed '1,/^signature /d' r | openssl base64 -d >sig
    openssl dgst -sha256 -verify "$files/far.pub" -signature sig said
}

@test "a registry that lost layers: the receipt of its audit, and a bundle of exactly the rest" {
    site=$(registry_start "$name")
    on_far_side mirror "$files/old.tar" "$site"
    lost=()
    lose rancher/server:v1.0.1 1
    lose rancher/agent-instance:v0.8.1 0
    on_far_side 6 audit "$files/old.tar" "$site" --receipt r --receipt-key "$files/far.key"
    says_error "receipt: 'r'"
    says_error "3 of 3 images and 4 of 6 layers"
    [ "$(grep -c ' missing$' r)" -eq 2 ]
    on_far_side 6 audit "$files/old.tar" "$site" --receipt r --receipt-key "$files/far.key" --json
    [ "$(jq -c '.receipt | [.path, .digest, .bytes, .images, .images_there, .layers, .layers_there]' <<<"$output")" = \
        "[\"r\",\"sha256:$(sha256sum <r | cut -c 1-64)\",$(stat -c %s r),3,3,6,4]" ]
    bundle --base r --pubkey "$files/far.pub"
    says_error "the receipt 'r': registry $site had 4 of 6 layers of Rancher v1.0.1"
    says "delta: 2 layers"
    says "the receipt of registry $site of 20"
    for layer in "${lost[@]}"; do tar -tf d.tar "blobs/sha256/$layer"; done
    [ "$(jq '.requires | length' <(tar -xOf d.tar bundle.json))" -eq 2 ]
    [ "$(jq -r '.bases[0].receipt.registry' <(tar -xOf d.tar bundle.json))" = "$site" ]
    [ "$(jq -r '.bases[0].receipt.digest' <(tar -xOf d.tar bundle.json))" = "sha256:$(sha256sum <r | cut -c 1-64)" ]
    on_far_side verify d.tar
    on_far_side mirror d.tar "$site" --receipt r --receipt-key "$files/far.key"
    says_error "what this delta leaves out is there: 3 layers in place"
    on_far_side audit d.tar "$site" --deep --receipt r2 --receipt-key "$files/far2.key"
    grep -qxF "look hashed" r2
    grep -q '^signature ed25519 ' r2
    grep -q '^there 3 of 3 images, 6 of 6 layers' r
    [ "$(sed '1,/^image/d; /^there/,$d' r)" = "$(sed '1,/^image/d; /^there/,$d' r2)" ]
}

@test "a receipt of what came through a pipe, and of two images that are one repository there" {
    site=$(registry_start "$name")
    drover bundle rancher/server:v1.0.2 rancher/agent:v1.0.1 --from "$hub" -o two.tar --key "$files/site.key"
    maps=(--map rancher/agent=infra/server --map rancher/server=infra/server)
    on_far_side mirror - "$site" "${maps[@]}" --receipt r --receipt-key "$files/far.key" --json <two.tar
    [ "$(jq -r '.targets[0].receipt | "\(.path) \(.digest) \(.layers_there)"' <<<"$output")" = \
        "r sha256:$(sha256sum <r | cut -c 1-64) 5" ]
    grep -q '^there 2 of 2 images, 5 of 5 layers' r
    lose rancher/agent:v1.0.1 0
    on_far_side 6 audit two.tar "$site" "${maps[@]}" --receipt r --receipt-key "$files/far.key"
    # The shared layer is missing under both names, though the registry was asked for it once.
    [ "$(grep -c ' missing$' r)" -eq 2 ]
    # What a map gave another place is found there by the same map.
    drover bundle rancher/server:v1.0.2 --from "$hub" -o d.tar --key "$files/site.key" --base r --pubkey "$files/far.pub"
    says "delta: 2 layers"
    on_far_side mirror d.tar "$site" "${maps[@]}"
}

@test "a registry that the receipt is not of: refused before the first write, and the receipt is named" {
    site=$(registry_start "$name")
    bundle --base "$files/whole.receipt" --pubkey "$files/far.pub"
    says "delta: 4 layers"
    on_far_side 9 mirror d.tar "$site"
    says_error "the registry lacks 5 of the 5 layers that it leaves out; nothing was written"
    says_error "known from the receipt of registry $whole/infra of 20"
    says_error "this is another registry, $site"
    says_error "in the bundle Rancher v1.0.1"
    [ ! -e "$HARNESS_DIR/registry/$name/data/docker/registry/v2/repositories" ]

    on_far_side mirror d.tar "$whole/infra"
    on_far_side audit d.tar "$whole/infra" --deep
}

@test "a registry that lost something since is told so" {
    site=$(registry_start "$name")
    on_far_side mirror "$files/old.tar" "$site" --receipt r --receipt-key "$files/far.key"
    bundle --base r --pubkey "$files/far.pub"
    lose rancher/agent:v1.0.1 1
    on_far_side 9 mirror d.tar "$site"
    says_error "lacks 1 of the 5 layers"
    says_error "it has lost layers since; 'drover audit --receipt' makes a new one of $site"
}

@test "receipts that nobody believed has signed, that were changed or cut off" {
    cp "$files/whole.receipt" r
    bundle 7 --base r
    says_error "the base 'r': it is signed by the key "
    says_error "--pubkey FILE names the public half of the far side's receipt key"
    sed 's/ missing$/ there/; s/^time 20/time 19/' r >forged
    bundle 7 --base forged --pubkey "$files/far.pub"
    says_error "it was changed after it was signed, or is a forgery"
    head -c 1200 r >short
    bundle 7 --base short --pubkey "$files/far.pub"
    says_error "it ends before its signature"
    sed 's/$/\r/' r >dos
    bundle 7 --base dos --pubkey "$files/far.pub"
    says_error "ends of lines were changed on the way"
    sed '1s/1$/2/' r >newer
    bundle 9 --base newer --pubkey "$files/far.pub"
    says_error "this drover knows drover-receipt/1; a newer one is needed"
    { cat r; head -c 5M /dev/zero; } >large
    bundle 8 --base large --pubkey "$files/far.pub"
    edit r 's/^layer \(sha256:[0-9a-f]*\) \([0-9]*\) /layer \1 0\2 /' "$files/far.key"
    bundle 7 --base r --pubkey "$files/far.pub"
    says_error "not in the one form"
    drover 2 bundle v1.0.2 --from "$hub" --dry-run --base "$files/whole.receipt"
    says_error "it is a receipt, and --pubkey says whose are believed"
    [ ! -e d.tar ]
}

@test "an old receipt is told, and so is one beside a newer one; both add up" {
    cp "$files/whole.receipt" old
    edit old 's/^time .*/time 2016-06-01T00:00:00Z/; s/^\(layer .*\) there$/\1 missing/; s/, 6 of 6 layers, [0-9]* of/, 0 of 6 layers, 0 of/' "$files/far.key"
    bundle --base old --pubkey "$files/far.pub" --base "$files/whole.receipt"
    says_error "days old: what the registry $whole/infra has lost since"
    says_error "there are receipts of 2016-06-01T00:00:00Z and of 20"
    says "delta: 4 layers"
    bundle --base old --pubkey "$files/far.pub" --force
    says_error "the bundle is a whole one"
    edit old 's/^time .*/time 2106-06-01T00:00:00Z/' "$files/far.key"
    bundle --base old --pubkey "$files/far.pub" --force
    says_error "yet to come: one of the clocks is wrong"
}

# typed FILE: the code of the old bundle's receipt, as somebody might type it.
typed() {
    "$DROVER" receipt code "$1" | tr 'A-Z01' 'a-zOl' | sed 's/^/  /; s/ \(....\) / \1/'
}

@test "a receipt that is typed: the very file comes back, and is a base" {
    drover receipt code "$files/whole.receipt"
    says "# receipt of registry $whole/infra of 20"
    says "# for the bundle Rancher v1.0.1, serial 1 of channel default,"
    run awk 'length > 80' <<<"$output"
    [ -z "$output" ]
    drover receipt code "$files/whole.receipt"
    [ "$(grep -vc '^#' <<<"$output")" -le 7 ]
    [ "$(grep -v '^#' <<<"$output" | tr -d ' \n' | wc -c)" -le 210 ]
    typed "$files/whole.receipt" >typed
    drover receipt read typed --bundle "$files/old.tar" --pubkey "$files/far.pub" -o r
    says_error "with its good signature"
    cmp r "$files/whole.receipt"
    drover receipt read - --bundle "$files/old.tar" --pubkey "$files/site.pub" --pubkey "$files/far.pub" -o r \
        < <(grep -v '#' typed | tr -d ' ' | tr '\n' /)
    cmp r "$files/whole.receipt"
    # Of the bundle its beginning is enough, as far as the first layer.
    head -c 40K "$files/old.tar" >begin.tar
    drover receipt read typed --bundle begin.tar --pubkey "$files/far.pub" -o r
    cmp r "$files/whole.receipt"
    bundle --base begin.tar
    says "delta: 4 layers"
    rm d.tar
    head -c 4K "$files/old.tar" >short.tar
    bundle 7 --base short.tar
    says_error "ends too early"
    bundle --base r --pubkey "$files/far.pub"
    says "delta: 4 layers"
    "$DROVER" receipt code r >code
    bundle 2 --base code --pubkey "$files/far.pub" --force
    says_error "it is the code of a receipt; 'drover receipt read' makes the receipt of it"
}

@test "a slip in what is typed is named, and so is the wrong bundle" {
    "$DROVER" receipt code "$files/whole.receipt" >code
    read_code() {
        drover "$1" receipt read "$2" --bundle "$files/old.tar" --pubkey "${3:-$files/far.pub}" -o r
    }
    letter=$(sed -n '/^03/s/^03  \(.\).*/\1/p' code)
    wrong=$(tr 0-9A-Y 1-9A-Z <<<"$letter" | tr ILOU JMPV)
    sed "/^03/s/$letter/$wrong/" code >slip
    read_code 8 slip
    says_error "the code 'slip': line 03 is not as it was printed; if one character alone is wrong, it is character 1"
    says_error "'$wrong' should be '$letter'"
    sed '/^04/d' code >gap
    read_code 8 gap
    says_error "line 04 should be here, and there is one that begins with '05'"
    sed '/^0[67]/d' code >short
    read_code 8 short
    says_error "it ends too early: lines at its end are missing"
    read_code 7 code "$files/site.pub"
    says_error "no key that is believed here has signed what it says"
    drover bundle v1.0.2 --from "$hub" -o new.tar --key "$files/site.key"
    drover 9 receipt read code --bundle new.tar --pubkey "$files/far.pub" -o r
    says_error "it is of the bundle whose SHA256SUMS has the digest sha256:$(tar -xOf "$files/old.tar" SHA256SUMS | sha256sum | cut -c 1-16)..."
    drover 9 receipt read code --bundle "$files/old.tar" --pubkey "$files/far.pub" -o "$files/far.key"
    drover 2 receipt read code --bundle "$files/old.tar" -o r
    drover 2 receipt read code --pubkey "$files/far.pub" -o r
    [ ! -e r ]
}

@test "receipt show tells what it says and whether it is signed; receipt qr draws it" {
    drover receipt show "$files/whole.receipt"
    says "registry  $whole/infra"
    says "has       3 of 3 images, 6 of 6 layers"
    says "NOT VERIFIED"
    drover receipt show "$files/whole.receipt" --pubkey "$files/far.pub"
    says ", good"
    drover receipt show "$files/whole.receipt" --json
    [ "$(jq -r '"\(.registry) \(.verified) \(.repositories | length)"' <<<"$output")" = "$whole/infra false 3" ]
    [ "$(jq -r .key_id <<<"$output")" = "sha256:$("$DROVER" key id "$files/far.pub")" ]
    drover 7 receipt show "$files/whole.receipt" --pubkey "$files/site.pub"
    drover 8 receipt show "$files/site.pub"
    drover receipt code "$files/whole.receipt"
    echo "$output" >typed
    drover 8 receipt show typed
    says_error "it is no receipt of drover; if it is the code of one, 'drover receipt read' makes it of that"
    # Keys that are set are those of bundles, or of receipts.
    DROVER_PUBKEY=$files/site.pub drover receipt show "$files/whole.receipt"
    says "NOT VERIFIED: the keys that are set are others"
    DROVER_PUBKEY=$files/far.pub drover receipt show "$files/whole.receipt"
    says ", good"
    sed 's/^registry .*/registry elsewhere:1/' "$files/whole.receipt" >forged
    DROVER_PUBKEY=$files/far.pub drover 7 receipt show forged
    DROVER_PUBKEY=$files/far.pub drover 7 receipt code forged
    DROVER_PUBKEY=$files/site.pub drover receipt show forged
    drover receipt qr "$files/whole.receipt"
    [ "${#lines[@]}" -ge 26 ]
    [[ ${lines[0]} == ██████████* ]]
    drover receipt qr "$files/whole.receipt" --paper
    says "█▀▀▀▀▀█"
    drover 2 receipt draw "$files/whole.receipt"
}

@test "what is wrong on the command line is said before anything is done" {
    on_far_side 2 audit "$files/old.tar" "$whole" --receipt r
    says_error "--receipt needs --receipt-key FILE"
    on_far_side 9 audit "$files/old.tar" "$whole" --receipt "$files/far.key" --receipt-key "$files/far.key"
    says_error "exists and is no receipt"
    on_far_side 2 mirror "$files/old.tar" "$whole" 127.0.0.1:1 --receipt r --receipt-key "$files/far.key"
    says_error "a receipt is of one registry"
    on_far_side 2 mirror "$files/old.tar" "$whole" --dry-run --receipt r --receipt-key "$files/far.key"
    on_far_side 3 audit "$files/old.tar" "$whole/infra" --receipt /nowhere/r --receipt-key "$files/far.key"
    says_error "look at '/nowhere/', where the receipt goes"
    on_far_side 2 audit "$files/old.tar" "$whole" --receipt - --receipt-key "$files/far.key"
    says_error "'-' is none"
    [ ! -e r ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Signatures that are made elsewhere: Ed25519 keys, bundle --unsigned, sign, attach, several signers, and openssl as
# the other side of each. What a courier could do to signatures is in tests/unit/test_trust.c.

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    make_image "$hub" rancher/server:v1.0.2 --layers 20K,5K --seed shared
    make_image "$hub" rancher/agent:v1.0.1 --layers 20K,7K --seed shared
    make_image "$hub" rancher/agent-instance:v0.8.1 --layers 1K --seed other --oci
    cd "$BATS_FILE_TMPDIR"
    for key in one two; do "$DROVER" key new -o $key.key --no-passphrase; done
    "$DROVER" key new -o ed.key --type ed25519 --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o unsigned.tar --unsigned
    "$DROVER" bundle v1.0.2 --from "$hub" -o three.tar --unsigned --signers 3
    "$DROVER" bundle v1.0.2 --from "$hub" -o ed.tar --key ed.key
    "$DROVER" bundle v1.0.2 --from "$hub" -o half.tar --key one.key --signers 2 --serial 7
    registry_stop hub
    export given=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    cp "$given"/*.key "$given"/*.pub .
}

id_of() {
    openssl pkey -pubin -in "$1" -outform DER | sha256sum | cut -c1-64
}

sums_of() {
    tar -xOf "$1" SHA256SUMS
}

# The stock check of docs/bundle-format.md, but for the signature.
stock_check() {
    rm -rf stock && mkdir stock && tar -xf "$1" -C stock && cd stock || return 1
    sha256sum --strict --quiet -c SHA256SUMS &&
        [ "$(find . ! -type d | wc -l)" -eq \
            $(($(wc -l <SHA256SUMS) + $(find SHA256SUMS*.sig | wc -l) + 1)) ]
    local status=$?
    cd ..
    return "$status"
}

@test "openssl makes, reads and agrees on Ed25519 keys" {
    openssl pkey -in ed.key -pubout | cmp - ed.pub
    drover key id ed.key
    [ "$output" = "$(id_of ed.pub)" ]
    openssl genpkey -algorithm ED25519 -out own.key
    chmod 600 own.key
    drover key pub own.key
    [ "$output" = "$(openssl pkey -in own.key -pubout)" ]
    drover key new -o e2.key --type ed25519 --no-passphrase
    says "Ed25519"
    drover 2 key new -o x.key --type rsa --no-passphrase
    says_error "ecdsa"
    [ ! -e x.key ]
    echo "open sesame" >phrase
    drover key new -o e3.key --type ed25519 --passphrase-file phrase
    DROVER_PASSPHRASE=wrong drover 5 key id e3.key
}

@test "a bundle signed with an Ed25519 key is verified by drover and by openssl" {
    drover verify "$given/ed.tar" --pubkey ed.pub
    says "signed by key $(id_of ed.pub | cut -c1-16)"
    stock_check "$given/ed.tar"
    [ "$(stat -c %s stock/SHA256SUMS.sig)" -eq 64 ]
    openssl pkeyutl -verify -pubin -inkey ed.pub -rawin -in stock/SHA256SUMS \
        -sigfile stock/SHA256SUMS.sig
    drover 7 verify "$given/ed.tar" --pubkey one.pub
}

@test "a bundle that is not signed yet is taken by nobody, and can be looked at" {
    drover 7 verify "$given/unsigned.tar" --pubkey one.pub
    says_error "it is not signed"
    says_error "drover attach"
    drover 7 mirror "$given/unsigned.tar" 127.0.0.1:1 --pubkey one.pub
    drover 7 apply "$given/unsigned.tar" --registry 127.0.0.1:1 --pubkey one.pub --yes --state-dir s
    drover inspect "$given/three.tar"
    says "signed    not yet"
    says "0 signatures in it, 3 free slots"
    drover inspect "$given/three.tar" --json
    [ "$(jq -c '[.verified, .key_id, .key_ids, .signatures, .free_slots]' <<<"$output")" = \
        '[false,null,[],0,3]' ]
    stock_check "$given/three.tar"
}

@test "sign looks at everything first, and says what it signs" {
    cp "$given/unsigned.tar" b.tar
    before=$(sha256sum b.tar)
    drover sign b.tar --key one.key
    sig=b.tar.$(id_of one.pub | cut -c1-16).sig
    says "docker.io/rancher/server:v1.0.2"
    says "$sig"
    [ "$(sha256sum b.tar)" = "$before" ]
    openssl dgst -sha256 -verify one.pub -signature "$sig" <(sums_of b.tar)
    drover sign "$given/ed.tar" --key one.key -o unwanted.sig
    says_error "no free slot"
    drover 9 sign b.tar --key one.key
    says_error "'$sig' exists"
    drover 2 sign b.tar
    size=$(stat -c %s b.tar)
    python3 - b.tar $((size - 3000)) <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))
END
    drover 7 sign b.tar --key one.key -o other.sig
    [ ! -e other.sig ]
}

@test "what sign makes, attach fills in; the rest of the file stays as it was" {
    cp "$given/unsigned.tar" b.tar
    drover sign b.tar --key one.key -o one.sig
    drover attach b.tar one.sig --pubkey one.pub
    says "signed by key $(id_of one.pub | cut -c1-16), 1 of 1 signatures"
    drover verify b.tar --pubkey one.pub
    [ "$(stat -c %s b.tar)" -eq "$(stat -c %s "$given/unsigned.tar")" ]
    [ "$(cmp -l b.tar "$given/unsigned.tar" | wc -l)" -le 100 ]
    [ "$(ls)" = "$(printf '%s\n' b.tar ed.key ed.pub one.key one.pub one.sig two.key two.pub)" ]
    stock_check b.tar
    cmp stock/SHA256SUMS.sig one.sig
    # Again is nothing, another one is too much.
    before=$(sha256sum b.tar)
    drover attach b.tar one.sig --pubkey one.pub
    says "already"
    drover sign b.tar --key two.key -o two.sig
    drover 9 attach b.tar two.sig --pubkey two.pub
    says_error "no free slot"
    [ "$(sha256sum b.tar)" = "$before" ]
}

@test "signatures made by openssl are as good, of both kinds of key, with or without --pubkey" {
    sums_of "$given/unsigned.tar" >sums
    openssl dgst -sha256 -sign one.key -out one.sig sums
    openssl pkeyutl -sign -rawin -inkey ed.key -in sums -out ed.sig
    for key in one ed; do
        cp "$given/unsigned.tar" b.tar
        drover attach b.tar $key.sig --pubkey $key.pub
        drover verify b.tar --pubkey $key.pub
        cp "$given/unsigned.tar" b.tar
        drover attach b.tar $key.sig
        says_error "NOT CHECKED"
        drover verify b.tar --pubkey $key.pub
    done
}

@test "three signers, in any order, give one form" {
    local order
    for key in one two ed; do drover sign "$given/three.tar" --key $key.key -o $key.sig; done
    for order in "two ed one" "two one ed"; do
        cp "$given/three.tar" b.tar
        read -ra keys <<<"$order"
        drover attach b.tar "${keys[0]}.sig"
        drover 2 attach b.tar "${keys[1]}.sig"
        says_error "--pubkey PUB is needed"
        drover verify b.tar --pubkey two.pub --pubkey one.pub
        drover 7 verify b.tar --pubkey two.pub --pubkey one.pub --threshold 2
        says_error "1 of the trusted keys signed it"
        drover attach b.tar "${keys[1]}.sig" --pubkey "${keys[1]}.pub"
        drover inspect b.tar
        says "2 signatures in it, 1 free slot"
        drover attach b.tar "${keys[2]}.sig" --pubkey "${keys[2]}.pub"
        says "3 of 3 signatures"
        sha256sum <b.tar >>forms
    done
    [ "$(sort -u forms | wc -l)" -eq 1 ]
    drover verify b.tar --pubkey one.pub --pubkey two.pub --pubkey ed.pub --threshold 3 --json
    [ "$(jq '.key_ids | length' <<<"$output")" -eq 3 ]
    stock_check b.tar
    openssl dgst -sha256 -verify two.pub -signature stock/SHA256SUMS.sig stock/SHA256SUMS
    openssl dgst -sha256 -verify one.pub \
        -signature "stock/SHA256SUMS.$(id_of one.pub | cut -c1-16).sig" stock/SHA256SUMS
    skopeo inspect "docker-archive:b.tar:docker.io/rancher/server:v1.0.2" >/dev/null
}

@test "a bundle that is signed at once may leave room for others" {
    cp "$given/half.tar" b.tar
    drover verify b.tar --pubkey one.pub
    drover 7 verify b.tar --pubkey one.pub --pubkey two.pub --threshold 2
    drover sign b.tar --key two.key -o two.sig
    drover attach b.tar two.sig --pubkey two.pub
    drover verify b.tar --pubkey one.pub --pubkey two.pub --threshold 2
    says "signed by keys"
    # The same key twice is one key.
    cp one.pub again.pub
    drover 2 verify b.tar --pubkey one.pub --pubkey again.pub --threshold 2
    says_error "1 different keys"
    drover 2 verify b.tar --pubkey one.pub --threshold 0
    # And does not sign twice.
    cp "$given/half.tar" b.tar
    drover sign b.tar --key one.key -o again.sig
    drover attach b.tar again.sig --pubkey one.pub
    says "already"
    cmp b.tar "$given/half.tar"
}

@test "attach refuses what is not a signature of this bundle, and changes nothing" {
    cp "$given/unsigned.tar" b.tar
    sums_of "$given/half.tar" >other
    openssl dgst -sha256 -sign one.key -out other.sig other
    drover 7 attach b.tar other.sig --pubkey one.pub
    says_error "no signature of this bundle's SHA256SUMS"
    sums_of b.tar >sums
    openssl dgst -sha256 -sign one.key -out one.sig sums
    drover 7 attach b.tar one.sig --pubkey two.pub
    drover 8 attach b.tar one.sig --pubkey one.key
    base64 one.sig >text.sig
    drover 8 attach b.tar text.sig --pubkey one.pub
    says_error "base64 -d"
    head -c 64 /dev/urandom >raw.sig
    drover 7 attach b.tar raw.sig --pubkey one.pub
    says_error "--signature-format openssl"
    : >empty.sig
    drover 8 attach b.tar empty.sig --pubkey one.pub
    head -c 513 /dev/zero >large.sig
    drover 8 attach b.tar large.sig
    says_error "larger than a signature"
    head -c 512 /dev/zero >zero.sig
    drover 8 attach b.tar zero.sig
    drover 3 attach b.tar nowhere.sig
    drover 3 attach nowhere.tar one.sig
    drover 7 attach one.sig one.sig
    cmp b.tar "$given/unsigned.tar"
}

@test "an attach that was cut off anywhere is completed by the next" {
    cp "$given/three.tar" b.tar
    drover sign b.tar --key one.key -o one.sig
    drover sign b.tar --key two.key -o two.sig
    drover attach b.tar one.sig --pubkey one.pub
    cp b.tar first.tar
    drover attach b.tar two.sig --pubkey two.pub
    # What BUNDLE.attach held, and every state that the file can have been in.
    at=$(($(sums_of b.tar | wc -c) + 512))
    at=$(((at + 511) / 512 * 512))
    head -c $((at + 3 * 1024)) b.tar >planned
    for cut in 0 1 512 700 1024 1536 2000 3072; do
        cp first.tar c.tar
        dd if=b.tar of=c.tar bs=1 skip="$at" seek="$at" count="$cut" conv=notrunc status=none
        cp planned c.tar.attach
        drover attach c.tar two.sig --pubkey two.pub
        says_error "completing what an earlier run began"
        cmp c.tar b.tar
        [ ! -e c.tar.attach ]
    done
    # Of another bundle, or of the same list with another number of slots.
    cp "$given/half.tar" c.tar
    cp planned c.tar.attach
    drover 9 attach c.tar two.sig --pubkey two.pub
    says_error "does not belong to this bundle"
    cmp c.tar "$given/half.tar"
    cp first.tar d.tar
    head -c $((at + 2 * 1024)) b.tar >d.tar.attach
    drover 9 attach d.tar two.sig --pubkey two.pub
    cmp d.tar first.tar
}

@test "attach on a full disk leaves the bundle as it was" {
    mkdir full
    mount -t tmpfs -o size=400k tmpfs full
    cp "$given/unsigned.tar" full/b.tar
    drover sign full/b.tar --key one.key -o one.sig
    dd if=/dev/zero of=full/fill bs=4k status=none || true
    drover 3 attach full/b.tar one.sig --pubkey one.pub
    cmp full/b.tar "$given/unsigned.tar"
    [ "$(ls full)" = "$(printf '%s\n' b.tar fill)" ]
    umount full
}

@test "--unsigned, --signers and --key: what does not fit together is said" {
    drover 2 bundle v1.0.2 -o b.tar
    says_error "--unsigned"
    drover 2 bundle v1.0.2 -o b.tar --unsigned --key one.key
    says_error "contradict"
    drover 2 bundle v1.0.2 -o b.tar --unsigned --signers 0
    drover 2 bundle v1.0.2 -o b.tar --unsigned --signers 9
    says_error "from 1 to 8"
    [ ! -e b.tar ]
}

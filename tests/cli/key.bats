#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The command line itself, and the keys.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
}

@test "no command is a usage error, help and version are not" {
    drover 2
    says_error "usage: drover COMMAND"
    drover --help
    says "bundle"
    drover --version
    [[ $output =~ ^drover\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    drover 2 nonsense
    says_error "'nonsense' is not a command"
}

@test "every command explains itself on stdout, in 80 columns" {
    for command in bundle verify inspect mirror apply sign attach key; do
        drover "$command" --help
        says "SYNOPSIS"
        says "EXIT STATUS"
        [ -z "$stderr" ]
        [ "$(wc -L <<<"$output")" -le 80 ]
    done
}

@test "a word too many, an unknown option and a missing value are named" {
    drover 2 verify a.tar b.tar --pubkey k
    says_error "'b.tar' is too much"
    drover 2 verify a.tar --nonsense
    says_error "unknown option --nonsense"
    drover 2 verify a.tar --pubkey
    says_error "a value is missing after --pubkey"
    drover 2 verify
    says_error "drover verify --help"
}

@test "a new key is readable by its owner only and openssl agrees on its id" {
    umask 000
    drover key new -o site.key --no-passphrase
    [ "$(stat -c %a site.key)" = 600 ]
    [ "$(stat -c %a site.pub)" = 644 ]
    openssl pkey -in site.key -pubout | cmp - site.pub
    id=$(openssl pkey -pubin -in site.pub -outform DER | sha256sum | cut -d' ' -f1)
    drover key id site.pub
    [ "$output" = "$id" ]
    drover key id site.key
    [ "$output" = "$id" ]
    drover key pub site.key
    [ "$output" = "$(cat site.pub)" ]
}

@test "keys as JSON" {
    drover key new -o "$BATS_TEST_TMPDIR/a.key" --no-passphrase --json
    jq -e '(.private | endswith("a.key")) and (.public | endswith("a.pub")) and .encrypted == false' <<<"$output"
    new=$(jq -r .id <<<"$output")
    drover key id "$BATS_TEST_TMPDIR/a.pub" --json
    [ "$(jq -r .id <<<"$output")" = "$new" ]
    [ "$(jq -r .kind <<<"$output")" != null ]
    drover 2 key pub "$BATS_TEST_TMPDIR/a.key" --json
}

@test "an existing key is never overwritten" {
    drover key new -o site.key --no-passphrase
    before=$(sha256sum site.key site.pub)
    drover 9 key new -o site.key --no-passphrase
    says_error "'site.key' exists"
    rm site.key
    drover 9 key new -o site.key --no-passphrase
    says_error "'site.pub' exists"
    [ ! -e site.key ]
    [ "$(sha256sum <site.pub)" = "$(sed -n 2p <<<"$before" | sed 's/site.pub/-/')" ]
}

@test "a passphrase comes from a file or the environment, and a wrong one is told" {
    echo "open sesame" >phrase
    drover key new -o site.key --passphrase-file phrase
    grep -q 'ENCRYPTED PRIVATE KEY' site.key
    drover key pub site.key --passphrase-file phrase
    DROVER_PASSPHRASE="open sesame" drover key id site.key
    DROVER_PASSPHRASE="wrong" drover 5 key id site.key
    says_error "wrong passphrase"
}

@test "without a passphrase and without a terminal the key command says how to give one" {
    run --separate-stderr setsid -w "$DROVER" key new -o site.key </dev/null
    [ "$status" -eq 5 ]
    says_error "--passphrase-file"
    [ ! -e site.key ]
}

@test "a key on a full disk leaves nothing behind" {
    mkdir full
    mount -t tmpfs -o size=4k,nr_inodes=1k tmpfs full
    dd if=/dev/zero of=full/fill bs=4k count=1 status=none || true
    drover 3 key new -o full/site.key --no-passphrase
    says_error "full/site.key"
    [ "$(ls full)" = fill ]
    umount full
}

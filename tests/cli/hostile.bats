#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The command line in rough hands: streams that are closed or full, output over what must not be lost, odd files.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    make_release "$hub"
    cd "$files"
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o good.tar --key site.key
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$files"/{site.key,site.pub} .
}

# ends STATUS SCRIPT: a shell's redirections belong to what is tried.
ends() {
    local status=0
    bash -c "$2" || status=$?
    [ "$status" -eq "$1" ]
}

@test "with standard streams closed nothing is written into the files that are opened instead" {
    ends 3 "'$DROVER' bundle v1.0.2 --from $hub -o out.tar --key site.key >&-"
    drover verify out.tar --pubkey site.pub
    ends 3 "'$DROVER' bundle v1.0.2 --from $hub -o none.tar --key site.key -v >&- 2>&- <&-"
    drover verify none.tar --pubkey site.pub
    ends 3 "'$DROVER' verify none.tar --pubkey site.pub >&-"
    ends 0 "'$DROVER' verify none.tar --pubkey site.pub 2>&-"
}

@test "a result that could not be written is a failure" {
    for words in --version --help "key --help" "verify $files/good.tar --pubkey site.pub" \
        "inspect $files/good.tar --json" "key pub site.pub" "key id site.pub"; do
        ends 3 "'$DROVER' $words >/dev/full"
    done
}

@test "no output goes over a key, a device or anything else that is there" {
    cp site.key before
    mknod null c 1 3
    drover 2 bundle v1.0.2 --from "$hub" -o site.key --force --key site.key
    says_error "is the private key"
    drover 9 key pub site.key -o site.key
    drover 9 key pub site.key -o null
    drover 9 bundle v1.0.2 --from "$hub" -o null --force --key site.key
    drover 2 bundle v1.0.2 --from "$hub" -o '' --key site.key
    cmp site.key before
    [ -c null ]
    [ -z "$(find . -name '*.part' -o -name '*.draft-*')" ]
}

@test "what is no file is no bundle, and nothing waits for it" {
    mkfifo fifo
    mkdir folder
    for what in fifo folder /dev/null /dev/zero; do
        drover 3 verify "$what" --pubkey site.pub
        if [[ $what == folder ]]; then
            says_error "there is no volume of a bundle in 'folder'; is the medium mounted? a bundle in one file is named itself"
        else
            says_error "not an ordinary file"
        fi
        drover 3 mirror "$what" "$hub/copy" --pubkey site.pub
        drover 3 apply "$what" --registry "$hub" --pubkey site.pub --state-dir state --yes
    done
}

@test "help for a command that there is not" {
    drover 2 help nothing
    says_error "'nothing' is not a command"
}

@test "a certificate for another name is told apart from one that nobody knows" {
    tls=$(registry_start tls --tls)
    printf '%s other.test\n' "$HARNESS_HOST" >>/etc/hosts
    drover 4 mirror "$files/good.tar" "other.test:${tls#*:}" --pubkey site.pub --ca-cert "$(registry_ca tls)"
    says_error "is for another name"
    drover 4 mirror "$files/good.tar" "tls.test:${tls#*:}" --pubkey site.pub
    says_error "give its CA with --ca-cert"
}

# Names on a medium are the courier's.
@test "what a medium calls its files drives no terminal and forges no line" {
    drover split "$files/good.tar" 300K -o v --key site.key
    printf damage | dd of=v.002 bs=1 seek=9000 conv=notrunc status=none
    mkdir medium
    mv v.001 $'medium/\e]0;title\a.001'
    mv v.002 $'medium/\e[2Jv.002'
    cp v.003 $'medium/x\nv.003: volume 3 of 3: good\n.003'
    printf 'no volume' >$'medium/\e[31m.004'
    for command in "verify medium" "repair medium --dry-run" "verify medium --json" "repair medium --dry-run --json"; do
        # shellcheck disable=SC2086 # several words
        run --separate-stderr "$DROVER" $command --pubkey site.pub
        [[ $output != *[$'\e\a']* && $stderr != *[$'\e\a']* ]]
        run ! grep -x 'v.003: volume 3 of 3: good' <<<"$output"
    done
    drover 7 verify medium --pubkey site.pub
    says "medium/?]0;title?.001: volume 1 of 3: good"
    says "medium/?[31m.004: cannot be used"
}

@test "names that are no UTF-8 are names, in JSON too" {
    odd_name=$'Gr\xf6\xdfe'
    cp "$files/good.tar" "$odd_name.tar"
    drover split "$odd_name.tar" 300K -o "$odd_name" --key site.key --json
    jq -e '.volumes[1].file == "Gr??e.002"' <<<"$output"
    rm "$odd_name.002"
    drover parity 10% "$odd_name.tar" --key site.key
    drover repair "$odd_name.tar" --pubkey site.pub --json
    jq -e '.files[0].path == "Gr??e.tar"' <<<"$output"
    mkdir folder
    cp "$odd_name.001" folder
    drover 9 verify folder --pubkey site.pub --json
    jq -e '.found[0].path == "folder/Gr??e.001"' <<<"$output"
    site=$(registry_start site)
    drover mirror "$odd_name.tar" "$site" --pubkey site.pub --json --state-dir state
    jq -e '.bundle.path == "Gr??e.tar"' <<<"$output"
    drover audit "$odd_name.tar" "$site" --pubkey site.pub --json
    drover bundle v1.0.2 --from "$hub" -o "$odd_name.new" --base "$odd_name.tar" --key site.key --dry-run --json
    jq -e '.output == "Gr??e.new" and .bases[0].file == "Gr??e.tar"' <<<"$output"
    drover bundle v1.0.2 --from "$hub" -o "$odd_name.new" --base "$odd_name.tar" --key site.key
}

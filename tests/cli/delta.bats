#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover bundle --base and what becomes of a delta: verify, inspect, diff, mirror, merge; and deltas whose base is not
# where they think.

load common
: "${harness_helpers:?}" # from common

# The same but for a new last layer of the server: 4 of 5 layers of v1.0.2 are in v1.0.1.
make_old_release() {
    make_image "$1" rancher/server:v1.0.1 --layers 300K,200K,1K --seed shared
}

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    make_release "$hub"
    make_image "$hub" rancher/server:v1.0.2 --layers 300K,200K,9K --seed shared
    make_old_release "$hub"
    make_image "$hub" other/base:1 --layers 300K,200K --seed shared
    cd "$BATS_FILE_TMPDIR" || return
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" key new -o other.key --no-passphrase
    "$DROVER" bundle v1.0.1 --from "$hub" -o old.tar --key site.key --serial 1
    export SOURCE_DATE_EPOCH=1464286418
    "$DROVER" bundle v1.0.2 --from "$hub" -o new.tar --key site.key --serial 2
    "$DROVER" bundle v1.0.2 --from "$hub" -o delta.tar --key site.key --serial 2 --base old.tar
    "$DROVER" bundle other/base:1 --from "$hub" -o other.tar --key site.key
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

# bundle [STATUS] ARG…: v1.0.2 into d.tar
bundle() {
    local expected words
    take_status "$@"
    drover "$expected" bundle v1.0.2 --from "$hub" -o d.tar --key "$files/site.key" "${words[@]}"
}

# mirror [STATUS] BUNDLE REGISTRY [OPTION…]
mirror() {
    local expected words
    take_status "$@"
    drover "$expected" mirror "${words[@]}" --pubkey "$files/site.pub"
}

# With all layers, as another reader sees it.
readable() {
    local image
    complete "$1" || return 1
    for image in $release_images; do
        skopeo copy -q --src-tls-verify=false "docker://$1/$image" "dir:copy" || return 1
        rm -r copy
    done
}

blobs() {
    find "$HARNESS_DIR/registry/$name/data" -path '*/blobs/*' -name data 2>/dev/null | wc -l
}

# Of two bundles everything is the same but the signatures' slots.
same_bundle() {
    python3 - "$1" "$2" <<'END'
import sys
one, other = (open(path, "rb").read() for path in sys.argv[1:])
size = int(one[124:135], 8)
at = 512 + (size + 511) // 512 * 512
assert one[at:at + 14] == b"SHA256SUMS.sig", one[at:at + 20]
assert len(one) == len(other)
assert one[:at] == other[:at] and one[at + 1024:] == other[at + 1024:]
END
}

@test "a delta leaves out what the base has, says so, and is much smaller" {
    bundle --base "$files/old.tar"
    says "delta: 4 layers (670.9 kB) left out"
    says "Rancher v1.0.1 (serial 1 of channel default"
    [ "$(stat -c %s d.tar)" -lt 40000 ]
    [ "$(stat -c %s "$files/new.tar")" -gt 660000 ]
    drover verify d.tar --pubkey "$files/site.pub"
    says "d.tar: good"
    says "delta: 4 layers"
    drover verify d.tar --pubkey "$files/site.pub" --json
    [ "$(jq '.delta.requires | length' <<<"$output")" -eq 4 ]
    [ "$(jq -r '.delta.bases[0].sums' <<<"$output")" = \
        "sha256:$(tar -xOf "$files/old.tar" SHA256SUMS | sha256sum | cut -c 1-64)" ]
    [ "$(jq -r '[.delta.requires[].known[0].image] | sort | unique | length' <<<"$output")" -eq 3 ]
    drover inspect d.tar --pubkey "$files/site.pub"
    says "306.7 kB, of docker.io/rancher/server:v1.0.1"
    drover inspect "$files/new.tar" --json
    [ "$(jq .delta <<<"$output")" = null ]
}

@test "a delta is verified by hand like any bundle" {
    mkdir v
    tar -xf "$files/delta.tar" -C v --no-same-owner --no-same-permissions
    cd v
    openssl dgst -sha256 -verify "$files/site.pub" -signature SHA256SUMS.sig SHA256SUMS
    sha256sum --strict --quiet -c SHA256SUMS
    [ "$(find . ! -type d | wc -l)" -eq "$(($(wc -l <SHA256SUMS) + 2))" ]
    openssl dgst -sha256 -verify "$files/site.pub" -signature whole/SHA256SUMS.sig whole/SHA256SUMS
    tar -xOf "$files/new.tar" SHA256SUMS | cmp - whole/SHA256SUMS
    tar -xOf "$files/new.tar" bundle.json | cmp - whole/bundle.json
}

@test "mirror takes a delta where the registry has the rest" {
    site=$(registry_start "$name")
    mirror "$files/old.tar" "$site"
    mirror "$files/delta.tar" "$site"
    says_error "what this delta leaves out is there: 5 layers in place, 0 to be mounted"
    says "$(manifest_digest "$hub" rancher/server:v1.0.2)  sent"
    readable "$site"
    mirror "$files/delta.tar" "$site"
    says_error "0 sent"
}

@test "what is missing is named with the bundle that has it, and nothing is written" {
    site=$(registry_start "$name")
    mirror 9 "$files/delta.tar" "$site"
    says_error "the registry lacks 5 of the 5 layers that it leaves out; nothing was written"
    says_error "in the bundle Rancher v1.0.1 (serial 1 of channel default"
    says_error "missing: sha256:"
    says_error "needed by rancher/agent:v1.0.1"
    [ "$(blobs)" -eq 0 ]
    [ -z "$(find "$HARNESS_DIR/registry/$name/data" -path '*_uploads*' 2>/dev/null)" ]
    mirror "$files/old.tar" "$site"
    mirror "$files/delta.tar" "$site"
    readable "$site"
}

@test "a registry that somebody emptied in between is found out, also where the delta was in it already" {
    site=$(registry_start "$name")
    mirror "$files/old.tar" "$site"
    mirror "$files/delta.tar" "$site"
    rm -rf "${HARNESS_DIR:?}/registry/$name/data/docker"
    mirror 9 "$files/delta.tar" "$site"
    says_error "lacks 5 of the 5 layers that it leaves out; nothing was written"
    [ "$(blobs)" -eq 0 ]
    mirror "$files/old.tar" "$site"
    mirror "$files/delta.tar" "$site"
    readable "$site"
}

@test "one layer that went missing since is enough to refuse" {
    site=$(registry_start "$name")
    mirror "$files/old.tar" "$site"
    before=$(blobs)
    layer=$(tar -xOf "$files/old.tar" manifest.json | jq -r '.[1].Layers[1]')
    find "$HARNESS_DIR/registry/$name/data" -path "*rancher/agent/_layers/sha256/${layer##*/}*" -delete
    find "$HARNESS_DIR/registry/$name/data" -path "*/blobs/sha256/*/${layer##*/}*" -delete
    mirror 9 "$files/delta.tar" "$site"
    says_error "lacks 1 of the 5 layers"
    says_error "missing: sha256:${layer##*/}"
    [ "$(blobs)" -eq $((before - 1)) ]
    [ -z "$(manifest_digest "$site" rancher/server:v1.0.2)" ]
}

@test "layers that another repository has are mounted from there" {
    site=$(registry_start "$name")
    mirror "$files/other.tar" "$site"
    bundle --base "$files/other.tar"
    mirror d.tar "$site"
    says_error "0 layers in place, 3 to be mounted"
    says_error "3 mounted"
    readable "$site"
}

@test "a registry that mounts nothing is told, and what to do then" {
    site=$(registry_start "$name")
    mirror "$files/other.tar" "$site"
    bundle --base "$files/other.tar"
    mirror 9 d.tar "$(odd no-mount "$site")"
    says_error "does not hand a layer on from its repository 'other/base' to another"
    says_error "drover merge"
    says_error "no tag was changed"
}

@test "several bases add up" {
    drover bundle rancher/agent:v1.0.1 --from "$hub" -o agent.tar --key "$files/site.key"
    bundle --base "$files/other.tar" --base agent.tar
    says "delta: 3 layers"
    says "  images (serial"
    site=$(registry_start "$name")
    mirror "$files/other.tar" "$site"
    mirror 9 d.tar "$site"
    says_error "lacks 1 of the 4 layers"
    says_error "$(tar -xOf agent.tar SHA256SUMS | sha256sum | cut -c 1-64)"
    mirror agent.tar "$site"
    mirror d.tar "$site"
    readable "$site"
}

@test "a delta of a delta: the far side that took the first has what it stands for" {
    make_image "$hub" rancher/server:v1.1.0 --layers 300K,200K,9K,3K --seed shared
    drover bundle rancher/server:v1.1.0 --from "$hub" -o d.tar --key "$files/site.key" \
        --base "$files/delta.tar"
    says "delta: 3 layers"
    says "SHA256SUMS sha256:$(tar -xOf "$files/new.tar" SHA256SUMS | sha256sum | cut -c 1-64)"
    site=$(registry_start "$name")
    mirror "$files/old.tar" "$site"
    mirror "$files/delta.tar" "$site"
    mirror d.tar "$site"
    [ "$(manifest_digest "$site" rancher/server:v1.1.0)" = "$(manifest_digest "$hub" rancher/server:v1.1.0)" ]
}

@test "a base that somebody else signed is believed only where he is named" {
    drover bundle v1.0.1 --from "$hub" -o theirs.tar --key "$files/other.key"
    bundle 7 --base theirs.tar
    says_error "the base 'theirs.tar'"
    says_error "if somebody else signed it, name his key by --pubkey"
    [ ! -e d.tar ]
    bundle --base theirs.tar --pubkey "$files/other.pub"
    says "delta: 4 layers"
    python3 -c 'f = open("theirs.tar", "r+b"); f.seek(600); f.write(b"0")'
    bundle 7 --base theirs.tar --pubkey "$files/other.pub" --force
    bundle 3 --base nothing.tar --force
    says_error "the base 'nothing.tar'"
}

@test "a bundle.json is a base too: what its images had is asked for" {
    tar -xOf "$files/old.tar" bundle.json >old.json
    bundle --base old.json
    says "delta: 4 layers"
    says_error "bears no signature"
    says "id sha256:"
    site=$(registry_start "$name")
    mirror "$files/old.tar" "$site"
    mirror d.tar "$site"
    readable "$site"
}

@test "a base that lies costs a refusal, not a registry" {
    tar -xOf "$files/old.tar" bundle.json |
        jq '.release = "v9.9.9"' >lie.json
    bundle --base lie.json
    site=$(registry_start "$name")
    mirror 9 d.tar "$site"
    says_error "in the bundle Rancher v9.9.9"
    [ "$(blobs)" -eq 0 ]
    echo '{"format": "drover-bundle/1"}' >bad.json
    bundle 7 --base bad.json --force
    says_error "the base 'bad.json'"
}

@test "a base is not replaced by its delta, and a folder is none" {
    bundle
    cp d.tar before
    drover 9 bundle v1.0.2 --from "$hub" -o d.tar --base ./d.tar --key "$files/site.key" --force
    says_error "'./d.tar' is a base, which the new bundle would replace"
    cmp d.tar before
    drover 2 bundle v1.0.2 --from "$hub" -o e.tar --base . --key "$files/site.key"
    says_error "it is a folder: of a bundle in volumes name one of these"
}

@test "a base that has nothing of it: the bundle is whole" {
    make_image "$hub" strange/image:1 --layers 4K --seed strange
    drover bundle strange/image:1 --from "$hub" -o strange.tar --key "$files/site.key"
    bundle --base strange.tar
    says_error "the bundle is a whole one"
    drover inspect d.tar --json
    [ "$(jq .delta <<<"$output")" = null ]
    [ "$(tar -tf d.tar | grep -c whole/)" -eq 0 ]
}

@test "everything is in the base: a delta of manifests and configs alone" {
    drover bundle v1.0.1 --from "$hub" -o d.tar --key "$files/site.key" --base "$files/old.tar"
    says "delta: 5 layers"
    site=$(registry_start "$name")
    mirror "$files/old.tar" "$site"
    mirror d.tar "$site"
    says_error "0 sent"
}

@test "a dry run tells what the bases save" {
    drover bundle v1.0.2 --from "$hub" --dry-run --base "$files/old.tar" --key "$files/site.key"
    says "delta: 4 layers"
    drover bundle v1.0.2 --from "$hub" --dry-run --base "$files/old.tar"
    says_error "NOT VERIFIED"
    drover bundle v1.0.2 --from "$hub" --dry-run --json --base "$files/old.tar" \
        --pubkey "$files/site.pub"
    [ "$(jq .left_out_bytes <<<"$output")" -gt 600000 ]
    [ "$(jq .bytes <<<"$output")" -eq "$(stat -c %s "$files/delta.tar")" ]
    [ "$(jq -c '[.bases[] | (.file | sub(".*/"; "")), .layers, .superfluous]' <<<"$output")" = '["old.tar",4,false]' ]
}

@test "a dry run names the base that could be left away, and the one that saves nothing" {
    make_image "$hub" small/image:1 --layers 1K --seed alone
    drover bundle small/image:1 --from "$hub" -o small.tar --key "$files/site.key"
    drover bundle v1.0.2 --from "$hub" --dry-run --key "$files/site.key" --base "$files/other.tar" \
        --base small.tar --base "$files/old.tar"
    says "delta: 4 layers"
    says "base '$files/other.tar' is superfluous: what it would save, the other bases save as well"
    says "base 'small.tar' saves nothing: it has none of these layers"
    [[ $output != *"'$files/old.tar' is"* ]]
    drover bundle v1.0.2 --from "$hub" --dry-run --json --key "$files/site.key" --base "$files/other.tar" \
        --base small.tar --base "$files/old.tar"
    [ "$(jq -c '[.bases[] | .layers, .superfluous]' <<<"$output")" = '[2,true,0,true,4,false]' ]
    [ "$(jq '.bases[2].bytes == .left_out_bytes and .bases[0].bytes < .bases[2].bytes' <<<"$output")" = true ]
}

@test "mirror --dry-run says whether what a delta leaves out is there" {
    site=$(registry_start "$name")
    mirror 9 "$files/delta.tar" "$site" --dry-run --json
    [ "$(jq -c '.targets[0] | .status, .requires, .plan' <<<"$output" | tr '\n' ' ')" = \
        '9 {"layers":5,"present":0,"mount":0,"missing":5} null ' ]
    mirror "$files/old.tar" "$site"
    mirror "$files/delta.tar" "$site" --dry-run --line-rate 1k
    says_error "what this delta leaves out is there: 5 layers in place, 0 to be mounted"
    says_error "blobs: 7 present, 2 to be sent (9.4 kB)"
    says_error "sending: about 10 s at 1.0 kB/s"
    mirror "$files/delta.tar" "$site" --dry-run --json
    [ "$(jq -c '.targets[0].requires' <<<"$output")" = '{"layers":5,"present":5,"mount":0,"missing":0}' ]
}

@test "merge makes the very bundle that the delta stands for" {
    drover merge "$files/old.tar" "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
    says "m.tar"
    says "whole, signed, every byte checked"
    same_bundle m.tar "$files/new.tar"
    [ ! -e m.tar.part ]
    drover verify m.tar --pubkey "$files/site.pub"
    site=$(registry_start "$name")
    mirror m.tar "$site"
    readable "$site"
    drover diff m.tar "$files/delta.tar"
    says "only in the first   0 layers"
    says "only in the second  0 layers"
}

@test "a delta of an earlier drover is made whole with a bundle of one" {
    earlier=$harness_helpers/../data/bundle
    drover merge "$earlier/v1.bundle.tar" "$earlier/v2.bundle.tar" -o m.tar --pubkey "$earlier/v1.pub" \
        --pubkey "$earlier/v2.pub"
    says "SHA256SUMS  sha256:b7ca9de117f8d924132a7f02182d793f4cb23c5ccd1c9af67c0250442921011e"
}

@test "merge names the layer and the bundle that it lacks, and leaves nothing" {
    drover 6 merge "$files/other.tar" "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
    says_error "no bundle that was named has the layer sha256:"
    says_error "it is in the bundle Rancher v1.0.1"
    [ ! -e m.tar ] && [ ! -e m.tar.part ]
    drover 2 merge "$files/delta.tar" "$files/old.tar" -o m.tar --pubkey "$files/site.pub"
    says_error "is no delta"
    drover 2 merge "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
    says_error "delta.tar' is a delta: name the bundles that it builds on before it"
    drover 7 merge "$files/old.tar" "$files/delta.tar" -o m.tar --pubkey "$files/other.pub"
    drover 2 merge "$files/old.tar" "$files/delta.tar" --pubkey "$files/site.pub"
    echo keep >m.tar
    drover 9 merge "$files/old.tar" "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
    [ "$(cat m.tar)" = keep ]
    drover merge "$files/old.tar" "$files/delta.tar" -o m.tar --pubkey "$files/site.pub" --force
    same_bundle m.tar "$files/new.tar"
}

@test "merge finds a layer that was changed in the old bundle" {
    cp "$files/old.tar" old.tar
    layer=$(tar -xOf old.tar manifest.json | jq -r '.[1].Layers[1]')
    python3 - "$layer" <<'END'
import sys, tarfile
with tarfile.open("old.tar") as tar:
    at = tar.getmember(sys.argv[1]).offset_data
with open("old.tar", "r+b") as file:
    file.seek(at + 100)
    byte = file.read(1)[0]
    file.seek(at + 100)
    file.write(bytes([byte ^ 4]))
END
    drover 7 merge old.tar "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
    says_error "the content of '$layer' in 'old.tar' was changed"
    [ ! -e m.tar ] && [ ! -e m.tar.part ]
}

@test "merge of volumes says before it copies what is missing of them, and takes it from elsewhere" {
    drover split "$files/old.tar" 200K -o o --key "$files/site.key"
    mkdir -p far/away && mv o.002 far/away # right below it would be found
    drover 9 merge o.001 "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
    says_error "volume 2 of 6 of Rancher v1.0.1 (serial 1 "
    says_error "is not in '.'; bring it, or name more folders with --media"
    [ ! -e m.tar ] && [ ! -e m.tar.part ]
    drover merge o.001 "$files/other.tar" "$files/old.tar" "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
    same_bundle m.tar "$files/new.tar"
    drover merge o.001 "$files/delta.tar" -o n.tar --pubkey "$files/site.pub" --media far/away
    cmp m.tar n.tar
}

@test "the merged bundle has room for as many signatures as the delta" {
    bundle --base "$files/old.tar" --signers 2
    drover merge "$files/old.tar" d.tar -o m.tar --pubkey "$files/site.pub"
    drover sign m.tar --key "$files/other.key" -o s.sig
    drover attach m.tar s.sig --pubkey "$files/other.pub"
    drover verify m.tar --pubkey "$files/site.pub" --pubkey "$files/other.pub" --threshold 2
    drover 2 bundle v1.0.2 --from "$hub" -o u.tar --unsigned --base "$files/old.tar"
    says_error "--base needs --key"
}

@test "delta and whole are one bundle to a site that remembers serials" {
    site=$(registry_start "$name")
    mirror "$files/old.tar" "$site" --channel default --state-dir state --first-import
    mirror "$files/delta.tar" "$site" --channel default --state-dir state
    mirror "$files/new.tar" "$site" --channel default --state-dir state
    mirror 9 "$files/old.tar" "$site" --channel default --state-dir state
    says_error "an older bundle brings back"
}

@test "docker load and apply --load refuse a delta in clear words" {
    DOCKER_HOST=unix://$(engine_start load)
    export DOCKER_HOST
    run docker load -i "$files/delta.tar"
    [ "$status" -ne 0 ]
    [[ $output == *this-is-a-drover-delta:-use-drover-mirror,-or-drover-merge-to-make-it-whole* ]]
    [ -z "$(docker images -q)" ]
    drover 9 load "$files/delta.tar" --pubkey "$files/site.pub"
    says_error "an engine cannot load it: it is a delta"
    engine_stop load
    run skopeo inspect "oci-archive:$files/delta.tar:docker.io/rancher/server:v1.0.2"
    [ "$status" -ne 0 ]
    drover 9 apply "$files/delta.tar" --registry 127.0.0.1:9 --load --pubkey "$files/site.pub"
    says_error "--load cannot take this bundle: it is a delta"
    says_error "'drover merge' makes the whole bundle"
}

@test "a run that is killed goes on, and one with another base begins anew" {
    make_image "$hub" big/image:1 --layers 300K,12M,3K --seed shared
    timeout -s KILL 1 "$DROVER" bundle big/image:1 --from "$hub" -o d.tar --key "$files/site.key" \
        --base "$files/old.tar" --limit-rate 2M || true
    [ -e d.tar.part ]
    drover bundle big/image:1 --from "$hub" -o d.tar --key "$files/site.key" --base "$files/old.tar"
    says "delta: 1 layer "
    drover verify d.tar --pubkey "$files/site.pub"
}

@test "memory does not grow with a delta or its merging" {
    make_image "$hub" big/image:2 --layers 300K,60M --seed shared
    drover bundle big/image:2 --from "$hub" -o big.tar --key "$files/site.key"
    make_image "$hub" big/image:3 --layers 300K,60M,40M --seed shared
    drover_small bundle big/image:3 --from "$hub" -o d.tar --key "$files/site.key" --base big.tar
    drover_small merge big.tar d.tar -o m.tar --pubkey "$files/site.pub"
    drover_small verify m.tar --pubkey "$files/site.pub"
}

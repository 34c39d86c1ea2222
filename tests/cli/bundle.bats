#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover bundle: from a real registry into one file, and everything that can go wrong on the way.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_release "$hub"
    make_image "$hub" library/busybox:latest --layers 2K --seed box
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    export keys=$BATS_FILE_TMPDIR
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
}

bundle() {
    drover "$@" --from "$hub" -o b.tar --key "$keys/site.key"
}

nothing_left() {
    [ -z "$(find . -mindepth 1)" ]
}

without_signature() {
    python3 - "$1" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
size = int(data[124:135], 8)
at = 512 + (size + 511) // 512 * 512
data[at:at + 1024] = bytes(1024)
sys.stdout.buffer.write(data)
END
}

@test "a release comes as one verified file, with the registry's own digests" {
    bundle bundle v1.0.2
    says "signed by key $("$DROVER" key id "$keys/site.pub" | cut -c1-16)"
    says "docker.io/rancher/server:v1.0.2"
    drover verify b.tar --pubkey "$keys/site.pub"
    says "good: signed by key"
    drover inspect b.tar --pubkey "$keys/site.pub" --json
    [ "$(jq -r .release <<<"$output")" = v1.0.2 ]
    [ "$(jq -r '.images[].role' <<<"$output" | paste -sd' ')" = "server agent agent-instance" ]
    for image in rancher/server:v1.0.2 rancher/agent:v1.0.1 rancher/agent-instance:v0.8.1; do
        digest=$(jq -r ".images[] | select(.ref == \"docker.io/$image\").digest" <<<"$output")
        [ "$digest" = "$(manifest_digest "$hub" "$image")" ]
    done
    [ "$(find . -mindepth 1)" = ./b.tar ]
}

@test "a layer that images share is stored once" {
    bundle bundle v1.0.2
    [ "$(tar -tf b.tar | sort | uniq -d | wc -l)" -eq 0 ]
    [ "$(tar -tf b.tar | grep -c blobs/)" -eq 11 ] # 3 manifests, 3 configs, 5 of 6 layers
}

@test "the same inputs and SOURCE_DATE_EPOCH give the same bytes, but for the signature" {
    export SOURCE_DATE_EPOCH=1464286418
    bundle bundle v1.0.2
    mv b.tar a.tar
    sleep 1.1
    bundle bundle v1.0.2
    cmp <(without_signature a.tar) <(without_signature b.tar)
    drover inspect b.tar --json
    [ "$(jq -r .created <<<"$output")" = 2016-05-26T18:13:38Z ]
    [ "$(jq -r .serial <<<"$output")" = 1464286418 ]
    SOURCE_DATE_EPOCH=yesterday bundle 8 bundle v1.0.2 --force
    says_error SOURCE_DATE_EPOCH
}

@test "images may be named beside a release, in any form, each once" {
    digest=$(manifest_digest "$hub" library/busybox:latest)
    bundle bundle 1.0.2 busybox docker.io/library/busybox:latest "busybox@$digest" \
        rancher/agent:v1.0.1
    drover inspect b.tar --json
    [ "$(jq -r '.images[].ref' <<<"$output" | tail -n +4 | paste -sd' ')" = \
        "docker.io/library/busybox:latest docker.io/library/busybox@$digest" ]
    [ "$(jq -r '.images[3].role' <<<"$output")" = extra ]
    drover verify b.tar --pubkey "$keys/site.pub"
    bundle 8 bundle busybox "busybox:latest@$digest" --force
    says_error "two images go by the name 'docker.io/library/busybox:latest"
}

@test "an image that names its registry comes from there and not from --from" {
    other=$(registry_start other)
    make_image "$other" team/app:1 --layers 3K --seed app
    bundle bundle "$other/team/app:1"
    drover inspect b.tar --json
    [ "$(jq -r '.images[0].ref' <<<"$output")" = "$other/team/app:1" ]
    [ "$(jq -r '.release' <<<"$output")" = null ]
    registry_stop other
}

@test "--from takes a prefix, as caches of Docker Hub have" {
    make_image "$hub" cache/rancher/agent:v9 --layers 3K --seed app
    drover bundle rancher/agent:v9 --from "$hub/cache" -o b.tar --key "$keys/site.key"
    says "docker.io/rancher/agent:v9"
}

@test "TLS, a login and an encrypted key" {
    registry_start safe --tls --htpasswd joe:secret --data "$HARNESS_DIR/registry/hub/data"
    address=safe.test:$(<"$HARNESS_DIR/registry/safe/port")
    export DROVER_PASSPHRASE=open
    drover key new -o own.key
    fetch=(bundle rancher/agent:v1.0.1 --from "$address" -o b.tar --key own.key)
    drover 4 "${fetch[@]}"
    says_error "certificate"
    fetch+=(--ca-cert "$(registry_ca safe)")
    drover 5 "${fetch[@]}"
    says_error "$address"
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$address" "$(printf joe:secret | base64)" >auth.json
    export REGISTRY_AUTH_FILE=$PWD/auth.json
    DROVER_PASSPHRASE=wrong drover 5 "${fetch[@]}"
    says_error "own.key"
    drover "${fetch[@]}"
    drover verify b.tar --pubkey own.pub
    registry_stop safe
}

@test "a list of platforms gives its image for linux/amd64" {
    make_image "$hub" multi/arch:amd --layers 4K --seed m --oci
    python3 - "$hub" <<'END'
import http.client, json, sys
hub = http.client.HTTPConnection(sys.argv[1])
kind = "application/vnd.oci.image.manifest.v1+json"
hub.request("GET", "/v2/multi/arch/manifests/amd", headers={"Accept": kind})
answer = hub.getresponse()
body = answer.read()
entry = lambda arch: {"mediaType": kind, "size": len(body),
                      "digest": answer.headers["Docker-Content-Digest"],
                      "platform": {"os": "linux", "architecture": arch}}
index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
         "manifests": [entry("amd64")]}
for tag, arch in (("list", "amd64"), ("arm", "arm64")):
    index["manifests"] = [entry(arch)]
    hub.request("PUT", "/v2/multi/arch/manifests/" + tag, json.dumps(index),
                {"Content-Type": index["mediaType"]})
    assert hub.getresponse().read() == b""
END
    bundle bundle multi/arch:list
    drover inspect b.tar --json
    [ "$(jq -r '.images[0].digest' <<<"$output")" = "$(manifest_digest "$hub" multi/arch:amd)" ]
    [ "$(jq -r '.images[0].source_digest' <<<"$output")" = \
        "$(manifest_digest "$hub" multi/arch:list)" ]
    rm b.tar
    bundle 6 bundle multi/arch:arm
    says_error "only for: linux/arm64"
    nothing_left
}

@test "the wrong config type of 2016 is kept, said and recorded" {
    make_image "$hub" old/image:right --layers 4K --seed old
    python3 - "$hub" <<'END'
import http.client, json, sys
hub = http.client.HTTPConnection(sys.argv[1])
kind = "application/vnd.docker.distribution.manifest.v2+json"
hub.request("GET", "/v2/old/image/manifests/right", headers={"Accept": kind})
manifest = json.loads(hub.getresponse().read())
manifest["config"]["mediaType"] = "application/octet-stream"
hub.request("PUT", "/v2/old/image/manifests/wrong", json.dumps(manifest), {"Content-Type": kind})
assert hub.getresponse().status == 201
END
    bundle bundle old/image:wrong
    says_error "warning: old/image:wrong: its config is not typed as one"
    drover inspect b.tar
    says "warning: its config is not typed as one"
    [ "$(tar -xOf b.tar index.json | jq -r '.manifests[0].digest')" = \
        "$(manifest_digest "$hub" old/image:wrong)" ]
}

@test "a schema 1 manifest without layers is refused by name" {
    bad=$(odd schema1)
    drover 8 bundle v1.0.2 --from "$bad" -o b.tar --key "$keys/site.key"
    says_error "schema 1"
    says_error "rancher/server:v1.0.2"
    nothing_left
}

@test "an existing file is kept, and replaced with --force by a complete one only" {
    echo precious >b.tar
    bundle 9 bundle v1.0.2
    says_error "--force"
    bundle 6 bundle rancher/none:1 --force
    [ "$(cat b.tar)" = precious ]
    bundle bundle v1.0.2 --force
    drover verify b.tar --pubkey "$keys/site.pub"
    mkdir folder
    drover 9 bundle v1.0.2 --from "$hub" -o folder --key "$keys/site.key" --force
}

@test "a second run beside one that is at work is refused" {
    make_image "$hub" slow/image:1 --layers 20M --seed slow
    slow=$(odd slow)
    process_start busy "$DROVER" bundle slow/image:1 --from "$slow" -o "$PWD/b.tar" \
        --key "$keys/site.key"
    wait_until 20 test -s b.tar.part
    bundle 9 bundle v1.0.2
    says_error "another drover is writing"
    process_stop busy KILL
    [ ! -e b.tar ]
}

@test "an unknown release and an image that is not there are named" {
    bundle 6 bundle v1.0.9
    says_error "known are v1.0.0 to v1.6.30, which 'drover releases' lists"
    bundle 6 bundle v1.0.2 rancher/none:7
    says_error "rancher/none:7"
    bundle 6 bundle v1.1.4
    says_error "rancher/server:v1.1.4"
    bundle 8 bundle 'Not/An@Image'
    nothing_left
}

@test "what is missing on the command line is named" {
    drover 2 bundle v1.0.2 --key "$keys/site.key"
    says_error "-o FILE"
    drover 2 bundle v1.0.2 -o b.tar
    says_error "--key FILE"
    drover 2 bundle -o b.tar --key "$keys/site.key"
    drover 9 bundle v1.0.2 --from "$hub" -o b.tar --key "$keys/site.pub"
    install -m 600 "$keys/site.pub" public
    drover 8 bundle v1.0.2 --from "$hub" -o b.tar --key public
    rm public
    drover 3 bundle v1.0.2 --from "$hub" -o b.tar --key nowhere.key
    drover 3 bundle v1.0.2 --from "$hub" -o nowhere/b.tar --key "$keys/site.key"
    drover 2 bundle v1.0.2 --from "http://$hub" -o b.tar --key "$keys/site.key"
    nothing_left
}

@test "a registry that is not there, or answers with errors only, is named" {
    drover 4 bundle v1.0.2 --from 127.0.0.1:1 -o b.tar --key "$keys/site.key"
    says_error "127.0.0.1:1"
    bad=$(odd refuse)
    drover 4 bundle v1.0.2 --from "$bad" -o b.tar --key "$keys/site.key"
    says_error "503"
    nothing_left
}

@test "a registry that serves other bytes than it promised is found out" {
    bad=$(odd flip)
    drover 7 bundle v1.0.2 --from "$bad" -o b.tar --key "$keys/site.key"
    says_error "sha256:"
    rm b.tar.part b.tar.part.journal # what came well stays, for the next run
    bad=$(odd manifest)
    drover 7 bundle v1.0.2 --from "$bad" -o b.tar --key "$keys/site.key"
    says_error "rancher/server"
    bad=$(odd short)
    drover 4 bundle v1.0.2 --from "$bad" -o b.tar --key "$keys/site.key"
    says_error "sha256:"
    rm b.tar.part b.tar.part.journal
    nothing_left
}

@test "a disk that is too small is told before the first layer, with the bytes that are needed" {
    mkdir small
    mount -t tmpfs -o size=512k tmpfs small
    drover 3 bundle v1.0.2 --from "$hub" -o small/b.tar --key "$keys/site.key"
    says_error "bytes) but the disk has only"
    [ -z "$(ls small)" ]
    umount small
}

@test "memory stays flat whatever a layer's size is" {
    make_image "$hub" large/image:1 --layers 200M --seed large
    limit=24
    if grep -q __asan_init "$DROVER"; then limit=96; fi # its own shadow takes more
    python3 - "$limit" "$DROVER" bundle large/image:1 --from "$hub" -o b.tar \
        --key "$keys/site.key" <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(peak, "KiB")
sys.exit(peak > int(sys.argv[1]) * 1024)
END
    rm b.tar
}

@test "--json tells what was made as inspect does, signed or not yet" {
    bundle bundle v1.0.2 --json --expires 90d
    made=$(jq -S 'del(.age)' <<<"$output")
    [ "$(jq -r .key_id <<<"$made")" = "sha256:$("$DROVER" key id "$keys/site.pub")" ]
    says_error "next: drover verify"
    drover inspect b.tar --pubkey "$keys/site.pub" --json
    [ "$(jq -S 'del(.age)' <<<"$output")" = "$made" ]
    drover verify b.tar --pubkey "$keys/site.pub" --json
    [ "$(jq -S 'del(.age)' <<<"$output")" = "$made" ]
    drover bundle v1.0.2 --from "$hub" -o later.tar --unsigned --json
    jq -e '.verified == false and .free_slots == 1 and .images[0].role == "server"' <<<"$output"
}

@test "--progress json: every line on stderr is an object, errors too" {
    objects='select(.event == "progress" or .event == "message" or .event == "error") | .event'
    bundle bundle v1.0.2 --progress json -v
    [ "$(jq -r "$objects" <<<"$stderr" | wc -l)" -eq "$(wc -l <<<"$stderr")" ]
    jq -se 'map(select(.event == "progress")) | (.[0] | .verb == "fetch" and .done == 0) and
        (.[-1] | .done == .total and .total > 600000) and all(has("rate") and has("left"))' <<<"$stderr"
    jq -se 'any(.event == "message" and .level == "detail") and
        any(.event == "message" and .level == "info" and (.text | startswith("next: ")))' <<<"$stderr"
    drover verify b.tar --pubkey "$keys/site.pub" --progress=json
    jq -se 'map(.verb) | unique == ["verify"]' <<<"$stderr"
    drover 9 bundle v1.0.2 --from "$hub" -o b.tar --key "$keys/site.key" --progress json
    jq -se '.[-1] | .event == "error" and .command == "bundle" and .status == 9 and (.text | test("b.tar"))' \
        <<<"$stderr"
    drover 2 verify --progress json
    jq -e '.event == "error" and .status == 2' <<<"$stderr"
    drover 2 verify b.tar --progress bar
    says_error "auto, plain, none or json"
    drover verify b.tar --pubkey "$keys/site.pub" --progress json -q
    [ -z "$stderr" ]
}

@test "progress: a redrawn line on a terminal, lines every ten seconds elsewhere, none when asked" {
    slow=$(odd slow)
    make_image "$hub" large/one:1 --layers 400K --seed progress
    on_terminal() {
        TERM=xterm script -qec "$DROVER bundle large/one:1 --from $slow -o b.tar --force --key $keys/site.key $1" /dev/null
    }
    run on_terminal ""
    [[ $output == *$'\r\033[Kfetch '*"% of"* || $output == *$'\r\033[Kfetch '*"%, "*" left"* ]]
    for form in plain none json; do
        run on_terminal "--progress $form"
        [[ $output != *$'\033[K'* ]]
    done
    drover bundle large/one:1 --from "$slow" -o b.tar --force --key "$keys/site.key"
    [[ $stderr != *%* && $stderr != *$'\r'* ]] # done before the first ten seconds
}

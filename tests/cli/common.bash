# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What every bats file here begins with:
#
#   load common                         # the harness too: registry_start, engine_start, …
#   setup_file() { harness_begin; }
#   teardown_file() { harness_end; }
#
# The environment comes from ctest: DROVER and SIM_BINARY are the programs under test, IMAGES is
# the data folder of a registry with the simulator's images (made by tests/helpers/images) for a
# file that has the line "# needs: images".
#
# shellcheck disable=SC2154 # bats sets status, output and stderr

bats_require_minimum_version 1.5.0

# shellcheck source=tests/helpers/harness.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers/harness.bash"

# make_image …: see tests/helpers/make-image.
make_image() {
    "$harness_helpers/make-image" "$@"
}

# make_list …: see tests/helpers/make-list.
make_list() {
    "$harness_helpers/make-list" "$@"
}

# make_release HOST:PORT: small images under the names of Rancher v1.0.2; server and agent share their
# first layer, agent-instance is OCI.
make_release() {
    make_image "$1" rancher/server:v1.0.2 --layers 300K,200K,1K --seed shared
    make_image "$1" rancher/agent:v1.0.1 --layers 300K,7K --seed shared
    make_image "$1" rancher/agent-instance:v0.8.1 --layers 150K --seed other --oci
}

release_images="rancher/server:v1.0.2 rancher/agent:v1.0.1 rancher/agent-instance:v0.8.1"

# complete HOST:PORT [PREFIX/]: every image of make_release "$hub" is there, with the same digest.
complete() {
    local image
    for image in $release_images; do
        [ "$(manifest_digest "$1" "${2-}$image")" = "$(manifest_digest "$hub" "$image")" ] || return 1
    done
}

# own_registry: for setup(), a folder for the test and in $name the name of a registry that it may start.
own_registry() {
    cd "$BATS_TEST_TMPDIR" || return
    name=site-$BATS_TEST_NUMBER
}

# Neither a tag nor a manifest is in that registry.
nothing_tagged() {
    [ -z "$(find "$HARNESS_DIR/registry/$name/data" -path '*/_manifests/*' 2>/dev/null)" ]
}

# spoil FILE LAYER HOW: a copy of the bundle, c.tar, where something happens in the middle of its n-th layer
spoil() {
    python3 - "$@" <<'END'
import sys, tarfile
path, layer, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with tarfile.open(path) as tar:
    members = [m for m in tar.getmembers() if m.name.startswith("blobs/")]
    layers = [m for m in members if m.size > 1000]
    at = layers[layer].offset_data + layers[layer].size // 2
    print(layers[layer].name)
data = bytearray(open(path, "rb").read())
if how == "flip":
    data[at] ^= 1
elif how == "lose":
    del data[at:at + 100]
elif how == "add":
    data[at:at] = b"noise" * 20
elif how == "cut":
    del data[at:]
elif how == "head":
    del data[700:710]
open("c.tar", "wb").write(data)
END
}

# fake_tool FILE MACHINE [INTERPRETER] [BITS]: the head of an executable for Linux (machine 62: x86_64, 183: aarch64, elf.h)
# and some bytes after it.
fake_tool() {
    python3 - "$@" <<'END'
import struct, sys
name, machine = sys.argv[1], int(sys.argv[2])
kind = 3 if len(sys.argv) > 3 and sys.argv[3] else 1
bits = 1 if len(sys.argv) > 4 else 2
ident = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9)
header = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
segment = struct.pack("<IIQQQQQQ", kind, 5, 0, 0, 0, 0, 0, 4096)
open(name, "wb").write(header + segment + bytes(range(256)) * 30)
END
}

# take_status [STATUS] WORD…: for helpers that take what drover takes. $expected is the exit status (0), $words the rest.
take_status() {
    expected=0
    if [[ ${1-} =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    words=("$@")
}

# drover [STATUS] ARG…: runs the program under test and expects this exit status (0). What it said
# is in $output and $stderr.
drover() {
    local expected words
    take_status "$@"
    run --separate-stderr "${DROVER:?is the program under test}" "${words[@]}"
    if ((status != expected)); then
        printf 'drover %s\nended with %s, not %s\n--- stdout\n%s\n--- stderr\n%s\n' \
            "${words[*]}" "$status" "$expected" "$output" "$stderr"
        return 1
    fi
}

# from FILE [STATUS] ARG…: the same with this file behind a pipe.
from() {
    drover "${@:2}" < <(cat "$1")
}

# drover_small ARG…: runs it, and fails when it takes more than 24 MiB of memory.
drover_small() {
    local limit=24
    if grep -q __asan_init "$DROVER"; then limit=96; fi # the sanitizer's shadow takes more
    python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(peak, "KiB")
sys.exit(peak > int(sys.argv[1]) * 1024)' "$limit" "$DROVER" "$@"
}

# says TEXT, says_error TEXT: the last output contains the text.
says() {
    contains stdout "$output" "$1"
}

says_error() {
    contains stderr "$stderr" "$1"
}

# page FILE: reads a report of drover's as a strict browser would; its text is in $output.
page() {
    run "$harness_helpers/page" "$1"
    if ((status != 0)); then
        printf 'the report is no proper page:\n%s\n' "$output"
        return 1
    fi
}

contains() {
    if [[ $2 != *"$3"* ]]; then
        printf 'no "%s" in its %s:\n%s\n' "$3" "$1" "$2"
        return 1
    fi
}

# manifest_digest HOST:PORT NAME:TAG, empty if there is no such tag.
manifest_digest() {
    local accept=application/vnd.docker.distribution.manifest
    curl -sfI -H "Accept: $accept.v2+json, $accept.list.v2+json" \
        -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        -H 'Accept: application/vnd.oci.image.index.v1+json' \
        "http://$1/v2/${2%:*}/manifests/${2##*:}" |
        awk 'tolower($1) == "docker-content-digest:" { sub(/\r$/, "", $2); print $2 }'
}

# odd ODDITY [UPSTREAM [CERTIFICATE KEY]]: a registry that misbehaves (tests/helpers/odd-registry) in front of UPSTREAM
# ($hub); prints HOST:PORT.
odd() {
    local port
    port=$(free_port 5500)
    process_start "odd-$port" "$harness_helpers/odd-registry" "$port" "${2:-$hub}" "$1" \
        "${@:3}"
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$port"
    printf '127.0.0.1:%s\n' "$port"
}

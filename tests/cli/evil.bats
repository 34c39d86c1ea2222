#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Bundles that somebody means ill with, made by tests/helpers/evil-bundles: neither verify nor mirror takes any of them,
# and nothing is written, neither in the registry nor in the state. Then files that change under drover's hands, sizes
# beyond what fits into 31, 32 and 33 bits, and that what is taken is the same archive to everybody.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    site=$(registry_start site)
    export hub site files=$BATS_FILE_TMPDIR
    make_image "$hub" rancher/server:v1.0.2 --layers 3K,2K,1K --seed shared
    make_image "$hub" rancher/agent:v1.0.1 --layers 3K,1K --seed shared
    make_image "$hub" rancher/agent-instance:v0.8.1 --layers 2K --seed other --oci
    make_image "$hub" large/image:1 --layers 1500K,64K --seed large
    cd "$files"
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o good.tar --key site.key
    "$DROVER" bundle rancher/agent:v1.0.1 --from "$hub" -o base.tar --key site.key
    "$DROVER" bundle v1.0.2 --from "$hub" -o delta.tar --key site.key --base base.tar
    "$DROVER" bundle large/image:1 --from "$hub" -o large.tar --key site.key
    mkdir evil
    "$harness_helpers/evil-bundles" good.tar delta.tar site.key evil >cases
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    umask 022
    mkdir -p trust/trust.d
    cp "$files/site.pub" trust/trust.d/
    options=(--trust-dir trust --state-dir state --first-import)
}

# Nothing but looking has been asked of the registry, and no state was written.
nothing_written() {
    ! grep -E '"(POST|PUT|PATCH|DELETE) /v2/' "$(registry_log site)" &&
        [ -z "$(find "$HARNESS_DIR/registry/site/data" -type f 2>/dev/null)" ] &&
        [ ! -e state/state.json ]
}

@test "every evil bundle is refused by verify, also from a pipe, and by mirror; nothing is written" {
    [ "$(wc -l <"$files/cases")" -gt 220 ]
    wrong=0
    while read -r name expected; do
        for command in "verify $files/evil/$name" "verify -" "mirror $files/evil/$name $site"; do
            status=0
            # shellcheck disable=SC2086 # several words
            "$DROVER" $command "${options[@]}" <"$files/evil/$name" >out 2>err || status=$?
            if [[ $command == *- ]]; then sed -i '/^warning: lost: /d' err; fi
            said=$(<err) # one line, and nothing that a terminal would act on
            if [[ $status -ne $expected || -s out || -z $said || $said == *[[:cntrl:]]* ]]; then
                printf '%s: ended with %s, not %s: %s\n' "$command" "$status" "$expected" "$said"
                wrong=$((wrong + 1))
            fi
        done
    done <"$files/cases"
    [ "$wrong" -eq 0 ]
    nothing_written
    drover verify "$files/good.tar" "${options[@]}"
    drover verify "$files/delta.tar" "${options[@]}"
}

@test "apply asks the same, before it looks at anything" {
    while read -r name expected; do
        [[ $name == graph-* || $name == *-4097-* ]] || continue
        drover "$expected" apply "$files/evil/$name" --registry "$site" "${options[@]}" --yes
    done <"$files/cases"
    nothing_written
}

@test "a delta whose whole bundle nobody signed is not made whole" {
    for delta in "$files"/evil/merge-*; do
        drover verify "$delta" "${options[@]}"
        drover 7 merge "$files/base.tar" "$delta" -o m.tar --pubkey "$files/site.pub"
        says_error "the whole bundle that '$delta' is a delta of"
        [ -z "$(find . -name 'm.tar*')" ]
    done
    [ "$(find "$files/evil" -name 'merge-*' | wc -l)" -eq 4 ]
    drover merge "$files/base.tar" "$files/delta.tar" -o m.tar --pubkey "$files/site.pub"
}

# mirror_slowly FILE: in the background; returns when the upload has begun.
mirror_slowly() {
    process_start "mirror-$BATS_TEST_NUMBER" "$DROVER" mirror "$PWD/$1" "$site/t$BATS_TEST_NUMBER" \
        --pubkey "$files/site.pub" --limit-rate 500k
    wait_until 20 grep -q "POST .*/t$BATS_TEST_NUMBER/large/image/blobs/uploads" "$(registry_log site)"
}

mirror_ends() {
    local pid status=0
    pid=$(process_pid "mirror-$BATS_TEST_NUMBER")
    wait_until 60 process_ended "mirror-$BATS_TEST_NUMBER"
    wait "$pid" || status=$?
    cat "$(process_log "mirror-$BATS_TEST_NUMBER")"
    [ "$status" -eq "$1" ]
}

@test "a file that is cut short while it is uploaded: no tag" {
    cp "$files/large.tar" b.tar
    mirror_slowly b.tar
    truncate -s 200000 b.tar
    mirror_ends 7
    [ -z "$(manifest_digest "$site" "t$BATS_TEST_NUMBER/large/image:1")" ]
}

@test "another file in its place, or more at its end, while it is uploaded: what was verified arrives" {
    cp "$files/large.tar" b.tar
    mirror_slowly b.tar
    cp "$files/good.tar" other.tar
    echo more >>b.tar
    mv other.tar b.tar
    mirror_ends 0
    [ "$(manifest_digest "$site" "t$BATS_TEST_NUMBER/large/image:1")" = "$(manifest_digest "$hub" large/image:1)" ]
}

# sparse FILE SIZE DIGEST: a well signed bundle with a layer of zeros that takes no room. The caller knows the digest,
# since hashing takes time, or does not care for it.
sparse() {
    python3 - "$harness_helpers/evil-bundles" "$files/good.tar" "$files/site.key" "$@" <<'END'
import hashlib, importlib.machinery, importlib.util, json, sys
tool, good, key, path, size, digest = sys.argv[1:]
loader = importlib.machinery.SourceFileLoader("evil", tool)
evil = importlib.util.module_from_spec(importlib.util.spec_from_loader("evil", loader))
loader.exec_module(evil)
size, name = int(size), b"blobs/sha256/" + digest.encode()
bundle = evil.Bundle(good, key)
shared = bundle.layer()[0]
for blob, data in bundle.blobs():
    if data[:1] == b"{" and shared[-64:] in data:
        layer = lambda one: {**one, "digest": "sha256:" + digest, "size": size} \
            if one["digest"][7:].encode() == shared[-64:] else one
        manifest = json.loads(data)
        manifest["layers"] = [layer(one) for one in manifest["layers"]]
        bundle.replace_blob(blob, json.dumps(manifest).encode())
bundle.put(b"manifest.json", bundle.get(b"manifest.json").replace(shared[-64:], digest.encode()))
at = bundle.at(shared)
bundle.members[at] = name, b""
text = bundle.list().replace(hashlib.sha256(b"").hexdigest().encode() + b"  " + name, digest.encode() + b"  " + name)
parts = bundle.parts(text=text)
with open(path, "wb") as file:
    file.write(b"".join(parts[:at + 2]) + evil.header(name, size))
    file.seek(file.tell() + size + -size % 512)
    file.write(b"".join(parts[at + 3:]) + bytes(1024))
END
}

@test "layers at the ends of 31, 32 and 33 bits lie where they should, and an end that is cut off is seen" {
    for size in 2147483647 2147483648 2147483649 4294967295 4294967297 8589934591 8589934592 8589934593; do
        sparse b.tar "$size" "$(printf '%064d' 1)"
        drover inspect b.tar --pubkey "$files/site.pub" --json
        [ "$(jq "[.images[0].layers[].size] | max" <<<"$output")" = "$size" ]
        "$harness_helpers/same-listing" b.tar
        truncate -s -1 b.tar
        drover 7 verify b.tar "${options[@]}"
        says_error "ends too early"
        truncate -s +2 b.tar
        drover 7 verify b.tar "${options[@]}"
        says_error "behind its end"
    done
}

@test "a layer of more than 2 GiB is hashed to its last byte" {
    sizes=(2147483649)
    if [[ ${DROVER_TEST_LONG-} ]]; then sizes+=(4294967297 8589934593); fi
    for size in "${sizes[@]}"; do
        digest=$(head -c "$size" /dev/zero | openssl dgst -sha256 -r | cut -d' ' -f1)
        sparse b.tar "$size" "$digest"
        drover verify b.tar "${options[@]}"
        end=$(tar -tRvf b.tar | awk -v size="$size" '$5 == size { printf "%d", $2 * 512 + 512 + size }')
        printf x | dd of=b.tar bs=1 seek=$((end - 1)) conv=notrunc status=none
        drover 7 verify b.tar "${options[@]}"
        says_error "$digest"
    done
}

@test "whatever drover takes, GNU tar, libarchive and python see the same members in it" {
    cp "$files/good.tar" one.tar
    cp "$files/large.tar" two.tar
    "$DROVER" bundle rancher/agent:v1.0.1 --from "$hub" -o three.tar --key "$files/site.key" --signers 3 --expires 9d
    "$DROVER" bundle rancher/agent-instance:v0.8.1 --from "$hub" -o four.tar --unsigned
    "$DROVER" bundle v1.0.2 large/image:1 --from "$hub" -o five.tar --key "$files/site.key"
    "$harness_helpers/same-listing" ./*.tar
    # And whatever is taken without a key, of files in which a few bytes are others.
    python3 - "$DROVER" "$harness_helpers/same-listing" ./*.tar <<'END'
import random, subprocess, sys
drover, listing, *paths = sys.argv[1:]
random.seed(1)
taken = 0
for number in range(150):
    data = bytearray(open(random.choice(paths), "rb").read())
    for _ in range(random.randint(1, 3)):
        at = random.randrange(min(len(data), 12000)) if random.random() < 0.9 else random.randrange(len(data))
        data[at] = random.choice((0, 32, 48, 49, 0x80, 255, data[at] ^ 1 << random.randrange(8)))
    with open("changed", "wb") as file:
        file.write(data)
    if subprocess.run([drover, "inspect", "changed"], capture_output=True).returncode:
        continue
    taken += 1
    subprocess.run([listing, "changed"], check=True)
print(taken, "of 150 taken")
sys.exit(taken < 3)
END
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover releases, and what bundles can be made of besides a release's own images.

load common

setup_file() { harness_begin; }
teardown_file() { harness_end; }

@test "all 65 releases are listed, with what apply covers" {
    drover releases
    [ "$(grep -c '^v1\.' <<<"$output")" -eq 65 ]
    [[ ${lines[1]} == "v1.0.0 "*" yes "* ]]
    [ "$(grep -c ' yes ' <<<"$output")" -eq 8 ]
    says_error "v1.0.0 to v1.1.4 only"
    drover releases --json
    jq -e 'length == 65 and (map(select(.apply)) | map(.release) | last == "v1.1.4")' <<<"$output"
    jq -e 'all(.images[0].role == "server" and (.images[0].image == "rancher/server:" + .release))' <<<"$output"
}

@test "one release: images with roles, groups, doubts, advice" {
    drover releases 1.1.2
    says "agent-instance    rancher/agent-instance:v0.8.3"
    says "kubernetes        rancher/k8s:v1.2.4-rancher9  *"
    says "'drover apply' upgrades to it"
    says "Remove a network agent through Rancher only"
    drover releases v1.6.14
    says "NOT 'drover apply'"
    says "load-balancer     rancher/lb-service-haproxy:v0.7.15"
    says "infrastructure    rancher/net:holder"
    says "registry.default must be set"
    drover releases --json v1.2.0
    jq -e '.apply == false and any(.images[]; .confidence == "medium") and (.advice | length > 3)' <<<"$output"
    drover 6 releases v1.7.0
    says_error "'v1.7.0' is not known"
    drover 2 releases v1.0.0 v1.0.1
}

# ---------------------------------------------------------------- bundles of them

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    drover key new -o site.key --no-passphrase
}

roles() {
    "$DROVER" inspect -q --json "$1" 2>/dev/null | jq -r '.images[] | .role + " " + .ref'
}

@test "an optional group comes along; an unknown one lists the known" {
    hub=$(registry_start hub-groups)
    make_release "$hub"
    for image in kubectld:v0.2.0 k8s:v1.2.4-rancher4; do make_image "$hub" "rancher/$image" --layers 5K --seed "$image"; done
    drover 6 bundle v1.0.2 --with vmware -o a.tar --key site.key --from "$hub"
    says_error "v1.0.2 has no optional group 'vmware'; it has kubernetes, swarm"
    drover 2 bundle busybox --with swarm -o a.tar --key site.key --from "$hub"
    cat >mine.json <<END
{"images": ["rancher/server:v1.0.2"], "optional": {"tools": [{"image": "rancher/k8s:v1.2.4-rancher4"}]}}
END
    drover bundle v1.0.2 -f mine.json --with tools rancher/kubectld:v0.2.0 -o a.tar --key site.key --from "$hub"
    [ "$(roles a.tar)" = "server docker.io/rancher/server:v1.0.2
agent docker.io/rancher/agent:v1.0.1
agent-instance docker.io/rancher/agent-instance:v0.8.1
tools docker.io/rancher/k8s:v1.2.4-rancher4
extra docker.io/rancher/kubectld:v0.2.0" ]
    drover 6 bundle v1.0.2 -f mine.json --with more -o b.tar --key site.key --from "$hub"
    [ ! -e b.tar ]
}

@test "a list of lines, as Rancher prints it" {
    hub=$(registry_start hub-lines)
    make_image "$hub" rancher/server:v1.6.14 --layers 5K
    make_image "$hub" rancher/net:holder --layers 6K
    printf '# all of it\r\nrancher/server:v1.6.14\r\n\nrancher/net:holder # moves\nrancher/net:holder\n' >rancher-images.txt
    drover bundle -f rancher-images.txt -o a.tar --key site.key --from "$hub"
    [ "$(roles a.tar)" = "extra docker.io/rancher/server:v1.6.14
extra docker.io/rancher/net:holder" ]
    printf 'rancher/server:v1.6.14\nno image\n' >bad.txt
    drover 8 bundle -f bad.txt -o b.tar --key site.key --from "$hub"
    says_error "line 2"
    drover 3 bundle -f absent.txt -o b.tar --key site.key --from "$hub"
    drover 2 bundle -o b.tar --key site.key
    [ ! -e b.tar ]
}

@test "a bundle of v1.2 and later can be made, and is no target of apply" {
    hub=$(registry_start hub-later)
    for image in server:v1.2.0 agent:v1.1.0 agent-instance:v0.8.3; do make_image "$hub" "rancher/$image" --layers 5K --seed "$image"; done
    cat >later.json <<END
{"release": "v1.2.0", "images": [{"role": "server", "image": "rancher/server:v1.2.0"},
 {"role": "agent", "image": "rancher/agent:v1.1.0"}, {"role": "load-balancer", "image": "rancher/agent-instance:v0.8.3"}]}
END
    drover bundle -f later.json -o later.tar --key site.key --from "$hub"
    drover verify later.tar --pubkey site.pub
    drover mirror later.tar "$hub/site" --pubkey site.pub
    drover 9 apply later.tar --registry "$hub/site" --pubkey site.pub --state-dir "$BATS_TEST_TMPDIR/state" --yes
    [ ! -e "$BATS_TEST_TMPDIR/state/apply.json" ]
}

# ---------------------------------------------------------------- two of them compared

@test "diff: added, removed, moved, unchanged, layers and bytes; verified or loudly not" {
    hub=$(registry_start hub-diff)
    make_image "$hub" a/stays:1 --layers 3K --seed stays
    make_image "$hub" a/moves:1 --layers 20K,4K --seed one
    make_image "$hub" a/goes:1 --layers 6K --seed goes
    drover bundle a/stays:1 a/moves:1 a/goes:1 -o a.tar --key site.key --from "$hub" --serial 5 --expires 2h
    make_image "$hub" a/moves:1 --layers 20K,5K --seed two
    make_image "$hub" a/comes:1 --layers 7K --seed comes
    drover bundle a/stays:1 a/moves:1 a/comes:1 -o b.tar --key site.key --from "$hub" --serial 4
    drover diff a.tar b.tar
    says_error "NOTHING WAS VERIFIED"
    says "NOT VERIFIED"
    says "is OLDER than the first"
    says "added    docker.io/a/comes:1  (extra, linux/amd64)"
    says "removed  docker.io/a/goes:1"
    says "moved    docker.io/a/moves:1"
    says "unchanged  1 image"
    drover diff --pubkey site.pub --json a.tar b.tar
    [ -z "$stderr" ]
    jq -e '.verified and ([.added, .removed, .moved | length] == [1, 1, 1]) and .unchanged == 1' <<<"$output"
    jq -e '.moved[0] | .ref == "docker.io/a/moves:1" and .from.digest != .to.digest' <<<"$output"
    jq -e '(.layers_added.bytes == ([.layers_added.list[].size] | add)) and .layers_shared.layers == 1' <<<"$output"
    jq -e --slurpfile b <("$DROVER" inspect --json b.tar 2>/dev/null) '
        .layers_added.bytes + .layers_shared.bytes == ([$b[0].images[].layers[]] | unique | map(.size) | add)' <<<"$output"
    drover diff --pubkey site.pub b.tar b.tar
    says "unchanged  3 images"
    says "only in the second  0 layers, 0 B"
    [[ $output != *moved* && $output != *added* && $output != *removed* ]]
    drover key new -o other.key --no-passphrase
    drover 7 diff --pubkey other.pub a.tar b.tar
    [ -z "$output" ]
    drover 2 diff a.tar
    drover 3 diff a.tar absent.tar
}

@test "diff: another role alone is told" {
    hub=$(registry_start hub-roles)
    make_image "$hub" a/one:1 --layers 3K
    drover bundle a/one:1 -o a.tar --key site.key --from "$hub"
    echo '{"images": [{"role": "server", "image": "a/one:1"}]}' >list.json
    drover bundle -f list.json -o b.tar --key site.key --from "$hub"
    drover diff --pubkey site.pub a.tar b.tar
    says "moved    docker.io/a/one:1"
    says "(server, linux/amd64)"
}

# ---------------------------------------------------------------- a plan only

@test "bundle --dry-run: exact bytes, no layer asked for, nothing written" {
    hub=$(registry_start hub-dry)
    make_release "$hub"
    mkdir work
    drover bundle v1.0.2 --dry-run --from "$hub" -o work/a.tar
    says "server          docker.io/rancher/server:v1.0.2"
    says "needed"
    [ -z "$(ls -A work)" ]
    drover bundle v1.0.2 --dry-run --json --from "$hub" -o work/a.tar
    plan=$output
    [ -z "$(ls -A work)" ]
    log=$(cat "$HARNESS_DIR"/registry/hub-dry/*log* "$HARNESS_DIR"/process/*hub-dry*/*log* 2>/dev/null || true)
    [[ $log == */v2/rancher/server/manifests/* ]]
    drover bundle v1.0.2 --from "$hub" -o work/a.tar --key site.key
    [ "$(jq .bytes <<<"$plan")" -eq "$(stat -c %s work/a.tar)" ]
    [ "$(jq .members <<<"$plan")" -eq "$(tar -tf work/a.tar | wc -l)" ]
    jq -e '.fetch_bytes == .layer_bytes and .kept_bytes == 0 and .space_needed == .bytes' <<<"$plan"
    jq -e 'has("fetch_seconds") or has("read_seconds") or has("bases") | not' <<<"$plan"
    for digest in $("$DROVER" inspect --json work/a.tar 2>/dev/null | jq -r '.images[].layers[].digest'); do
        [[ $log != *"blobs/$digest"* ]]
    done
    drover 9 bundle v1.0.2 --dry-run --from "$hub" -o work/a.tar
    drover bundle v1.0.2 --dry-run --from "$hub" -o work/a.tar --force
    drover 6 bundle rancher/none:v1 --dry-run --from "$hub"
    drover bundle v1.0.2 --dry-run --from "$hub"
    [ "$(ls work)" = a.tar ]
}

@test "bundle --dry-run tells how long it takes at the speeds of the line and of the medium" {
    hub=$(registry_start hub-pace)
    make_image "$hub" a/one:1 --layers 300K
    drover bundle a/one:1 --dry-run --from "$hub" --line-rate 1k --read-rate 100k
    says "to be fetched: 306.7 kB, about 5 min at 1.0 kB/s"
    says "read    about 4 s at 102.4 kB/s on the far side, to verify it"
    drover bundle a/one:1 --dry-run --json --from "$hub" --line-rate 1k --read-rate 100k
    jq -e '.fetch_seconds == (.fetch_bytes / 1024 | ceil) and .read_seconds == (.bytes / 102400 | ceil)' <<<"$output"
    drover 2 bundle a/one:1 --from "$hub" -o a.tar --key site.key --read-rate 2M
    says_error "--read-rate is for --dry-run, which tells how long it would take at that speed"
    drover 2 bundle a/one:1 --dry-run --from "$hub" --line-rate fast
    says_error "--line-rate: 'fast' is no rate; give bytes per second, like 500k or 2M"
    [ ! -e a.tar ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The power goes at a random moment of drover mirror: SIGKILL, and all that was not flushed is lost on this side
# (tests/helpers/powerloss). The registry is a real one with TLS and tokens. After every cut each tag names either what it
# named before or the new image, and that one is complete in the registry's storage; a later run completes, and a deep
# audit finds nothing; or the last run is taken back. Every fifth time the registry is started anew as well.
#
# More rounds: DROVER_TEST_ROUNDS=100. The moments are others each time unless DROVER_TEST_SEED is set.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    cd "$BATS_FILE_TMPDIR" || return
    make_image "$hub" rancher/server:v1.0.2 --layers 900K,500K,1K --seed shared
    make_image "$hub" rancher/agent:v1.0.1 --layers 900K,70K --seed shared
    make_image "$hub" rancher/agent-instance:v0.8.1 --layers 300K --seed other --oci
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o b.tar --key site.key
    start_site
}

teardown_file() {
    harness_end
}

# A registry with TLS and tokens that are renewed all the time, and in it older images under the same tags.
start_site() {
    local port
    export images="rancher/server:v1.0.2 rancher/agent:v1.0.1 rancher/agent-instance:v0.8.1"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=harness tokens" -keyout token.key -out token.crt 2>/dev/null
    plain=$(registry_start site)
    for image in $images; do make_image "$plain" "$image" --layers 200K,2K --seed old; done
    registry_stop site
    registry_start site --tls
    registry_stop site
    port=$(free_port 5700)
    process_start tokens "$harness_helpers/token-server" "$port" "$PWD" --user joe:secret --seconds 60 \
        --tls "$HARNESS_DIR/registry/site/server.crt" "$HARNESS_DIR/registry/site/server.key"
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$port"
    export site_options="--tls --env REGISTRY_AUTH=token --env REGISTRY_AUTH_TOKEN_REALM=https://localhost:$port/token
        --env REGISTRY_AUTH_TOKEN_SERVICE=site --env REGISTRY_AUTH_TOKEN_ISSUER=harness
        --env REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=$PWD/token.crt"
    # shellcheck disable=SC2086 # several words
    site=localhost:$(registry_start site $site_options | cut -d: -f2)
    export site data=$HARNESS_DIR/registry/site/data
    cp -a "$data" old-data
    mkdir .docker
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$site" "$(printf joe:secret | base64)" >.docker/config.json
}

# What the registry's storage says, without asking it: the digest that a tag names.
tag_of() {
    local link="$data/docker/registry/v2/repositories/${1%:*}/_manifests/tags/${1##*:}/current/link"
    [ ! -e "$link" ] || cat "$link"
}

tags() {
    local image
    for image in $images; do
        tag_of "$image"
        echo
    done
}

# whole NAME:TAG: what it names is in the storage, every blob with the right hash and linked in the repository.
whole() {
    python3 - "$data/docker/registry/v2" "${1%:*}" "$(tag_of "$1")" <<'END'
import hashlib, json, os, sys
top, name, digest = sys.argv[1:]
def blob(digest):
    value = digest.split(":")[1]
    with open(f"{top}/blobs/sha256/{value[:2]}/{value}/data", "rb") as file:
        data = file.read()
    assert hashlib.sha256(data).hexdigest() == value, digest
    return data
manifest = json.loads(blob(digest))
for entry in [manifest["config"]] + manifest["layers"]:
    blob(entry["digest"])
    link = entry["digest"].replace(":", "/")
    assert os.path.exists(f"{top}/repositories/{name}/_layers/{link}/link"), entry
END
}

# check_tags: each is old or new, and whole.
check_tags() {
    local image now i=0
    for image in $images; do
        i=$((i + 1))
        now=$(tag_of "$image")
        if [ "$now" != "$(sed -n "${i}p" <<<"$old")" ] && [ "$now" != "$(sed -n "${i}p" <<<"$new")" ]; then
            echo "$image names $now"
            return 1
        fi
        whole "$image" || return 1
    done
}

mirror() {
    LD_PRELOAD=$POWERLOSS POWERLOSS_DIR=$PWD/root POWERLOSS_DISK=$PWD/disk HOME=$files \
        exec "$DROVER" mirror "$files/b.tar" "$site" --pubkey "$files/site.pub" --channel default --first-import \
        --state-dir "$PWD/root/state" --ca-cert "$(registry_ca site)"
}

# cut_after SECONDS | cut_at EVENT: a run that does not come to its end, unless it is faster.
cut_after() {
    mirror >said 2>&1 &
    local pid=$!
    sleep "$1"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    "$harness_helpers/powerloss" "$PWD/root" "$PWD/disk"
}

cut_at() {
    (POWERLOSS_AT=$1 mirror >said 2>&1) 2>/dev/null || true
    "$harness_helpers/powerloss" "$PWD/root" "$PWD/disk"
}

# cut_in_tags: when the first tag has moved.
cut_in_tags() {
    local before pid
    before=$(tag_of rancher/server:v1.0.2)
    mirror >said 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && [ "$(tag_of rancher/server:v1.0.2)" = "$before" ]; do sleep 0.005; done
    sleep "0.0$((RANDOM % 5))"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    "$harness_helpers/powerloss" "$PWD/root" "$PWD/disk"
}

begin_round() {
    rm -rf "$data" root disk
    cp -a "$files/old-data" "$data"
    mkdir -p root disk/files disk/folders
}

# After the cuts: on to the end, or back to the beginning.
end_round() {
    local status=0
    if ((round % 4 == 0)) && [ -e "root/state/mirror/$site.json" ]; then
        HOME=$files "$DROVER" mirror --rollback "$site" --state-dir "$PWD/root/state" --ca-cert "$(registry_ca site)" >said 2>&1
        [ "$(tags)" = "$old" ]
        back=$((back + 1))
    fi
    (mirror >said 2>&1) || status=$?
    if [ "$status" -ne 0 ]; then
        cat said
        return 1
    fi
    [ "$(tags)" = "$new" ]
    HOME=$files "$DROVER" audit "$files/b.tar" "$site" --deep --pubkey "$files/site.pub" \
        --ca-cert "$(registry_ca site)" >said 2>&1
    jq -e .channels.default.serial root/state/state.json >/dev/null
}

@test "power loss at any moment of a mirror: every tag is old or new and whole, and a later run completes" {
    if grep -q __asan_init "$DROVER"; then skip "the sanitizer's library must come first"; fi
    cd "$BATS_TEST_TMPDIR" || return
    local round count begin whole_run moments=(0 0 0 0) back=0 cuts=0 now
    RANDOM=${DROVER_TEST_SEED:-$RANDOM}
    old=$(tags)
    whole_run=1000
    for _ in 1 2 3; do # the shortest time counts: later than that there is nothing to cut
        begin_round
        begin=$EPOCHREALTIME
        (mirror >said 2>&1)
        whole_run=$(awk -v a="$begin" -v b="$EPOCHREALTIME" -v t="$whole_run" 'BEGIN { print (b - a < t) ? b - a : t }')
    done
    new=$(tags)
    [ "$(sort <<<"$old$new" | uniq -d)" = "" ]
    for round in $(seq "${DROVER_TEST_ROUNDS:-3}"); do
        begin_round
        count=$((1 + RANDOM % 3))
        for _ in $(seq "$count"); do
            case $((RANDOM % 4)) in
            0) cut_at $((1 + RANDOM % 14)) ;;
            1) cut_in_tags ;;
            *) cut_after "$(awk -v t="$whole_run" -v r="$RANDOM" 'BEGIN { printf "%.3f", t * r / 32768 }')" ;;
            esac
            cuts=$((cuts + 1))
            check_tags
            now=$(comm -12 <(tags | sort) <(sort <<<"$new") | wc -l)
            moments[now]=$((moments[now] + 1))
        done
        if ((round % 5 == 0)); then
            registry_stop site
            # shellcheck disable=SC2086 # several words
            registry_start site $site_options
        fi
        end_round
    done
    echo "# $((round)) rounds, $cuts cuts: ${moments[0]} with all tags old, ${moments[1]} with one new, ${moments[2]} with two," \
        "${moments[3]} with all; $back taken back; a whole run takes $whole_run s" >&3
}

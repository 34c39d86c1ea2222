#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover mirror into several registries at once, what it writes down about tags, and the way back.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub files=$BATS_FILE_TMPDIR
    make_release "$hub"
    cd "$BATS_FILE_TMPDIR" || return
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle v1.0.2 --from "$hub" -o b.tar --key site.key --serial 2
    make_image "$hub" large/image:1 --layers 4M --seed large
    "$DROVER" bundle large/image:1 --from "$hub" -o large.tar --key site.key
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    site=$(registry_start "one-$BATS_TEST_NUMBER")
    state=$PWD/state
}

teardown() {
    registry_stop "one-$BATS_TEST_NUMBER"
    registry_stop "two-$BATS_TEST_NUMBER" || true
}

second() {
    two=$(registry_start "two-$BATS_TEST_NUMBER")
}

# mirror [STATUS] REGISTRY… [OPTION…]
mirror() {
    local expected words
    take_status "$@"
    drover "$expected" mirror "${bundle:-$files/b.tar}" "${words[@]}" --pubkey "$files/site.pub" --state-dir "$state"
}

# back [STATUS] REGISTRY… [OPTION…]
back() {
    local expected words
    take_status "$@"
    drover "$expected" mirror --rollback "${words[@]}" --state-dir "$state"
}

# old_tags HOST:PORT: other images under the names of the release.
old_tags() {
    local image
    for image in $release_images; do make_image "$1" "$image" --layers 2K --seed old >/dev/null; done
}

tags_of() {
    local image
    for image in $release_images; do manifest_digest "$1" "$image"; done
}

# front ODDITY: what the registry in front of $site, at $odd, does from now on.
front() {
    process_stop "odd-${odd#*:}"
    process_start "odd-${odd#*:}" "$harness_helpers/odd-registry" "${odd#*:}" "$site" "$1"
    wait_until 10 bash -c ": </dev/tcp/${odd/://}"
}

# journal REGISTRY [FILTER]
journal() {
    local path=$state/mirror/${1//\//+}.json
    jq -r "${2:-.}" "$path"
}

@test "several registries from one verification; each has its lines and its part of the report" {
    second
    mirror "$site" "$two/team"
    [ "$(grep -c "^verified" <<<"$stderr")" -eq 1 ]
    says_error "$site: blobs: 0 present, 8 sent"
    says_error "$two/team: blobs: 0 present, 8 sent"
    [ "${#lines[@]}" -eq 6 ]
    complete "$site"
    drover audit "$files/b.tar" "$two/team" --deep --pubkey "$files/site.pub"
    mirror "$site" "$two/team" --json -q
    [ "$(jq -r '[.targets[] | "\(.registry) \(.status) \(.blobs.present) \(.tags_written)"] | join(", ")' <<<"$output")" = \
        "$site 0 9 0, $two/team 0 9 0" ]
    mirror 2 "$site" "$site/"
    says_error "is named twice"
}

@test "one registry that fails stops no other; which one is told, and its status is the run's" {
    second
    odd=$(odd readonly "$two")
    mirror 4 "$odd" "$site"
    says_error "$odd: warning: failed: send "
    says_error "405: UNSUPPORTED"
    says_error "1 of 2 registries failed, as said above; the others have all of the bundle"
    [ "${#lines[@]}" -eq 3 ]
    complete "$site"
    mirror 4 "$site" 127.0.0.1:1 --json -q
    [ "$(jq -r '[.targets[] | .status] | join(" ")' <<<"$output")" = "0 4" ]
    [[ $(jq -r '.targets[1].error' <<<"$output") == *127.0.0.1:1* ]]
    mirror 4 127.0.0.1:1 "$odd"
    says_error "2 of 2 registries failed, as said above"
    [ -z "$output" ]
}

@test "a bundle that one of two registries has taken is remembered against older ones" {
    drover bundle v1.0.2 --from "$hub" -o old.tar --key "$files/site.key" --serial 1
    options=(--channel default --first-import)
    mirror 4 "$site" 127.0.0.1:1 "${options[@]}"
    [ "$(jq .channels.default.serial "$state/state.json")" -eq 2 ]
    bundle=old.tar mirror 9 "$site" --channel default
    says_error "one with 2 was taken here before"
    mirror 4 127.0.0.1:1 --channel default
    mirror "$site" --channel default
}

@test "where everything is there, no layer of the bundle is read: one that rots on this side is not noticed" {
    mirror "$site"
    cp "$files/b.tar" rotten.tar
    printf X | dd of=rotten.tar bs=1 seek=$(($(stat -c %s rotten.tar) - 100000)) conv=notrunc status=none
    : >"$(registry_log "one-$BATS_TEST_NUMBER")"
    bundle=rotten.tar mirror "$site"
    says_error "blobs: 9 present (not re-hashed), 0 sent"
    says_error "nothing to do, so no layer of the bundle was read"
    run ! grep -qE '"(GET|PUT|POST|PATCH) /v2/[a-z]' "$(registry_log "one-$BATS_TEST_NUMBER")"
    [ "$(grep -c '"HEAD /v2/' "$(registry_log "one-$BATS_TEST_NUMBER")")" -eq 15 ] # 9 blobs, 3 manifests, 3 tags
    bundle=rotten.tar mirror 7 "$site/elsewhere"
    run ! grep -qE '"(PUT|POST|PATCH) ' "$(registry_log "one-$BATS_TEST_NUMBER")"
}

@test "--dry-run says what is missing and writes nothing, neither there nor here" {
    mirror "$site" --dry-run
    [ "$(grep -c '  missing$' <<<"$output")" -eq 3 ]
    says_error "blobs: 0 present, 8 to be sent ("
    says_error ", 1 to be mounted from a neighbour ("
    says_error "tags: 3 to be written; nothing was written now"
    [ ! -e "$state" ]
    [ -z "$(tags_of "$site")" ]
    mirror "$site"
    make_image "$site" rancher/agent:v1.0.1 --layers 5K --seed moved
    mirror "$site" --dry-run --json
    [ "$(jq -r '[.targets[0].images[].result] | join(" ")' <<<"$output")" = "present missing present" ]
}

@test "--dry-run tells what a registry would be sent, and how long that and reading takes" {
    mirror "$site" --dry-run --json --line-rate 1k --read-rate 10k
    plan=$(jq -c '.targets[0].plan' <<<"$output")
    jq -e '.present == 0 and .send == 8 and .mount == 1 and .tags == 3' <<<"$plan"
    jq -e --argjson size "$(stat -c %s "$files/b.tar")" '.read_bytes == $size + .send_bytes' <<<"$plan"
    jq -e '.send_seconds == (.send_bytes / 1024 | ceil) and .read_seconds == (.read_bytes / 10240 | ceil)' <<<"$plan"
    mirror "$site" --dry-run --line-rate 100k --limit-rate 1k --read-rate 10k
    says_error "sending: about 11 min at 1.0 kB/s"
    says_error "reading the bundle, all of it to verify it and then again what is sent: about 3 min at 10.2 kB/s"
    mirror "$site" --json
    [ "$(jq '.targets[0].blobs.bytes_sent' <<<"$output")" -eq "$(jq .send_bytes <<<"$plan")" ]
    [ "$(jq -c '.targets[0] | .blobs.sent, .blobs.mounted' <<<"$output" | tr '\n' ' ')" = "8 1 " ]
    mirror "$site" --dry-run --line-rate 1k --read-rate 1k
    says_error "blobs: 9 present, 0 to be sent, 0 to be mounted from a neighbour; tags: 0 to be written"
    says_error "none of its layers is needed"
    [[ $stderr != *"sending:"* ]]
    mirror 2 "$site" --line-rate 1M
    says_error "--line-rate is for --dry-run, which tells how long it would take at that speed; --limit-rate limits"
    back 2 "$site" --dry-run --read-rate 1M
    says_error "--read-rate is for --dry-run"
}

@test "what tags were is written down, and --rollback puts them back; a new tag stays" {
    old_tags "$site"
    before=$(tags_of "$site")
    bundle=$files/large.tar mirror "$site/other"
    mirror "$site"
    complete "$site"
    [ "$(journal "$site" .state)" = "done" ]
    [ "$(journal "$site" '[.tags[].before] | join("\n")')" = "$before" ]
    mirror "$site" # moves nothing: the journal stays that of the run that did
    back "$site" --dry-run
    [ "$(grep -c '  to be put back$' <<<"$output")" -eq 3 ]
    says_error "$site: the last run that moved tags was begun at $(journal "$site" .started), with '$files/b.tar'"
    complete "$site"
    back "$site"
    [ "$(grep -c '  put back$' <<<"$output")" -eq 3 ]
    [ "$(tags_of "$site")" = "$before" ]
    [ "$(journal "$site" .state)" = "rolled back" ]
    back "$site" --json
    [ "$(jq -r '[.targets[0].tags[].result] | unique | join(" ")' <<<"$output")" = "as before" ]
    back "$site/other"
    says "$site/other/large/image:1  $(manifest_digest "$hub" large/image:1)  stays"
    says_error "1 tag did not exist before that run and stays"
    mirror "$site"
    complete "$site"
}

@test "--rollback changes nothing when somebody else has moved a tag, or what it named is gone" {
    old_tags "$site"
    mirror "$site"
    after=$(tags_of "$site")
    make_image "$site" rancher/agent:v1.0.1 --layers 5K --seed somebody
    back 9 "$site"
    says_error "$site/rancher/agent:v1.0.1 was moved by somebody else since that run: it names $(manifest_digest "$site" rancher/agent:v1.0.1)"
    says_error "1 of 3 tags in '$site' were moved by somebody else since that run, so none was changed"
    [ "$(manifest_digest "$site" rancher/server:v1.0.2)" = "$(head -n 1 <<<"$after")" ]
    mirror "$site" # the last run is this one: it moved one tag, back from somebody's image
    [ "$(journal "$site" '.tags | length')" -eq 1 ]
    gone=$(journal "$site" '.tags[0].before')
    curl -sf -X DELETE "http://$site/v2/rancher/agent/manifests/$gone"
    back 6 "$site"
    says_error "what it named before is not whole any more"
    [ "$(tags_of "$site")" = "$after" ]
    back 9 "$site/elsewhere"
    says_error "no run from this machine has moved a tag in '$site/elsewhere'"
    drover 9 mirror --rollback "$site" --state-dir "$PWD/none"
    drover 2 mirror --rollback
}

@test "layers of the old image that are gone are noticed before a tag names them again" {
    old_tags "$site"
    layer=$(curl -sf -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$site/v2/rancher/server/manifests/v1.0.2" | jq -r '.layers[0].digest')
    mirror "$site"
    after=$(tags_of "$site")
    curl -sf -X DELETE "http://$site/v2/rancher/server/blobs/$layer"
    back 6 "$site"
    says_error "its blob $layer is not there"
    [ "$(tags_of "$site")" = "$after" ]
}

@test "a run that was cut off between tags: every tag is old or new, and both ways lead out" {
    old_tags "$site"
    before=$(tags_of "$site")
    odd=$(odd none "$site") # the same registry under another name, by which its journal goes
    front second-tag        # takes the first tag, then nothing
    mirror 4 "$odd"
    says_error "1 of 3 tags were written before that, all of complete images; what they were is written down"
    [ "$(journal "$odd" .state)" = moving ]
    [ "$(tags_of "$site" | sed -n 2,3p)" = "$(sed -n 2,3p <<<"$before")" ]
    front none
    back "$odd"
    [ "$(tags_of "$site")" = "$before" ]
    front second-tag
    mirror 4 "$odd"
    front none
    mirror "$odd"
    complete "$site"
    [ "$(journal "$odd" '"\(.state) \(.tags | length)"')" = "done 3" ]
    [ "$(journal "$odd" '[.tags[].before] | sort | join("\n")')" = "$(sort <<<"$before")" ]
    back "$odd"
    [ "$(tags_of "$site")" = "$before" ]
}

@test "--rollback goes on behind a tag that the registry refuses, and names each that was not put back" {
    old_tags "$site"
    before=$(tags_of "$site")
    odd=$(odd none "$site")
    mirror "$odd"
    front second-tag # takes the first tag, then nothing
    back 4 "$odd"
    [ "$(grep -c '  put back$' <<<"$output")" -eq 1 ]
    [ "$(grep -c '  not put back$' <<<"$output")" -eq 2 ]
    [ "$(grep -c "was not put back: " <<<"$stderr")" -eq 2 ]
    says_error "2 of 3 tags in '$odd' were not put back, as said above"
    [ "$(journal "$odd" .state)" = "done" ]
    back 4 "$odd" --json
    [ "$(jq -c '[.targets[0].tags[].result] | sort' <<<"$output")" = '["as before","not put back","not put back"]' ]
    [ "$(jq -r '[.targets[0].tags[].error // empty] | length' <<<"$output")" -eq 2 ]
    front none
    back "$odd"
    [ "$(tags_of "$site")" = "$before" ]
    [ "$(journal "$odd" .state)" = "rolled back" ]
}

@test "an old image in Docker's schema 1 form is looked at with its layers, too" {
    old=$(registry_start "two-$BATS_TEST_NUMBER" --schema1)
    "$harness_helpers/make-schema1" "$old" rancher/server:v1.0.2 1.9.1
    mirror "$old"
    back "$old"
    says "  put back"
    mirror "$old"
    layer=$(curl -sf "http://$old/v2/rancher/server/manifests/$(journal "$old" '.tags[] | select(.before) | .before')" |
        jq -r '.fsLayers[-1].blobSum')
    curl -sf -X DELETE "http://$old/v2/rancher/server/blobs/$layer"
    back 6 "$old"
    says_error "its blob $layer is not there"
}

@test "two runs into one registry from one machine do not meet; into different ones they do" {
    second
    slow=$(odd slow "$site")
    process_start first "$DROVER" mirror "$files/large.tar" "$slow" --pubkey "$files/site.pub" --state-dir "$state"
    wait_until 20 grep -q "POST .*/large/image/blobs/uploads" "$(registry_log "one-$BATS_TEST_NUMBER")"
    bundle=$files/large.tar mirror 9 "$slow"
    says_error "another drover holds the lock"
    mirror "$two"
    complete "$two"
    wait_until 60 process_ended first
    drover audit "$files/large.tar" "$site" --pubkey "$files/site.pub"
}

@test "a journal that is damaged, or a folder that cannot be made, is told before anything is written" {
    mkdir -p "$state/mirror"
    echo '{"format": 1' >"$state/mirror/$site.json"
    mirror 8 "$site"
    says_error "$site.json"
    says_error "can't be rolled back any more"
    echo '{"format": 9, "state": "done", "tags": []}' >"$state/mirror/$site.json"
    mirror 8 "$site"
    says_error "of a newer drover"
    chmod 666 "$state/mirror/$site.json"
    mirror 9 "$site"
    [ -z "$(tags_of "$site")" ]
    : >file
    state=$PWD/file mirror 3 "$site"
    says_error "--state-dir names another one"
    [ -z "$(tags_of "$site")" ]
}

@test "who is not root has the journal in a folder of his own" {
    his=/run/his-$BATS_TEST_NUMBER
    mkdir -p "$his/home" && chown 12345 "$his/home"
    cp "$DROVER" "$files/b.tar" "$files/site.pub" "$his"
    cd "$his"
    HOME=$his/home setpriv --reuid 12345 --regid 12345 --clear-groups \
        ./drover mirror b.tar "$site" --pubkey site.pub
    [ -e "home/.local/state/drover/mirror/$site.json" ]
    complete "$site"
    cd / && rm -r "$his"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover rollback, drover status, drover backup verify: the way back from any point of an upgrade.
# needs: images

load common
load server
: "${harness_helpers:?}" "${IMAGES:?}" # from common, from ctest

# rollback [STATUS] [OPTION…]
rollback() {
    local expected words
    take_status "$@"
    drover "$expected" rollback --state-dir "$state" --yes "${words[@]}"
}

# status_says TEXT: in the words of drover status.
status_says() {
    drover status --state-dir "$state"
    says "$1"
}

# The volume or folder is there.
kept() {
    [ -d "$1" ] || docker volume inspect "$1" >/dev/null
}

# The old server runs on the old database, in a fresh volume, with its old settings; the migrated one is kept.
rolled_back() {
    wait_until 20 answers
    [ "$(sim .release.server)" = v1.0.1 ] || return 1
    [ "$(canary)" = "$canary" ] || return 1
    [ "$(sim .uncleanStops)" = 0 ] || return 1
    [ "$(sim .concurrentServers)" = 0 ] || return 1
    [ "$(field rancher '{{.Config.Image}}')" = rancher/server:v1.0.1 ] || return 1
    [ "$(field rancher '{{.HostConfig.RestartPolicy.Name}}')" = always ] || return 1
    [ "$(volume_of rancher)" != "$volume" ] || return 1
    [[ $(volume_of rancher) == *rancher-v1.0.1-* ]] || return 1
    [ "$(docker ps --format '{{.Names}}')" = rancher ] || return 1
    kept "$volume" || return 1
    [ ! -e "$state/apply.json" ]
}

@test "with nothing to roll back, that is what is said, engine or not" {
    DOCKER_HOST=unix:///nowhere.sock drover 6 rollback --state-dir "$PWD/none"
    says_error "no upgrade of the server was ever made with the state folder '$PWD/none': nothing to roll back"
    DOCKER_HOST=unix:///nowhere.sock drover 6 rollback --state-dir "$PWD/none" --dry-run
    says_error "nothing to roll back"
}

@test "back from a finished upgrade: old image, old settings, old database; and forth again" {
    server -e MINE=yes --label team=platform
    before
    apply
    upgraded
    # What was done since without the server does not bar the way back.
    apply --only verify --rancher-url http://127.0.0.1:8080
    status_says "finished at"
    says "drover rollback"
    facts=$(engine_facts)
    drover rollback --state-dir "$state" --dry-run
    says "v1.0.2 -> v1.0.1"
    [ "$(engine_facts)" = "$facts" ]
    rollback
    says "v1.0.1 again"
    says "network agents and"
    rolled_back
    [[ $(field rancher '{{json .Config.Env}}') == *'"MINE=yes"'* ]]
    [[ $(field rancher '{{json .Config.Env}}') != *CATTLE_AGENT_INSTANCE_IMAGE* ]]
    [ "$(field rancher '{{index .Config.Labels "team"}}')" = platform ]
    # The migrated one is whole, and stopped for good.
    [ "$(volume_of rancher-migrated)" = "$volume" ]
    [ "$(field rancher-migrated '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}')" = "false no" ]
    status_says "rolled back at"
    rollback 9
    says_error "rolled back already"
    restored=$(volume_of rancher)
    back_again
    apply
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(canary)" = "$canary" ]
    [ "$(volume_of rancher)" = "$restored" ]
    [ "$(sim .uncleanStops)" = 0 ]
}

@test "before the new server was started, rolling back is undoing: the database is untouched" {
    server
    before
    id=$(field rancher '{{.Id}}')
    DROVER_TEST_KILL=backup:done apply 137
    status_says "not finished"
    says "untouched"
    says "created, never started"
    says "to continue          drover apply $files/v1.0.2.bundle --registry $site"
    rollback
    says "started again; everything is as before"
    wait_until 20 answers
    [ "$(field rancher '{{.Id}}') $(containers)" = "$id $standing" ]
    [ "$(canary)" = "$canary" ]
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(field rancher '{{.HostConfig.RestartPolicy.Name}}')" = always ]
    status_says "No upgrade is under way"
    rollback 6
    says_error "nothing to roll back"
}

@test "killed before and after every step, the rollback continues; apply does not" {
    server
    before
    DROVER_TEST_KILL=netagents:done apply 137
    for step in place restore create stop start policy answer compare rename remove; do
        for phase in begun 'done'; do
            DROVER_TEST_KILL=back-$step:$phase rollback 137
        done
        if [ $step = stop ]; then
            status_says "being rolled back"
            says "unpacked in a fresh place"
            apply 9
            says_error "drover rollback"
            RANCHER_URL=http://127.0.0.2:8080 rollback 9
            says_error "was begun with Rancher at 'http://127.0.0.1:8080'"
        fi
    done
    rollback
    rolled_back
    [ "$(containers)" = "rancher rancher-data rancher-migrated " ]
}

@test "a rollback that was cut off goes on at its own engine only" {
    server
    before
    DROVER_TEST_KILL=netagents:done apply 137
    engine_start other
    for point in back-restore:done back-create:done; do
        DROVER_TEST_KILL=$point rollback 137
        journal=$(sha256sum "$state/apply.json")
        DOCKER_HOST=unix:///run/other.sock rollback 9
        says_error "is it another engine"
        [ "$(sha256sum "$state/apply.json")" = "$journal" ]
        [ -z "$(DOCKER_HOST=unix:///run/other.sock docker ps -aq)" ]
    done
    engine_end other
    rollback
    rolled_back
}

@test "back from a migration that was cut short" {
    server -e RANCHER_SIM_MIGRATION_SECONDS=400 # one that can be hit
    before
    DROVER_TEST_KILL=start:done apply 137
    kill_migration
    apply 11
    says_error "drover rollback"
    status_says "may be migrated"
    rollback
    rolled_back
}

@test "back when the new server's container is gone, and the old one was started by somebody" {
    server
    before
    DROVER_TEST_KILL=compare:done apply 137
    docker stop -t 1 rancher-upgrade-new
    docker rm rancher-upgrade-new
    docker rm rancher-data
    docker start rancher
    rollback
    wait_until 20 answers
    [ "$(canary)" = "$canary" ]
    [ "$(sim .release.server)" = v1.0.1 ]
    [[ $(volume_of rancher) == *rancher-v1.0.1-* ]]
    kept "$volume"
}

@test "refused, and nothing changed: the copy is gone, cut, or another file; the old image is gone" {
    server
    before
    apply
    copy=$(jq -r .backup.file "$state"/apply-*-finished.json)
    drover backup verify "$copy"
    says "whole"
    says "holds    ibdata1 and mysql/"
    drover backup verify --json "$copy"
    [ "$(jq -r .outcome <<<"$output")" = whole ]
    facts=$(engine_facts)
    cp "$copy" whole
    truncate -s -100 "$copy"
    drover 7 backup verify "$copy"
    rollback 7
    says_error "nothing was changed"
    tar -czf "$copy" -C /etc hostname
    (cd "${copy%/*}" && sha256sum "${copy##*/}" >"${copy##*/}.sha256")
    drover 7 backup verify "$copy"
    says_error "no folder mysql/" || says_error "no file ibdata1"
    rollback 7
    rm "$copy"
    rollback 3
    drover 3 backup verify "$copy"
    cp whole "$copy"
    [ "$(engine_facts)" = "$facts" ]
    docker rm rancher-data
    docker rmi -f rancher/server:v1.0.1
    rollback 9
    says_error "docker load"
    docker pull -q "$hub/rancher/server:v1.0.1"
    docker tag "$hub/rancher/server:v1.0.1" rancher/server:v1.0.1
    rollback
    rolled_back
}

@test "only so many copies are kept as asked for, and never others' files" {
    server
    before
    mkdir -p "$state/backups"
    for name in rancher-v1.0.0-20160101T000000Z rancher-v1.0.0-20160202T000000Z other-v1.0.0-20160101T000000Z \
        rancher-x-v1.0.0-20160101T000000Z mine rancher-v1.0.0-20160303T000000Z; do
        touch "$state/backups/$name.tar.gz" "$state/backups/$name.tar.gz.sha256"
        if [[ $name == *20160303* ]]; then continue; fi # another host's, in the same folder
        jq -n --arg file "$state/backups/$name.tar.gz" '{format: 1, state: "finished", steps: {}, backup: {file: $file}}' \
            >"$state/apply-${name: -16}-$name-finished.json"
    done
    apply --keep-backups 2
    [ "$(find "$state/backups" -name "rancher-v*.tar.gz" | wc -l)" -eq 3 ]
    [ -e "$state/backups/rancher-v1.0.0-20160303T000000Z.tar.gz" ]
    [ -e "$(jq -r .backup.file "$state"/apply-20[2-9]*-finished.json)" ]
    [ ! -e "$state/backups/rancher-v1.0.0-20160101T000000Z.tar.gz" ]
    [ ! -e "$state/backups/rancher-v1.0.0-20160101T000000Z.tar.gz.sha256" ]
    [ -e "$state/backups/other-v1.0.0-20160101T000000Z.tar.gz" ]
    [ -e "$state/backups/rancher-x-v1.0.0-20160101T000000Z.tar.gz" ]
    [ -e "$state/backups/mine.tar.gz" ]
}

@test "Rancher's own dump of its database lies beside the copy, complete; a key that gets none is no failure" {
    server
    before
    apply
    [[ $stderr == *"Rancher's own dump of its database"* ]]
    dump=$(find "$state/backups" -name '*.dbdump.zip')
    [ "$dump" = "$(jq -r .backup.file "$state"/apply-*-finished.json).dbdump.zip" ]
    python3 -m zipfile -t "$dump"
    [ "$(python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.read(z.namelist()[0]).decode().splitlines()[-1])' "$dump")" = \
        "-- Dump completed" ]
    teardown
    server
    before
    curl -sf -X POST http://127.0.0.1:8080/sim/access -d '{"enabled": true, "keys": [
        {"public": "C", "secret": "D", "kind": "environment", "projectId": "1a5"}]}' >/dev/null
    sleep 1
    state=$state-2
    RANCHER_ACCESS_KEY=C RANCHER_SECRET_KEY=D apply
    [ "$(sim .release.server)" = v1.0.2 ]
    [ -z "$(find "$state/backups" -name '*.zip*')" ]
}

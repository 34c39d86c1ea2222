#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What goes wrong during drover apply, on the data container mode: each ends with the database safe and with words that
# say what to do (docs/apply.md has the table). More of them, from the first days, are in apply.bats and rollback.bats.
# needs: images

load common
load server
: "${harness_helpers:?}" "${IMAGES:?}" # from common, from ctest

# variant LINE…: $files and $site become those of a bundle whose v1.0.2 server is another: these lines of a Dockerfile
# come after its own.
variant() {
    local workshop
    workshop=$(registry_start workshop --data "$IMAGES")
    printf '%s\n' "FROM $hub/rancher/server:v1.0.2" "$@" |
        docker build -q -t "$workshop/rancher/server:v1.0.2" - >/dev/null
    docker push -q "$workshop/rancher/server:v1.0.2" >/dev/null
    docker rmi "$workshop/rancher/server:v1.0.2" "$hub/rancher/server:v1.0.2" >/dev/null || true
    cp "$files"/site.{key,pub} .
    files=$PWD site=$site/test-$BATS_TEST_NUMBER
    "$DROVER" bundle v1.0.2 --from "$workshop" -o v1.0.2.bundle --key site.key
    registry_stop workshop
    "$DROVER" mirror v1.0.2.bundle "$site" --pubkey site.pub
}

# safe: the old database is in its copy and whole, nobody runs on it, and the rollback brings it back.
safe() {
    drover backup verify "$(find "$state/backups" -name '*.tar.gz')"
    [ "$(field rancher '{{.State.Running}}')" = false ]
    drover rollback --state-dir "$state" --yes
    wait_until 20 answers
    [ "$(sim .release.server)" = v1.0.1 ]
    [ "$(canary)" = "$canary" ]
    [ "$(sim .concurrentServers)" = 0 ]
}

# ---------------------------------------------------------------- the new server

@test "a new server that cannot be started at all: the old one is started again" {
    server
    before
    variant 'CMD ["/usr/bin/nothing-of-that-name"]'
    apply 10
    says_error "nothing-of-that-name"
    says_error "the old server was started again, and everything is as before"
    wait_until 20 answers
    [ "$(containers)" = "$standing" ]
    [ "$(canary)" = "$canary" ]
}

@test "a new server that ends with an error: told apart from a migration, and the way back" {
    server
    before
    variant 'CMD ["mysqladmin", "nonsense"]'
    apply 11
    says_error "the new server ended with status 1; the last that it said: 'mysqladmin: unknown command"
    says_error "drover rollback to go back"
    safe
}

@test "a new server that never answers: told again and again, left alone by Ctrl-C, and the way back" {
    server
    before
    variant 'CMD ["sleep", "1000"]'
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 30 grep -q "runs and does not answer yet" out
    kill -INT "$child"
    wait_until 10 grep -q "must not be disturbed" out
    kill -INT "$child"
    wait "$child" || true
    cat out
    [ "$(grep -c "runs and does not answer yet" out)" -ge 1 ]
    [ "$(field rancher-upgrade-new '{{.State.Running}}')" = true ]
    drover status --state-dir "$state"
    says "may be migrated"
    safe
    says_error "could not be shut down cleanly"
}

@test "a migration that was cut short left its lock: said, cleared only when asked and with proof, and it goes on" {
    server -e RANCHER_SIM_MIGRATION_SECONDS=400 # one that can be hit
    before
    DROVER_TEST_KILL=start:done apply 137
    apply 9 --clear-lock # it holds the lock itself
    says_error "has not said that it can't get the lock"
    kill_migration
    apply 11
    says_error "can't get the lock of its database's change log"
    says_error "with --clear-lock"
    docker run -d --name other --volumes-from rancher-upgrade-new "$site/rancher/server:v1.0.2" sleep 1000
    apply 9 --clear-lock
    says_error "container 'other' runs on the same database"
    docker rm -f other
    apply --clear-lock
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(canary)" = "$canary" ]
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(sim .concurrentServers)" = 0 ]
    [[ $(field rancher '{{json .Config.Env}}') != *RELEASE_CHANGE_LOCK* ]]
    [ "$(containers)" = "rancher rancher-data " ]
}

@test "a new server of another version: proved wrong, and the way back" {
    server
    before
    variant 'ENV CATTLE_RANCHER_SERVER_IMAGE=v1.0.1'
    apply 13
    says_error "says that it is 'v1.0.1', not 'v1.0.2'"
    says_error "drover rollback"
    safe
}

@test "a new server with an empty database: proved wrong, and the way back" {
    server
    before
    variant 'ENV CATTLE_DB_CATTLE_MYSQL_HOST=nowhere'
    apply 13
    says_error "empty"
    says_error "drover rollback"
    safe
}

# ---------------------------------------------------------------- around it

@test "the registry goes away before the pull: nothing was touched, and later it works" {
    server
    before
    DROVER_TEST_KILL=journal:begun apply 137
    registry_stop site
    apply 10
    says_error "the old server was not touched"
    [ "$(containers)" = "$standing" ]
    [ ! -e "$state/apply.json" ]
    registry_start site
    apply
    upgraded
}

@test "--load: an engine that can't reach the registry gets the server from the bundle" {
    server
    before
    DROVER_TEST_KILL=journal:begun apply 137
    registry_stop site
    DROVER_TEST_KILL=pull:done apply 137 --load
    docker image inspect "$site/rancher/server:v1.0.2" >/dev/null
    registry_start site
    apply --load
    upgraded
    docker rmi rancher/server:v1.0.2
}

@test "without a registry: what drover serve has out of the bundle is one for apply and for the hosts" {
    server
    before
    registry_stop site
    process_start serve "$DROVER" serve "$files/v1.0.2.bundle" --pubkey "$files/site.pub" --listen "$HARNESS_HOST:5777"
    wait_until 20 bash -c ": </dev/tcp/$HARNESS_HOST/5777"
    site=$HARNESS_HOST:5777 apply --insecure-registry "$HARNESS_HOST:5777"
    site=$HARNESS_HOST:5777 upgraded
    process_stop serve
    registry_start site
}

@test "the disk fills up during the copy: the old server is started again, and nothing half is left" {
    server
    before
    mkdir full
    mount -t tmpfs -o size=80m tmpfs full
    DROVER_TEST_KILL=stop:done apply 137 --backup-dir "$PWD/full/copies"
    dd if=/dev/zero of=full/ballast bs=64k status=none || true
    apply 3 --backup-dir "$PWD/full/copies"
    says_error "No space left on device"
    says_error "the old server was started again"
    back_again
    [ -z "$(find full/copies -name '*.tar.gz' -o -name '*draft*')" ]
    rm full/ballast
    apply --backup-dir "$PWD/full/copies"
    umount full
    upgraded
}

@test "the disk of the journal is full: nothing is done that could not be written down" {
    server
    before
    mkdir "$state"
    mount -t tmpfs -o size=8m,mode=700 tmpfs "$state"
    DROVER_TEST_KILL=candidate:done apply 137 --backup-dir "$PWD/copies"
    dd if=/dev/zero of="$state/ballast" bs=4k status=none || true
    apply 3 --backup-dir "$PWD/copies"
    says_error "write the journal"
    says_error "No space left on device"
    answers
    [ "$(field rancher '{{.HostConfig.RestartPolicy.Name}}')" = always ]
    jq -e .steps.candidate.done "$state/apply.json"
    rm "$state/ballast"
    apply --backup-dir "$PWD/copies"
    upgraded
    umount "$state"
}

@test "the engine's disk fills up during the pull: nothing was touched" {
    local folder=$HARNESS_DIR/engine/small
    mkdir -p "$folder/data"
    mount -t tmpfs -o size=48m tmpfs "$folder/data"
    engine_start small
    export DOCKER_HOST=unix:///run/small.sock
    docker pull -q "$hub/rancher/server:v1.0.1"
    docker tag "$hub/rancher/server:v1.0.1" rancher/server:v1.0.1
    server
    DROVER_TEST_KILL=journal:begun apply 137 --state-dir "$state"
    dd if=/dev/zero of="$folder/data/ballast" bs=4k status=none || true
    apply 10
    says_error "no space left on device"
    says_error "the old server was not touched"
    answers
    rm "$folder/data/ballast"
    docker rm -f -v rancher
    engine_end small
    umount -l "$folder/data"
}

flushing() {
    docker cp rancher:/var/log/mysql/error.log - | grep -q "Starting shutdown"
}

@test "a database that takes a minute to be written out is waited for, also by the run after a kill" {
    server -e RANCHER_SIM_FLUSH_SECONDS=60
    before
    apply
    upgraded
    docker rm -f -v rancher rancher-data
    rm -rf "$state"
    server -e RANCHER_SIM_FLUSH_SECONDS=200
    before
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 30 flushing
    kill -KILL "$child"
    wait "$child" || true
    [ "$(field rancher '{{.State.Running}}')" = true ]
    apply
    upgraded
}

@test "a server that is killed while its database is written out: no copy is taken of that, and later it works" {
    server -e RANCHER_SIM_FLUSH_SECONDS=1500
    before
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 30 flushing
    docker kill -s KILL rancher
    status=0
    wait "$child" || status=$?
    cat out
    [ "$status" -eq 10 ]
    grep -q "the old server was killed before MySQL had said that it ended" out
    grep -q "the old server was started again" out
    back_again
    [ "$(containers)" = "$standing" ]
    [ ! -e "$state/apply.json" ]
    [ -z "$(find "$state/backups" -name '*.tar.gz')" ]
    [ "$(canary)" = "$canary" ]
    [ "$(sim .uncleanStops)" = 1 ]
    wait_until 20 settled
    apply
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(canary)" = "$canary" ]
    [ "$(sim .uncleanStops)" = 1 ] # none since
}

# copied_clean: the copy is of a database that was shut down, once it had been recovered.
copied_clean() {
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(canary)" = "$canary" ]
    [ "$(sim .uncleanStops)" = 1 ]
    [ "$(sim .concurrentServers)" = 0 ]
    tar -xzOf "$(find "$state/backups" -name '*.tar.gz')" mysql/ibdata1 | jq -e .meta.clean
}

@test "drover and the server are both gone in the server's shutdown: the server recovers its database before it is copied" {
    server -e RANCHER_SIM_FLUSH_SECONDS=300
    before
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 30 flushing
    kill -KILL "$child"
    docker kill -s KILL rancher
    wait "$child" || true
    apply
    says_error "its MySQL did not say that it had shut down: it is started once more"
    copied_clean
}

@test "somebody starts the old server and stops it by docker stop: the server recovers its database before it is copied" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137
    docker start rancher
    wait_until 20 answers
    docker stop rancher
    apply
    says_error "its MySQL did not say that it had shut down: it is started once more"
    copied_clean
}

@test "somebody's other server runs on the database: it is not copied, and neither the new nor the old one is started" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137
    docker run -d --name other --volumes-from rancher -p 8081:8080 -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" \
        rancher/server:v1.0.1
    apply 9
    says_error "container 'other' runs on the database of 'rancher'"
    says_error "and the old server was not put back"
    [ "$(field rancher '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}')" = "false no" ]
    [ "$(field rancher-upgrade-new '{{.State.StartedAt}}')" = 0001-01-01T00:00:00Z ]
    [ -z "$(find "$state/backups" -name '*.tar.gz')" ]
    docker exec other mysqladmin -uroot shutdown || true # it may end with its container
    wait_until 20 eval '[ "$(field other "{{.State.Running}}")" = false ]'
    apply
    says_error "copy the database"
    docker rm other
    upgraded
}

# ---------------------------------------------------------------- stopped and cut off

@test "Ctrl-C before and after every step: undone until the new server was started, continued from then on" {
    server
    before
    for point in pull:begun candidate:done stop:begun backup:done; do
        DROVER_TEST_KILL=$point:int apply 12
        says_error "stopped by Ctrl-C"
        wait_until 20 answers
        [ "$(containers)" = "$standing" ]
        [ ! -e "$state/apply.json" ]
        back_again
    done
    # Whatever step it comes in, that one is brought to its end: so one moment of each is enough.
    for point in start:begun policy:done answer:begun compare:done rename:begun agents:done netagents:begun \
        balancers:done proof:begun; do
        DROVER_TEST_KILL=$point:int apply 12
        says_error "stopped by Ctrl-C"
        says_error "run the same command again to continue"
    done
    DROVER_TEST_KILL=remove:done:int apply # too late
    upgraded
}

# with_power OPTION…: runs drover so that it is known what has reached the disk.
with_power() {
    LD_PRELOAD=$POWERLOSS POWERLOSS_DIR=$PWD/root POWERLOSS_DISK=$PWD/disk "$@"
}

@test "power loss at any flush or rename: the journal is whole and knows what was done" {
    if grep -q __asan_init "$DROVER"; then skip "the sanitizer's library must come first"; fi
    mkdir -p root disk/files disk/folders
    state=$PWD/root/var/lib/drover
    server
    before
    local status=137
    for at in 1 3 6 9 2 5 8 11 13 4 7 17 10 19 12 23 14 29 15 31 16 37 41 43; do
        status=0
        with_power env POWERLOSS_AT=$at "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" \
            --pubkey "$files/site.pub" --state-dir "$state" --yes >out 2>&1 || status=$?
        if [ "$status" -eq 0 ]; then break; fi
        if [ "$status" -ne 137 ]; then cat out; fi
        [ "$status" -eq 137 ]
        "$harness_helpers/powerloss" "$PWD/root" "$PWD/disk"
        if [ -e "$state/apply.json" ]; then jq -e .steps "$state/apply.json" >/dev/null; fi
    done
    apply
    upgraded
    for at in 2 5 3 8 4 9 6 12 7 15 10 19 40; do
        status=0
        with_power env POWERLOSS_AT=$at "$DROVER" rollback --state-dir "$state" --yes >out 2>&1 || status=$?
        if [ "$status" -eq 0 ]; then break; fi
        if [ "$status" -ne 137 ]; then cat out; fi
        [ "$status" -eq 137 ]
        "$harness_helpers/powerloss" "$PWD/root" "$PWD/disk"
    done
    [ "$status" -eq 0 ]
    wait_until 20 answers
    [ "$(sim .release.server)" = v1.0.1 ]
    [ "$(canary)" = "$canary" ]
    [ "$(sim .uncleanStops)" = 0 ]
}

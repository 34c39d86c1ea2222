#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover apply: a simulated Rancher on a real engine, upgraded, killed, cut off, refused.
# needs: images

load common
load server
: "${harness_helpers:?}" "${IMAGES:?}" # from common, from ctest

# ---------------------------------------------------------------- the main road

@test "v1.0.1 becomes v1.0.2: same database, same settings, new images everywhere" {
    server -e MINE=yes -e 'JAVA_OPTS=-Xmx1g' --label team=platform --log-opt max-size=10m -v /etc/hostname:/ca.crt:ro
    before
    commits=$(sim .commits)
    apply --report report.html
    upgraded
    (($(sim .commits) >= commits))
    says "Rancher   v1.0.1 -> v1.0.2, proved"
    says "proof"
    environment=$(field rancher '{{json .Config.Env}}')
    [[ $environment == *'"MINE=yes"'* && $environment == *'"JAVA_OPTS=-Xmx1g"'* ]]
    [[ $environment == *"CATTLE_AGENT_INSTANCE_IMAGE=$site/rancher/agent-instance:v0.8.1"* ]]
    [[ $environment == *"CATTLE_BOOTSTRAP_REQUIRED_IMAGE=$site/rancher/agent:v1.0.1"* ]]
    [[ $environment != *v1.0.1\",* || $environment != *SERVER*v1.0.1* ]]
    [ "$(field rancher '{{index .Config.Labels "team"}}')" = platform ]
    [ "$(field rancher '{{index .HostConfig.LogConfig.Config "max-size"}}')" = 10m ]
    [[ $(field rancher '{{.HostConfig.Binds}}') == *"/etc/hostname:/ca.crt:ro"* ]]
    [ ! -e "$state/apply.json" ]
    page report.html
    says "Rancher v1.0.1 → v1.0.2: Upgraded and proved"
    says "Rancher's server does not answer"
    says "8 of 8"
    says "server | rancher/server:v1.0.1 | $site/rancher/server:v1.0.2"
    says "agent-instance (network agents, balancers) | rancher/agent-instance:v0.8.1 | $site/rancher/agent-instance:v0.8.1"
    says "rancher.server.image | v1.0.1 | v1.0.2 | Environment Variables"
    says "Env CATTLE_BOOTSTRAP_REQUIRED_IMAGE | - | $site/rancher/agent:v1.0.1"
    says "network agent | node3 | node3 | Default | rancher/agent-instance:v0.8.1 | $site/rancher/agent-instance:v0.8.1 | yes"
    says "shop/lb | Default | active | active | healthy | healthy | 10.0.0.11:80"
    says "From $(jq -r '.steps.start.first_at | floor | todate | sub("T"; " ") | sub("Z"; " UTC")' "$state"/apply-*-finished.json) on, the new server sent"
    says "Nothing has moved or changed"
    says "(cd $state/backups && sha256sum -c "
    says "curl http://127.0.0.1:8080/ping | pong"
    says "The whole record: $(echo "$state"/apply-*-finished.json)"
}

@test "out of a bundle with lists for all platforms the engine's own image is what counts" {
    lists=$(registry_start lists --data "$IMAGES")
    make_image "$lists" rancher/server:arm64 --layers 5K --platform linux/arm64
    make_list --docker "$lists" rancher/server:v1.0.2 linux/arm64=arm64 linux/amd64=v1.0.2
    drover bundle v1.0.2 --all-platforms --from "$lists" -o v1.0.2.bundle --key "$files/site.key"
    site=$(registry_start listed)
    drover mirror v1.0.2.bundle "$site" --pubkey "$files/site.pub"
    [ "$(manifest_digest "$site" rancher/server:v1.0.2)" = "$(manifest_digest "$lists" rancher/server:v1.0.2)" ]
    cp "$files/site.pub" .
    files=$PWD
    server
    before
    apply
    upgraded
    registry_stop lists
    registry_stop listed
}

@test "the second run finds nothing to do and touches nothing" {
    server
    before
    apply
    facts=$(engine_facts)
    requests=$(curl -sf http://127.0.0.1:8080/sim/requests | jq 'length')
    apply --report report.html
    says "nothing to do"
    [ "$(engine_facts)" = "$facts" ]
    [ "$(curl -sf "http://127.0.0.1:8080/sim/requests?from=$requests" |
        jq '[.[] | select(.method != "GET")] | length')" -eq 0 ]
    apply --json
    [ "$(jq -r .outcome <<<"$output")" = "nothing to do" ]
    page report.html # of the upgrade that made it so
    says "Upgraded and proved"
    says "balancer instance shop_lb_2 replaced"
    mv "$state" gone
    apply --report report.html
    page report.html
    says "Nothing to do"
}

@test "v1.0.1 to v1.0.2 to v1.1.4: the second hop takes its volumes from the data container" {
    server
    before
    apply v1.0.2
    upgraded v1.0.2 v0.8.1
    apply v1.1.4
    says "held by"
    upgraded v1.1.4 v0.8.3
    [ "$(docker volume ls -q | wc -l)" -eq "$(field rancher '{{len .Mounts}}')" ]
}

@test "the copy of the database brings the old server back, by the printed commands" {
    server
    before
    apply
    backup=$(find "$state/backups" -name '*.tar.gz')
    (cd "$state/backups" && sha256sum -c ./*.sha256)
    docker rm -f rancher rancher-data
    docker volume create rancher-restored
    says "tar -xzpf $backup --numeric-owner --strip-components=1"
    tar -xzpf "$backup" --numeric-owner --strip-components=1 \
        -C "$(docker volume inspect -f '{{.Mountpoint}}' rancher-restored)"
    docker run -d --name back -p 8080:8080 -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" \
        -v rancher-restored:/var/lib/mysql rancher/server:v1.0.1
    wait_until 20 answers
    [ "$(sim .release.server)" = v1.0.1 ]
    [ "$(canary)" = "$canary" ]
    [ "$(sim .uncleanStops)" = 0 ]
}

@test "a dry run shows the plan and writes nothing, neither to the engine nor to Rancher nor to the disk" {
    server
    facts=$(engine_facts)
    requests=$(curl -sf http://127.0.0.1:8080/sim/requests | jq 'length')
    apply --dry-run --report plan.html
    says "1 environment, 3 hosts, 3 network agents, 2 load balancers"
    says "network agent on node1"
    says "shop/lb"
    says "create, never started"
    [ "$(engine_facts)" = "$facts" ]
    [ "$(curl -sf "http://127.0.0.1:8080/sim/requests?from=$requests" |
        jq '[.[] | select(.method != "GET")] | length')" -eq 0 ]
    [ ! -e "$state" ]
    page plan.html
    says "A plan: nothing has been changed"
    says "stop | rancher | shut down MySQL, then stop | one server at a time | Rancher down from here; containers run on"
    apply --dry-run --json
    [ "$(jq -r .outcome <<<"$output")" = planned ]
    [ "$(jq '[.plan[] | select(.step == "network agents")] | length' <<<"$output")" -eq 3 ]
}

@test "nothing happens without a yes" {
    server
    facts=$(engine_facts)
    run --separate-stderr "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" </dev/null
    [ "$status" -eq 9 ]
    says_error "--yes"
    run script -qec "$DROVER apply $files/v1.0.2.bundle --registry $site --pubkey $files/site.pub --state-dir $state" \
        /dev/null <<<n
    [ "$status" -eq 9 ]
    [[ $output == *"Do it? [y/N]"* ]]
    status=0
    # The end of the input comes later, lest it be taken for the answer.
    { wait_until 60 grep -q "Do it" asked && printf '\003' && sleep 2; } |
        script -qefc "exec $DROVER apply $files/v1.0.2.bundle --registry $site --pubkey $files/site.pub --state-dir $state" \
            /dev/null >asked || status=$?
    cat asked
    [ "$status" -eq 12 ]
    grep -q "nothing was changed: stopped by Ctrl-C while asking" asked
    [ "$(engine_facts)" = "$facts" ]
}

@test "the user's networks, aliases, ports and restart policy come along" {
    docker network create --subnet 172.30.7.0/24 first
    docker network create second
    docker create --name rancher --restart=on-failure:5 -p 8080:8080 -p 127.0.0.1:9999:9999 --network first \
        --network-alias cattle --ip 172.30.7.77 --hostname cattle.site -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" \
        -e "RANCHER_SIM_DOCKERHUB=$HARNESS_HOST:${hub#*:}" --ulimit nofile=4096:8192 --memory 1g \
        --add-host ldap:10.0.0.9 rancher/server:v1.0.1
    docker network connect --alias other second rancher
    docker start rancher
    wait_until 20 answers
    curl -sf -X POST http://127.0.0.1:8080/sim/seed -d '{}' >/dev/null
    wait_until 20 settled
    apply
    [ "$(field rancher '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}')" = on-failure:5 ]
    [ "$(field rancher '{{.NetworkSettings.Networks.first.IPAddress}}')" = 172.30.7.77 ]
    [[ $(field rancher '{{.NetworkSettings.Networks.first.Aliases}}') == *cattle* ]]
    [[ $(field rancher '{{.NetworkSettings.Networks.second.Aliases}}') == *other* ]]
    [ "$(field rancher '{{(index (index .NetworkSettings.Ports "9999/tcp") 0).HostIp}}')" = 127.0.0.1 ]
    [ "$(field rancher '{{.Config.Hostname}}')" = cattle.site ]
    [ "$(field rancher '{{.HostConfig.Memory}}')" = 1073741824 ]
    [ "$(field rancher '{{.HostConfig.ExtraHosts}}')" = '[ldap:10.0.0.9]' ]
    [ "$(field rancher '{{(index .HostConfig.Ulimits 0).Hard}}')" = 8192 ]
}

@test "with access control: an administrator's key, an environment's, none" {
    server
    before
    curl -sf -X POST http://127.0.0.1:8080/sim/access -d '{"enabled": true, "keys": [
        {"public": "A", "secret": "B", "kind": "admin"},
        {"public": "E", "secret": "F", "kind": "environment", "projectId": "1a5"}]}' >/dev/null
    apply 5
    says_error "RANCHER_ACCESS_KEY"
    RANCHER_ACCESS_KEY=A RANCHER_SECRET_KEY=wrong apply 5
    RANCHER_ACCESS_KEY=E RANCHER_SECRET_KEY=F apply --dry-run
    says "not seen"
    RANCHER_ACCESS_KEY=A RANCHER_SECRET_KEY=B apply
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(canary)" = "$canary" ]
    run ! grep -r --include='*.json' '"B"' "$state"
}

@test "no engine: said with the way on" {
    DOCKER_HOST=unix:///nowhere.sock drover 4 apply "$files/v1.0.2.bundle" --registry "$site" \
        --pubkey "$files/site.pub" --state-dir "$state" --yes
    says_error "/nowhere.sock"
    says_error "DOCKER_HOST"
}

# ---------------------------------------------------------------- cut off

steps="pull prepull data candidate hold stop backup start policy answer compare rename agents netagents balancers proof remove"
if [[ ${DROVER_TEST_MODE-} == data ]]; then steps=${steps/ data/}; fi # it is there

@test "killed before and after every step, it continues" {
    server
    before
    DROVER_TEST_KILL=journal:begun apply 137
    for step in $steps; do
        for phase in begun 'done'; do
            DROVER_TEST_KILL=$step:$phase apply 137 --report report.html
        done
    done
    [ ! -e report.html ]
    drover status --state-dir "$state" --report report.html
    page report.html
    says "Not finished"
    apply --report report.html
    upgraded
    page report.html
    says "Upgraded and proved"
    says "continued, after drover had been cut off"
    says "network agent of node3 replaced"
    says "the old server on this"
    # As long as it was down in truth: from the first try on, not from the last.
    jq -e '.steps | (.answer.done_at - .stop.first_at) > (.answer.seconds + .start.seconds)' "$state"/apply-*-finished.json
    apply
    says "nothing to do"
}

@test "killed once, before or after any of the server's steps, it ends the same" {
    for point in data:begun candidate:begun candidate:done stop:begun stop:done backup:begun start:begun answer:begun; do
        if [[ $steps != *" ${point%:*} "* ]]; then continue; fi
        server
        before
        DROVER_TEST_KILL=$point apply 137
        apply
        upgraded
        teardown
    done
}

# More rounds, of nine kills at most each: DROVER_TEST_ROUNDS=5. The moments are others each time unless
# DROVER_TEST_SEED is set.
@test "killed or interrupted at random moments, it continues" {
    RANDOM=${DROVER_TEST_SEED:-$RANDOM}
    for round in $(seq "${DROVER_TEST_ROUNDS:-1}"); do
        server
        before
        curl -sf -X POST http://127.0.0.1:8080/sim/faults \
            -d "{\"slowResponses\": {\"ms\": $((RANDOM % 20))}}" >/dev/null
        for kill in 1 2 3 4 5 6 7 8 9; do
            pause=0.$(printf %03d $((RANDOM % 1000)))
            "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
                --state-dir "$state" --settle 2 --yes >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
            child=$!
            sleep "$pause"
            kill -"$( ((RANDOM % 4)) && echo KILL || echo INT)" "$child" 2>/dev/null || true
            status=0
            wait "$child" 2>/dev/null || status=$?
            echo "round $round, kill $kill after $pause s: $status, $(tail -n 1 "$BATS_TEST_TMPDIR/out")"
            ((status != 0)) || break
            ((status == 137 || status == 12 || status == 130))
            # Rancher notices late that its hosts were away, and apply waits for none of them.
            if grep -q "the old server was started again" "$BATS_TEST_TMPDIR/out"; then back_again; fi
        done
        apply
        upgraded
        apply
        says "nothing to do"
        teardown
        rm -rf "$state"
    done
}

@test "Ctrl-C before the new server was started puts everything back" {
    server
    before
    curl -sf -X POST http://127.0.0.1:8080/sim/faults -d '{"slowResponses": {"ms": 100}}' >/dev/null
    facts=$(docker ps -aq --no-trunc)
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes --report report.html >out 2>&1 3>&- &
    child=$!
    wait_until 20 grep -q " 1/17" out
    kill -INT "$child"
    status=0
    wait "$child" || status=$?
    cat out
    [ "$status" -eq 12 ]
    [ "$(docker ps -aq --no-trunc)" = "$facts" ]
    [ "$(field rancher '{{.HostConfig.RestartPolicy.Name}}')" = always ]
    [ ! -e "$state/apply.json" ]
    page report.html
    says "Undone: the old server runs as before"
    says "What went wrong, and what to do"
    says "undone: everything is as it was before"
    curl -sf -X POST http://127.0.0.1:8080/sim/faults -d '{"slowResponses": false}' >/dev/null
    apply
    upgraded
}

@test "Ctrl-C after the new server was started stops between two steps, and it continues" {
    server
    before
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 20 grep -q "12/17" out
    kill -INT "$child"
    status=0
    wait "$child" || status=$?
    cat out
    [ "$status" -eq 12 ]
    grep -q "run the same command again to continue" out
    apply
    upgraded
}

@test "Ctrl-C in the middle of the migration: drover says why it waits, and stops after it" {
    server -e DROVER_TEST_SCALE=0.1 # two seconds of migration
    before
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 30 grep -q " 9/17" out
    kill -INT "$child"
    status=0
    wait "$child" || status=$?
    cat out
    [ "$status" -eq 12 ]
    grep -q "may be migrating" out
    grep -q "10/17" out
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(sim .uncleanStops)" = 0 ]
    [ "$(canary)" = "$canary" ]
}

@test "a terminal that goes away does not stop it" {
    server
    before
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 20 grep -q " 1/17" out
    kill -HUP "$child"
    wait "$child"
    upgraded
}

@test "an upgrade that was begun is not mixed with another one" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137
    apply 9 v1.1.4
    says_error "v1.0.2"
    says_error "not finished"
    RANCHER_URL=http://127.0.0.1:9 apply 9
    says_error "continue it without --rancher-url"
    apply
    upgraded
}

@test "containers that somebody pruned in the middle: the database is named" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137
    docker container prune -f
    apply 9
    says_error "the database is in the volume"
    docker volume inspect "$(sed -n "s/.*the database is in the volume '\([^']*\)'.*/\1/p" \
        <<<"$stderr")"
}

@test "two drovers do not work at the same time" {
    server
    mkdir -p "$state"
    exec 8>"$state/lock"
    flock 8
    apply 9
    says_error "another drover"
    exec 8>&-
}

@test "nor with two state folders" {
    server
    before
    curl -sf -X POST http://127.0.0.1:8080/sim/faults -d '{"slowResponses": {"ms": 100}}' >/dev/null
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 20 grep -q " 1/1" out
    drover 9 apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" --state-dir second --yes
    says_error "another drover"
    curl -sf -X POST http://127.0.0.1:8080/sim/faults -d '{"slowResponses": false}' >/dev/null
    wait "$child"
    upgraded
}

@test "no proxy of the environment stands between drover and this machine" {
    server
    export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 all_proxy=http://127.0.0.1:9
    apply --dry-run
    unset http_proxy https_proxy all_proxy
}

@test "somebody else's container that took the name of the data container meanwhile stays" {
    server
    curl -sf -X POST http://127.0.0.1:8080/sim/faults -d '{"slowResponses": {"ms": 100}}' >/dev/null
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 20 grep -q " 1/1" out
    docker create --name rancher-data -v /var/lib/mysql rancher/server:v1.0.1
    status=0
    wait "$child" || status=$?
    [ "$status" -ne 0 ]
    grep -q "the old server was not touched" out
    docker inspect rancher-data >/dev/null
    [ "$(docker ps --format '{{.Names}}')" = rancher ]
}

@test "a copy that was cut off leaves nothing that fills the disk" {
    server
    before
    DROVER_TEST_KILL=backup:begun apply 137
    copy=$(jq -r .server.backup_file "$state/apply.json")
    mkdir -p "$state/backups"
    echo "a half" >"$copy.draft-AbCdEf"
    apply
    upgraded
    [ "$(cd "$state/backups" && printf '%s ' *)" = \
        "${copy##*/} ${copy##*/}.dbdump.zip ${copy##*/}.sha256 " ]
}

# ---------------------------------------------------------------- what goes wrong after the stop

@test "a copy that fails brings the old server back" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137 --backup-dir "$BATS_TEST_TMPDIR/copies"
    rm -r "$BATS_TEST_TMPDIR/copies" # Rancher's own dump is in it
    touch "$BATS_TEST_TMPDIR/copies" # where the folder should be
    apply 3 --backup-dir "$BATS_TEST_TMPDIR/copies"
    says_error "the old server was started again"
    wait_until 20 answers
    [ "$(containers)" = "$standing" ]
    [ "$(field rancher '{{.HostConfig.RestartPolicy.Name}}')" = always ]
    [ "$(sim .release.server)" = v1.0.1 ]
    [ "$(canary)" = "$canary" ]
    rm "$BATS_TEST_TMPDIR/copies"
    back_again
    apply
    upgraded
}

@test "no room for the copy is found out before anything is stopped" {
    server
    facts=$(engine_facts)
    mkdir small
    mount -t tmpfs -o size=1m tmpfs small
    apply 9 --backup-dir "$BATS_TEST_TMPDIR/small/backups"
    umount small
    says_error "make room"
    [ "$(engine_facts)" = "$facts" ]
}

@test "a port that was taken while the old server was down: said, and nothing is lost" {
    server
    before
    DROVER_TEST_KILL=backup:done apply 137
    docker run -d --name thief -p 8080:8080 "$site/rancher/server:v1.0.2" sleep 1000
    apply 10
    says_error "port"
    says_error "docker start $(field rancher "{{.Id}}" | cut -c1-12)"
    docker rm -f -v thief
    apply
    upgraded
}

@test "somebody starts the old server again before the new one: stopped and copied once more" {
    server
    before
    DROVER_TEST_KILL=backup:done apply 137
    docker start rancher
    wait_until 20 answers
    apply
    upgraded
    [ "$(find "$state/backups" -name '*.tar.gz' | wc -l)" -eq 1 ]
}

@test "a server that fails to start is told apart, and the way on is said" {
    server -e RANCHER_SIM_MIGRATION_SECONDS=400
    before
    DROVER_TEST_KILL=start:done apply 137
    kill_migration
    apply 11
    says_error "the old database is in"
    [ "$(containers)" = "rancher rancher-data rancher-upgrade-new " ]
    [ "$(field rancher '{{.State.Running}}')" = false ]
}

@test "the engine crashes while the old server is down, and once more after the new one was started" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137
    engine_stop docker KILL
    engine_start
    [ -z "$(docker ps -q)" ] # neither of the two has come up by itself
    DROVER_TEST_KILL=compare:begun apply 137
    engine_stop
    engine_start
    apply
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(canary)" = "$canary" ]
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(sim .concurrentServers)" = 0 ]
}

@test "the engine is gone when the old server was stopped: the way on is said, and it continues" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137
    engine_stop
    apply 4
    says_error "/var/run/docker.sock"
    says_error "is not finished: when this is mended, run the same command again"
    engine_start
    apply
    upgraded
}

@test "a new server that was started and then removed: the old one never comes back on its database" {
    server
    before
    DROVER_TEST_KILL=start:done apply 137
    wait_until 20 answers
    docker stop -t 0 rancher-upgrade-new
    for step in candidate:begun candidate:done; do
        docker rm -f rancher-upgrade-new || true
        docker images --format '{{.Repository}}:{{.Tag}}' | grep "^$site/" | xargs -r docker rmi -f
        registry_stop site
        apply 10
        says_error "run the same command again"
        [[ $stderr != *"as before"* ]]
        [ -z "$(docker ps -q)" ]
        registry_start site
        DROVER_TEST_KILL=$step apply 137
    done
    apply
    [ "$(canary)" = "$canary" ]
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(sim .release.server)" = v1.0.2 ]
}

@test "the engine crashes while the new server starts: nobody is told to start the old one" {
    server
    before
    "$DROVER" apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes >out 2>&1 3>&- &
    child=$!
    wait_until 20 grep -q " 9/1[0-9]" out
    engine_stop docker KILL
    status=0
    wait "$child" || status=$?
    cat out
    engine_start
    [ "$status" -eq 4 ]
    run ! grep -q "docker start" out
    grep -q "run the same command again" out
    # Where the crash came in the middle of the migration, the lock was left.
    if ! (apply); then apply --clear-lock; fi
    [ "$(canary)" = "$canary" ]
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(sim .concurrentServers)" = 0 ]
}

@test "a journal of another host's upgrade is refused, and kept" {
    server
    before
    DROVER_TEST_KILL=stop:done apply 137
    cp "$state/apply.json" kept
    engine_start other
    export DOCKER_HOST=unix:///run/other.sock
    apply 9
    unset DOCKER_HOST
    engine_end other
    says_error "is it another engine"
    cmp "$state/apply.json" kept
    apply
    upgraded
}

# ---------------------------------------------------------------- refused before anything changes

@test "a wrong key, a flipped bit, a cut file" {
    server
    facts=$(engine_facts)
    drover 7 apply "$files/v1.0.2.bundle" --registry "$site" --pubkey "$files/other.pub" --state-dir "$state" --yes
    cp "$files/v1.0.2.bundle" bad
    size=$(stat -c %s bad)
    printf '\xff' | dd of=bad bs=1 seek=$((size - 20000)) conv=notrunc status=none
    drover 7 apply bad --registry "$site" --pubkey "$files/site.pub" --state-dir "$state" --yes
    head -c $((size / 2)) "$files/v1.0.2.bundle" >short
    drover 7 apply short --registry "$site" --pubkey "$files/site.pub" --state-dir "$state" --yes
    [ "$(engine_facts)" = "$facts" ]
}

@test "images that --map has put elsewhere are taken from there, by the same --map only" {
    server
    before
    map=(--map rancher=infra/cattle --map rancher/agent-instance=infra/network)
    drover mirror "$files/v1.0.2.bundle" "$site/mapped" "${map[@]}" --pubkey "$files/site.pub"
    drover 6 apply "$files/v1.0.2.bundle" --registry "$site/mapped" --pubkey "$files/site.pub" --state-dir "$state" --yes
    says_error "$site/mapped/rancher/server:v1.0.2 is missing"
    drover doctor "$files/v1.0.2.bundle" --registry "$site/mapped" "${map[@]}" --pubkey "$files/site.pub" \
        --state-dir "$state" --json
    says "'$site/mapped' holds everything that the bundle holds"
    drover apply "$files/v1.0.2.bundle" --registry "$site/mapped" "${map[@]}" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes
    says "Rancher   v1.0.1 -> v1.0.2, proved"
    [ "$(field rancher '{{.Config.Image}}')" = "$site/mapped/infra/cattle/server:v1.0.2" ]
    environment=$(field rancher '{{json .Config.Env}}')
    [[ $environment == *"CATTLE_AGENT_INSTANCE_IMAGE=$site/mapped/infra/network:v0.8.1"* ]]
    [[ $environment == *"CATTLE_BOOTSTRAP_REQUIRED_IMAGE=$site/mapped/infra/cattle/agent:v1.0.1"* ]]
}

@test "a registry that lacks an image, or is not there" {
    server
    facts=$(engine_facts)
    empty=$(registry_start empty)
    drover 6 apply "$files/v1.0.2.bundle" --registry "$empty" --pubkey "$files/site.pub" --state-dir "$state" --yes \
        --report report.html
    says_error "drover mirror"
    page report.html
    says "Not begun: nothing was changed"
    says "drover mirror"
    drover 4 apply "$files/v1.0.2.bundle" --registry 127.0.0.1:1 --pubkey "$files/site.pub" --state-dir "$state" --yes
    registry_stop empty
    [ "$(engine_facts)" = "$facts" ]
}

@test "a host that cannot pull stops everything before the old server" {
    server
    curl -sf -X POST http://127.0.0.1:8080/sim/faults \
        -d '{"pullFails": {"host": "node2", "text": "x509: certificate signed by unknown authority"}}' >/dev/null
    started=$(field rancher '{{.Id}} {{.State.StartedAt}} {{.HostConfig.RestartPolicy.Name}}')
    apply 11
    says_error "node2"
    says_error "x509"
    says_error "the old server was not touched"
    [ "$(field rancher '{{.Id}} {{.State.StartedAt}} {{.HostConfig.RestartPolicy.Name}}')" = "$started" ]
    [ "$(containers)" = "$standing" ]
    [ ! -e "$state/apply.json" ]
}

@test "high availability" {
    docker run -d --name rancher-ha --restart=always -p 8080:8080 rancher/server:v1.0.1 sleep 1000
    refused 9 "high availability"
}

@test "several servers: one must be named" {
    server
    docker run -d --name second -p 8081:8080 rancher/server:v1.0.1 sleep 1000
    refused 9 "name one with --container"
    says_error "'second'"
    before
    apply --container rancher
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(canary)" = "$canary" ]
}

@test "no server, a stopped server" {
    refused 6 "no container on this engine"
    docker run -d --name rancher rancher/server:v1.0.1 sleep 1000
    docker stop -t 0 rancher
    refused 9 "start the right one"
}

@test "an older target, versions that drover does not know" {
    server
    apply v1.1.4
    refused 9 "newer than the bundle's" v1.0.2
    teardown
    printf 'FROM rancher/server:v1.0.1\nENV CATTLE_RANCHER_SERVER_VERSION=v1.2.0\n' | docker build -q -t rancher/server:v1.2.0 -
    image=rancher/server:v1.2.0 server
    refused 9 "v1.2.0"
    docker rm -f -v rancher
    printf 'FROM rancher/server:v1.0.1\nENV CATTLE_RANCHER_SERVER_VERSION=master\n' | docker build -q -t rancher/server:master -
    image=rancher/server:master server
    refused 9 "'master'"
    docker rmi rancher/server:v1.2.0 rancher/server:master || true
}

@test "a port of the engine's choice would change" {
    docker run -d --name rancher -p 8080 -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" rancher/server:v1.0.1
    refused 9 "a port of the engine's choice"
}

@test "published at one address only: it is asked there" {
    docker run -d --name rancher --restart=always -p "$HARNESS_HOST:8080:8080" -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" \
        rancher/server:v1.0.1
    wait_until 20 curl -sf "http://$HARNESS_HOST:8080/ping"
    apply --dry-run
    says "at http://$HARNESS_HOST:8080"
}

@test "a container that --rm would delete, a name that is taken" {
    docker run -d --rm --name rancher -p 8080:8080 -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" rancher/server:v1.0.1
    wait_until 20 answers
    refused 9 "started with --rm"
    docker rm -f -v rancher
    wait_until 10 sh -c '! docker inspect rancher'
    server
    docker create --name rancher-upgrade-new rancher/server:v1.0.1
    refused 9 "docker rm rancher-upgrade-new"
}

@test "an address where another Rancher answers" {
    server
    docker pull -q "$site/rancher/server:v1.0.2"
    docker run -d --name second -p 8081:8080 -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" "$site/rancher/server:v1.0.2"
    wait_until 20 curl -sf http://127.0.0.1:8081/ping
    refused 9 "is that address another server" --container rancher --rancher-url http://127.0.0.1:8081
}

@test "a data container that holds something else keeps its name; ours takes another" {
    server
    before
    docker create --name rancher-data -v /var/lib/mysql rancher/server:v1.0.1
    apply
    [ "$(volume_of rancher-data-2)" = "$volume" ]
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(volume_of rancher-data)" != "$volume" ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The ground that the other tests stand on: the seal, the registries, the engine.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    engine_start
    gateway=$(engine_gateway)
    export hub gateway
    mkdir "$HARNESS_DIR/image"
    gcc -static -O1 -Wall -Werror -o "$HARNESS_DIR/image/probe" \
        "$(dirname "$BATS_TEST_FILENAME")/probe.c"
    printf 'FROM scratch\nCOPY probe /probe\nVOLUME /var/lib/mysql\nEXPOSE 8080\n%s\n' \
        'CMD ["/probe", "serve", "8080"]' >"$HARNESS_DIR/image/Dockerfile"
    docker build -q -t probe "$HARNESS_DIR/image"
}

teardown_file() {
    harness_end
}

@test "the seal: loopback only, nothing of this machine's engine" {
    [ "$(ip -o link show type bridge | wc -l)" -eq 1 ] # the test engine's
    [ -z "$(ip route show default)" ]
    run curl -s --max-time 5 http://198.51.100.1/
    [ "$status" -eq 7 ]
    [ "$(ps -e -o pid= | head -n 1)" -eq 1 ]
    [ "$(find /etc/docker | wc -l)" -le 2 ]
}

@test "the seal: what is written to /etc and to drover's state stays inside" {
    mkdir -p /var/lib/drover # a seal within the seal: this one's is the outer state
    echo outer >/var/lib/drover/journal
    # shellcheck disable=SC2016 # for the shell inside
    "$harness_helpers/sealed" bash -c '[ ! -e /var/lib/drover/journal ] &&
        mkdir -p /var/lib/drover && echo inner >/var/lib/drover/journal && echo x >/etc/drover-test'
    [ "$(cat /var/lib/drover/journal)" = outer ]
    [ ! -e /etc/drover-test ]
}

@test "the seal takes everything along, also when it is killed" {
    scratch_file=$BATS_TEST_TMPDIR/scratch
    cat >"$BATS_TEST_TMPDIR/child" <<'END'
echo "$DROVER_SEALED" >"$1"
setsid sleep 1000 &
sleep 1000
END
    for signal in INT TERM KILL; do
        env --default-signal=INT "$harness_helpers/sealed" bash "$BATS_TEST_TMPDIR/child" \
            "$scratch_file" 3>&- &
        sealed=$!
        wait_until 10 sleepers 2
        kill -s "$signal" "$sealed"
        wait "$sealed" || [ "$?" -ge 128 ]
        wait_until 10 sleepers 0
        [ "$signal" = KILL ] || [ ! -e "$(cat "$scratch_file")" ]
    done
    [ -e "$(cat "$scratch_file")" ]
    "$harness_helpers/sealed" true # sweeps what the killed one left
    [ ! -e "$(cat "$scratch_file")" ]
}

# sleepers COUNT: as many of the seal's children sleep.
sleepers() {
    [ "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -cx '100[0]')" -eq "$1" ]
}

@test "the seal and Ctrl-C at a terminal: the command hears it once, and all is cleaned up" {
    cat >"$BATS_TEST_TMPDIR/child" <<'END'
trap 'echo "interrupted" >>"$1"' INT
trap 'echo "$DROVER_SEALED" >>"$1"' EXIT
sleep 1000
sleep 0.5
END
    {
        wait_until 10 sleepers 1
        printf '\003'
        wait_until 10 sleepers 0
        sleep 1
    } | script -qc "'$harness_helpers/sealed' bash '$BATS_TEST_TMPDIR/child' \
        '$BATS_TEST_TMPDIR/out'" /dev/null
    [ "$(grep -c interrupted "$BATS_TEST_TMPDIR/out")" -eq 1 ]
    wait_until 10 test ! -e "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
}

@test "the seal hands on the exit status" {
    run "$harness_helpers/sealed" bash -c 'exit 23'
    [ "$status" -eq 23 ]
}

@test "a registry takes a push, keeps its data over a restart and gives it to a copy" {
    digest=$(make_image "$hub" some/image:1 --layers 64K,1M)
    [ "$(manifest_digest "$hub" some/image:1)" = "$digest" ]
    registry_stop hub
    run registry_answers hub
    [ "$status" -ne 0 ]
    [ "$(registry_start hub)" = "$hub" ]
    [ "$(manifest_digest "$hub" some/image:1)" = "$digest" ]
    copy=$(registry_start copy --data "$HARNESS_DIR/registry/hub/data")
    [ "$copy" != "$hub" ]
    [ "$(manifest_digest "$copy" some/image:1)" = "$digest" ]
    [ "$(manifest_digest "copy.test:${copy#*:}" some/image:1)" = "$digest" ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE \
        "http://$copy/v2/some/image/manifests/$digest")" = 202 ]
}

@test "a registry with password and TLS" {
    site=$(registry_start site --htpasswd 'joe:se:cret' --tls)
    url=https://$site/v2/
    [ "$(curl -sk -o /dev/null -w '%{http_code}' "$url")" = 401 ]
    curl -sf --cacert "$(registry_ca site)" -u joe:se:cret "$url"
    run curl -sf -u joe:se:cret "$url"
    [ "$status" -eq 60 ] || [ "$status" -eq 77 ] # unknown authority, or none known at all
    curl -sf --cacert "$(registry_ca site)" -u joe:se:cret "https://site.test:${site#*:}/v2/"
}

@test "generated images: same seed, same layers; strangers read them; the engine pulls them" {
    make_image "$hub" gen/a:1 --layers 300K,5M
    make_image "$hub" gen/b:1 --layers 300K,2M --oci
    make_image "$hub" gen/c:1 --layers 300K --seed 1
    a=$(skopeo inspect --tls-verify=false "docker://$hub/gen/a:1")
    b=$(skopeo inspect --tls-verify=false "docker://$hub/gen/b:1")
    c=$(skopeo inspect --tls-verify=false "docker://$hub/gen/c:1")
    [ "$(jq -r '.Layers[0]' <<<"$a")" = "$(jq -r '.Layers[0]' <<<"$b")" ]
    [ "$(jq -r '.Layers[0]' <<<"$a")" != "$(jq -r '.Layers[0]' <<<"$c")" ]
    skopeo copy -q --src-tls-verify=false "docker://$hub/gen/a:1" \
        "dir:$BATS_TEST_TMPDIR/a"
    stored=$(skopeo inspect --tls-verify=false --raw "docker://$hub/gen/a:1" |
        jq '.layers[1].size')
    ((stored > 5 * 1048576 - 2048 && stored < 5 * 1048576 + 2048))
    docker pull -q "$hub/gen/a:1"
    docker pull -q "$hub/gen/b:1"
}

@test "the engine: run, published port, exec, volumes, stop" {
    docker run -d --name server -p 8080:8080 probe
    wait_until 10 curl -sf http://127.0.0.1:8080/
    [ "$(curl -s http://127.0.0.1:8080/)" = pong ]
    [ "$(curl -s "http://$HARNESS_HOST:8080/")" = pong ]
    docker exec server /probe write /var/lib/mysql/state
    docker create --name data --volumes-from server probe /probe
    docker stop server
    [ "$(docker inspect -f '{{.State.ExitCode}}' server)" -eq 0 ]
    [ "$(docker run --rm --volumes-from data probe /probe read /var/lib/mysql/state)" = written ]
    docker rm server data
}

@test "the engine pulls and pushes, and its containers reach the registries" {
    docker tag probe "$hub/some/probe:1"
    docker push -q "$hub/some/probe:1"
    docker rmi "$hub/some/probe:1"
    docker pull -q "$hub/some/probe:1"
    docker pull -q "hub.test:${hub#*:}/some/probe:1"
    docker pull -q "$gateway:${hub#*:}/some/probe:1"
    for host in "$HARNESS_HOST" "$gateway"; do
        run docker run --rm probe /probe get "$host" "${hub#*:}" /v2/
        [ "$status" -eq 0 ]
        [[ $output == *registry/2.0* ]]
    done
}

@test "the engine stops and crashes, and keeps what it had" {
    docker run -d --name keeper --restart always -p 8081:8080 probe
    engine_stop
    run docker ps
    [ "$status" -ne 0 ]
    engine_start
    wait_until 10 curl -sf http://127.0.0.1:8081/
    engine_stop docker KILL
    engine_start
    wait_until 10 curl -sf http://127.0.0.1:8081/
    docker rm -f keeper
}

@test "a second engine lives beside the first" {
    export DOCKER_HOST
    DOCKER_HOST=unix://$(engine_start other)
    [ -z "$(docker ps -aq)" ]
    docker pull -q "$hub/some/probe:1"
    docker run -d --name server -p 8082:8080 "$hub/some/probe:1"
    wait_until 10 curl -sf http://127.0.0.1:8082/
    engine_stop other
    unset DOCKER_HOST
    docker ps
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover apply: every way in which a Rancher server is installed. Each is set up as people do it, upgraded, and then
# compared: the new container is the old one but for what docs/apply.md says, and it has the old one's database.
# needs: images
#
# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; server.bash reads basics and image

load common
load server
: "${harness_helpers:?}" "${IMAGES:?}" # from common, from ctest

# ---------------------------------------------------------------- helpers

# What the user made of a container: its inspect without what its image says, what the engine makes up for each
# container, and what drover adds (docs/apply.md). In: [inspect, image]; $moved leaves out the database's place.
user_part() {
    docker inspect "$1" >inspect.json
    docker image inspect "$(field "$1" '{{.Image}}')" >image.json
    jq -S --slurp --argjson moved "${moved:-false}" '
        .[0][0] as $c | .[1][0].Config as $i | ($c.Id[0:12]) as $short
        | def nothing: . == null or . == [] or . == {} or . == "";
          def unlike($other): if . == $other or nothing then null else . end;
          def minus($other): with_entries(select(.value != ($other // {})[.key]));
          def place: sub("^[^:]*:"; "") | sub("/*(:.*)?$"; "");
        {
            Name: $c.Name, Driver: $c.Driver, AppArmorProfile: $c.AppArmorProfile,
            Path: ($c.Path | unlike(($i.Entrypoint // []) + $i.Cmd | .[0])),
            Config: ($c.Config | del(.Image, .OnBuild, .ArgsEscaped, .AttachStdin, .AttachStdout, .AttachStderr)
                | .Env = (.Env - $i.Env | map(select(test("^CATTLE_(AGENT_INSTANCE|BOOTSTRAP_REQUIRED)_IMAGE=") | not)))
                | .Cmd |= unlike($i.Cmd) | .Entrypoint |= unlike($i.Entrypoint)
                | .WorkingDir |= unlike($i.WorkingDir) | .User |= unlike($i.User)
                | .StopSignal |= unlike($i.StopSignal) | .Healthcheck |= unlike($i.Healthcheck)
                | .Labels |= ((. // {}) | minus($i.Labels))
                | .Volumes |= ((. // {}) | minus($i.Volumes))
                | .Hostname |= unlike($short)),
            HostConfig: ($c.HostConfig | del(.VolumesFrom, .ContainerIDFile, .ConsoleSize)
                | .Binds = ((.Binds // []) | map(select(test(":")) | select($moved | not) // select(place != "/var/lib/mysql")))),
            Ports: ($c.NetworkSettings.Ports // {}),
            Networks: ($c.NetworkSettings.Networks | map_values({IPAMConfig, Links, DriverOpts,
                Aliases: ((.Aliases // []) - [$short, $c.Config.Hostname])} | map_values(unlike(null)))),
            Mounts: ($c.Mounts | map(select($moved and .Destination == "/var/lib/mysql" | not)
                | {Destination, Type, Name, Source, RW, Mode: (.Mode // "")}) | map(del(.Mode)) | sort_by(.Destination))
        }' inspect.json image.json
}

# upgrade [OPTION…]: the server that runs becomes v1.0.2 ($release) and is compared with what it was.
upgrade() {
    canary=$(canary)
    user_part rancher >before.json
    apply "${release:-v1.0.2}" "$@"
    user_part rancher >after.json
    diff -u before.json after.json
    [ "$(sim .release.server)" = "${release:-v1.0.2}" ]
    [ "$(canary)" = "$canary" ]
    [ "$(sim .uncleanStops) $(sim .concurrentServers)" = "0 0" ]
    [ "$(sim .counters.migrations)" -ge 1 ]
    [ "$(field rancher '{{.Config.Image}}')" = "$site/rancher/server:${release:-v1.0.2}" ]
    [ "$(docker ps -aq --filter name=rancher-old --filter name=rancher-upgrade-new)" = "" ]
    [ ! -e "$state/apply.json" ]
}

# again [OPTION…]: and a second run has nothing to do.
again() {
    apply "$@"
    says "nothing to do"
}

backups() {
    find "$state/backups" -name '*.tar.gz' 2>/dev/null | wc -l
}

# ---------------------------------------------------------------- where the database is

@test "a folder of the host, with and without a slash at its end" {
    for place in /var/lib/mysql /var/lib/mysql/; do
        mkdir -p "folder/$place"
        server -v "$PWD/folder/$place:$place"
        upgrade
        says "in the folder $PWD/folder/var/lib/mysql"
        again
        [ -s "$PWD/folder/var/lib/mysql/ibdata1" ]
        [ "$(backups)" -eq 1 ]
        teardown
        rm -rf folder "$state"
    done
}

@test "a folder with the extra mysql/ of docker cp: mounted right it works, mounted wrong it is refused" {
    server
    mkdir folder
    docker stop -t 0 rancher
    docker cp rancher:/var/lib/mysql folder
    docker rm -f -v rancher
    basics=(-d --restart=always -p 8080:8080 -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE")
    docker run "${basics[@]}" --name rancher -v "$PWD/folder:/var/lib/mysql" rancher/server:v1.0.1
    wait_until 20 answers
    refused 9 "has a second database in its folder 'mysql'"
    docker rm -f -v rancher
    docker run "${basics[@]}" --name rancher -v "$PWD/folder/mysql:/var/lib/mysql" -e "RANCHER_SIM_DOCKERHUB=$HARNESS_HOST:${hub#*:}" \
        rancher/server:v1.0.1
    wait_until 20 settled
    canary=$(canary)
    apply # that docker stop was unclean, and not drover's
    [ "$(canary)" = "$canary" ]
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(field rancher '{{range .Mounts}}{{if eq .Destination "/var/lib/mysql"}}{{.Source}}{{end}}{{end}}')" = "$PWD/folder/mysql" ]
}

@test "a volume that has a name, by -v and by --mount" {
    for option in "-v rancher-db:/var/lib/mysql" "--mount type=volume,dst=/var/lib/mysql"; do
        # shellcheck disable=SC2086 # two words
        server $option
        volume=$(volume_of rancher)
        if [[ $option != *type=volume,dst* ]]; then
            upgrade
        else
            canary=$(canary)
            apply # a mount without a name has one afterwards
            [ "$(canary)" = "$canary" ]
        fi
        [ "$(volume_of rancher)" = "$volume" ]
        teardown
        docker volume rm -f rancher-db
        rm -rf "$state"
    done
}

# by_hand: an upgrade as Rancher's documentation has it: rancher-data holds the volumes of the server, which stays as
# `first`, and of its successor. $volume is the database's.
by_hand() {
    server
    volume=$(volume_of rancher)
    docker update --restart=no rancher
    docker exec rancher mysqladmin -uroot shutdown || true # killed with its container, or not
    docker stop rancher
    docker create --volumes-from rancher --name rancher-data rancher/server:v1.0.1
    docker rename rancher first
    docker run -d --name rancher "${basics[@]}" --volumes-from rancher-data -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" \
        -e "RANCHER_SIM_DOCKERHUB=$HARNESS_HOST:${hub#*:}" rancher/server:v1.0.1
    back_again
    wait_until 20 settled
}

@test "a data container that is there already, and several upgrades before" {
    by_hand
    upgrade
    says "held by container 'rancher-data'"
    release=v1.1.4 upgrade
    again v1.1.4
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(docker ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" = "first rancher rancher-data " ]
    [ "$(field rancher '{{.HostConfig.VolumesFrom}}')" = "[rancher-data]" ]
}

@test "the data container is gone: the volume is found by its mount" {
    by_hand
    docker rm first rancher-data
    upgrade
    [ "$(volume_of rancher)" = "$volume" ]
    [ "$(volume_of rancher-data)" = "$volume" ]
}

# A container that stands for a MySQL.
database() {
    printf 'FROM %s/rancher/agent:v1.0.1\nEXPOSE 3306\n' "$hub" | docker build -q -t mysql:5.5 -
    docker run -d --name db "$@" mysql:5.5
}

# external OPTION…: a server whose database is a container of its own (its files are the volume `external`).
external() {
    database
    docker volume rm -f external
    server -v external:/external-db "$@"
}

@test "an external database, by variables: no copy is taken, the operator's word is asked for and kept" {
    external -e CATTLE_DB_CATTLE_MYSQL_HOST=db.site -e CATTLE_DB_CATTLE_MYSQL_PORT=3306 \
        -e CATTLE_DB_CATTLE_MYSQL_NAME=rancher -e CATTLE_DB_CATTLE_USERNAME=cattle -e CATTLE_DB_CATTLE_PASSWORD=geheim
    refused 9 "--db-backup-confirmed"
    says_error "db.site:3306/rancher"
    apply --dry-run
    says "no copy of the external database"
    [[ $output != *geheim* ]]
    upgrade --db-backup-confirmed "dump 4711 on the tape"
    says "dump 4711 on the tape"
    [ "$(backups)" -eq 0 ]
    [ "$(jq -r .server.database.confirmed "$state"/apply-*-finished.json)" = "dump 4711 on the tape" ]
    [ "$(curl -sf http://127.0.0.1:8080/v1/haconfigs | jq -r '.data[0].dbHost')" = db.site ]
    again
}

@test "an external database, by a link" {
    external --link db:mysql
    refused 9 "container db, by a link"
    upgrade --db-backup-confirmed yes
    [ "$(field rancher '{{.HostConfig.Links}}')" = "[/db:/rancher/mysql]" ]
    [ "$(curl -sf http://127.0.0.1:8080/v1/haconfigs | jq -r '.data[0].dbHost')" = mysql ]
}

@test "an external database: a linked container that stopped, and a second server on it, are refused" {
    external --link db:mysql
    docker stop -t 0 db
    refused 9 "which does not run" --db-backup-confirmed yes
    docker start db
    docker run -d --name second --link db:mysql rancher/server:v1.0.1 sleep infinity
    refused 9 "'second' runs on the database of 'rancher'" --db-backup-confirmed yes --container rancher
    docker rm -f second
    refused 9 "nothing to move" --db-backup-confirmed yes --to-bind-mount "$PWD/new"
}

@test "a link in a network of the user's own makes no variables: the database is inside" {
    docker network create site
    database --network site
    server -e CATTLE_DB_CATTLE_MYSQL_HOST= --network site --link db:mysql
    refused 2 "drover copies this one" --db-backup-confirmed yes
    upgrade
    [ "$(backups)" -eq 1 ]
}

@test "from the container into a folder of the host" {
    moved=true
    server
    volume=$(volume_of rancher)
    mkdir -p full/mysql
    touch full/mysql/ibdata1
    refused 9 "as docker cp leaves it" --to-bind-mount "$PWD/full"
    refused 9 "no folder" --to-bind-mount "$PWD/no/where"
    refused 2 "absolute path" --to-bind-mount here
    apply --dry-run --to-bind-mount "$PWD/mysql/"
    says "the database moves into the folder '$PWD/mysql'"
    [ ! -e mysql ]
    upgrade --to-bind-mount "$PWD/mysql/"
    [ "$(field rancher '{{range .Mounts}}{{if eq .Destination "/var/lib/mysql"}}{{.Type}}:{{.Source}}{{end}}{{end}}')" = "bind:$PWD/mysql" ]
    [ "$(find mysql ! -user 102 -o ! -group 105 | grep -cv -e ibdata1 -e ib_logfile0)" -le 1 ]
    [ "$(stat -c %u:%g mysql)" = 102:105 ]
    [ ! -e mysql.drover-copy ]
    [ "$(volume_of rancher-data)" = "$volume" ]
    again --to-bind-mount "$PWD/mysql"
    refused 9 "does not move it from one folder to another" --to-bind-mount "$PWD/elsewhere"
    release=v1.1.4 upgrade
}

@test "into a folder: killed around the move it goes on, and what fails before the start leaves nothing" {
    moved=true
    server
    for point in move:begun move:done; do
        DROVER_TEST_KILL=$point apply 137 --to-bind-mount "$PWD/mysql"
    done
    [ -e mysql/ibdata1 ]
    upgrade_after_kill
    rm -rf mysql "$state"
    teardown
    server
    DROVER_TEST_KILL=move:done:int apply 12 --to-bind-mount "$PWD/mysql"
    says_error "the old server was started again"
    [ ! -e mysql ]
    [ ! -e mysql.drover-copy ]
    wait_until 20 settled
    DROVER_TEST_KILL=move:begun apply 137 --to-bind-mount "$PWD/mysql"
    mkdir mysql
    touch mysql/somebodys
    apply 3 --to-bind-mount "$PWD/mysql"
    says_error "the old server was started again"
    [ -e mysql/somebodys ]
    [ ! -e mysql.drover-copy ]
}

upgrade_after_kill() {
    apply --to-bind-mount "$PWD/mysql"
    [ "$(sim .release.server)" = v1.0.2 ]
    [ "$(stat -c %u:%g mysql)" = 102:105 ]
}

# ---------------------------------------------------------------- what the user set

@test "a certificate for ldap, several ports, proxies, options for Java, a name, restart unless-stopped" {
    echo certificate >ca.crt
    basics=(--restart=unless-stopped -p 8080:8080 -p 127.0.0.1:9999:9999 -p 18443:8443/tcp -p 1514:514/udp)
    server -v "$PWD/ca.crt:/ca.crt:ro" -e 'JAVA_OPTS=-Xmx1g -Dx=a=b' -e http_proxy=http://proxy:3128 -e HTTPS_PROXY=http://proxy:3128 \
        -e no_proxy=localhost,127.0.0.1,.site -e EMPTY= -e 'CATTLE_API_HOST=http://rancher.site:8080' --hostname rancher.site \
        --domainname example.com
    upgrade
    [ "$(docker exec rancher true && field rancher '{{.Config.Hostname}}')" = rancher.site ]
}

@test "the host's network" {
    basics=(--restart=always --net=host)
    server -e "RANCHER_SIM_LOOPBACK=$HARNESS_HOST"
    upgrade
    again
}

@test "networks of the user's own, with aliases and an address" {
    docker network create --subnet 172.30.7.0/24 first
    docker network create second
    docker create --name rancher "${basics[@]}" --network first --network-alias cattle --network-alias rancher.site --ip 172.30.7.77 \
        -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" -e "RANCHER_SIM_DOCKERHUB=$HARNESS_HOST:${hub#*:}" rancher/server:v1.0.1
    docker network connect --alias other second rancher
    docker start rancher
    seed
    upgrade
    [ "$(field rancher '{{.NetworkSettings.Networks.first.IPAddress}}')" = 172.30.7.77 ]
}

@test "log options, limits, labels, hosts, dns, capabilities, devices, restart on-failure, and more" {
    basics=(--restart=on-failure:3 -p 8080:8080)
    server --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 --ulimit nofile=4096:8192 --memory 1g \
        --memory-swap 2g --cpu-shares 512 --cpuset-cpus 0 --pids-limit 500 --label team=platform --label empty= \
        --add-host ldap:10.0.0.9 --dns 10.0.0.53 --dns-search site --dns-opt ndots:2 --cap-add NET_ADMIN --cap-drop MKNOD \
        --device /dev/null:/dev/mine:r --security-opt no-new-privileges --shm-size 128m --tmpfs /scratch --oom-score-adj 100 \
        --group-add 4 --sysctl net.ipv4.ip_forward=1 --stop-signal SIGINT --stop-timeout 99 -t -w /opt -u root
    upgrade
}

@test "a command of the user's own, a read-only certificate store, no restart" {
    basics=(--restart=no -p 8080:8080)
    server -v /etc/ssl:/etc/ssl:ro -v extra:/extra --entrypoint /usr/bin/s6-svscan
    upgrade
}

@test "the plan shows old and new beside each other: what differs always, all with -v" {
    server -e MINE=yes -e DB_PASSWORD=geheim
    apply --dry-run
    says "CATTLE_BOOTSTRAP_REQUIRED_IMAGE"
    says "CATTLE_RANCHER_SERVER_IMAGE"
    [[ $output != *MINE* ]]
    apply --dry-run -v
    says "MINE"
    says "8080/tcp"
    [[ $output != *geheim* ]]
    apply --dry-run --json
    [[ $output != *geheim* ]]
    [ "$(jq -r '.server.sides[] | select(.field == "Env MINE") | .old, .new' <<<"$output")" = $'yes\nyes' ]
    [ "$(jq -r '.server.sides[] | select(.field == "Env CATTLE_RANCHER_SERVER_IMAGE") | .old, .new' <<<"$output")" = \
        $'v1.0.1\nv1.0.2' ]
}

# ---------------------------------------------------------------- finding it

@test "an image of another name, an image without a name, a container by its id" {
    docker tag rancher/server:v1.0.1 "$HARNESS_HOST:${hub#*:}/ops/orchestrator:prod"
    image=$HARNESS_HOST:${hub#*:}/ops/orchestrator:prod
    server
    upgrade
    teardown
    rm -rf "$state"
    image=$(docker image inspect -f '{{.Id}}' rancher/server:v1.0.1)
    server
    upgrade --container "$(docker ps -q --filter name=rancher | cut -c 1-8)"
}

@test "several servers are listed with image, port and database; agents are none" {
    docker pull -q "$hub/rancher/agent:v1.0.1"
    docker run -d --name agent "$hub/rancher/agent:v1.0.1"
    server
    apply --dry-run
    docker run -d --name second -p 8081:8080 -v "$PWD/other:/var/lib/mysql" rancher/server:v1.0.1 sleep infinity
    refused 9 "name one with --container"
    says_error "'rancher' (rancher/server:v1.0.1, port 8080, database volume"
    says_error "'second' (rancher/server:v1.0.1, port 8081, database folder $PWD/other"
    refused 9 "does not look like a Rancher server" --container agent
    upgrade --container rancher
}

@test "an engine behind TLS" {
    server
    mkdir tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout tls/ca-key.pem \
        -out tls/ca.pem
    for who in server client; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$who" -keyout tls/$who-key.pem -out tls/$who.csr
        openssl x509 -req -in tls/$who.csr -days 2 -CAcreateserial -CA tls/ca.pem -CAkey tls/ca-key.pem -out tls/$who.pem \
            -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=%sAuth' "$who")
    done
    cp tls/client.pem tls/cert.pem
    cp tls/client-key.pem tls/key.pem
    engine_stop
    engine_start docker --host tcp://127.0.0.1:2376 --tlsverify --tlscacert "$PWD/tls/ca.pem" --tlscert "$PWD/tls/server.pem" \
        --tlskey "$PWD/tls/server-key.pem"
    back_again
    wait_until 20 settled
    DOCKER_HOST=tcp://127.0.0.1:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$PWD/nowhere apply 3
    DOCKER_HOST=tcp://127.0.0.1:2376 apply 10
    says_error "DOCKER_TLS_VERIFY"
    export DOCKER_HOST=tcp://127.0.0.1:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$PWD/tls
    apply 2
    says_error "--rancher-url"
    canary=$(canary)
    apply --rancher-url http://127.0.0.1:8080
    unset DOCKER_HOST DOCKER_TLS_VERIFY DOCKER_CERT_PATH
    [ "$(canary)" = "$canary" ]
    [ "$(sim .release.server)" = v1.0.2 ]
    engine_stop
    engine_start
}

# odd_engine VERSION API OLDEST: drover's engine is one of another age from now on (tests/helpers/odd-engine).
odd_engine() {
    odd=$PWD/odd.sock
    process_start "odd-engine-$BATS_TEST_NUMBER" "$harness_helpers/odd-engine" "$odd" /run/docker.sock "$@"
    wait_until 10 test -S "$odd"
    drover() {
        DOCKER_HOST=unix://$odd plain_drover "$@"
    }
}
eval "plain_$(declare -f drover)"

@test "Docker 1.10 (API 1.22): a server that does not come back is upgraded, one that would is refused" {
    server
    odd_engine 1.10.3 22 0
    refused 9 "engine 1.10.3 can't change a container's restart policy"
    says_error "--restart=no"
    docker rm -f -v rancher
    basics=(--restart=no -p 8080:8080)
    server
    upgrade
    again
    drover rollback --state-dir "$state" --yes
    wait_until 20 settled
    [ "$(canary) $(sim .release.server)" = "$canary v1.0.1" ]
    process_stop "odd-engine-$BATS_TEST_NUMBER"
    grep -q '^POST /v1.22/containers/create' odd.sock.log
}

@test "an engine that takes nothing before API 1.44" {
    docker network create --subnet 10.77.0.0/24 back
    docker network create front
    server --net back --ip 10.77.0.9 --net-alias rancher-db
    docker network connect --alias portal front rancher
    odd_engine 29.0.4 52 44
    upgrade
    process_stop "odd-engine-$BATS_TEST_NUMBER"
    grep -q '^POST /v1.51/containers/create' odd.sock.log
    run ! grep '^POST .*/networks/.*/connect' odd.sock.log
}

# ---------------------------------------------------------------- proofs

@test "a lock on the database's change log is seen before anything changes" {
    server
    curl -sf -X POST http://127.0.0.1:8080/sim/lock -d '{"by": "old-server (172.17.0.2)"}'
    refused 9 "old-server (172.17.0.2)"
    says_error "DELETE http://127.0.0.1:8080/v1/databasechangeloglocks/1"
    curl -sf -X DELETE http://127.0.0.1:8080/v1/databasechangeloglocks/1
    apply --dry-run
}

@test "another container that runs on the same files is seen, whatever it mounts them by" {
    server
    docker run -d --name second --volumes-from rancher rancher/server:v1.0.1 sleep infinity
    refused 9 "'second' runs on the database of 'rancher'" --container rancher
    docker rm -f second
    docker run -d --name third -v "$(docker volume inspect -f '{{.Mountpoint}}' "$(volume_of rancher)"):/var/lib/mysql" \
        rancher/server:v1.0.1 sleep infinity
    refused 9 "'third' runs on the database of 'rancher'" --container rancher
}

@test "a new image that says it is the old version is found out" {
    server -e CATTLE_RANCHER_SERVER_VERSION=v1.0.1
    upgrade_drops_pin
}

upgrade_drops_pin() {
    apply --dry-run
    says "pinned by an earlier tool"
    apply
    [ "$(sim .release.server)" = v1.0.2 ]
    [[ $(field rancher '{{json .Config.Env}}') != *CATTLE_RANCHER_SERVER_VERSION=v1.0.1* ]]
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For bats files that upgrade a simulated Rancher on a real engine: after "load common" and "load server" they have a
# registry that stands for Docker Hub ($hub), one of the site ($site), an engine, bundles of v1.0.2 and v1.1.4
# ($files/v1.0.2.bundle, mirrored to $site), keys ($files/site.pub), and the functions below.
#
# shellcheck disable=SC2034,SC2154 # bats sets status, output and stderr, its files read what is set here

setup_file() {
    harness_begin
    export DROVER_TEST_SCALE=0.01
    hub=$(registry_start hub --data "$IMAGES")
    site=$(registry_start site)
    engine_start
    export hub site files=$BATS_FILE_TMPDIR
    cd "$files" || return
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" key new -o other.key --no-passphrase
    for release in v1.0.2 v1.1.4; do
        "$DROVER" bundle $release --from "$hub" -o $release.bundle --key site.key
        "$DROVER" mirror $release.bundle "$site" --pubkey site.pub
    done
    docker pull -q "$hub/rancher/server:v1.0.1"
    docker tag "$hub/rancher/server:v1.0.1" rancher/server:v1.0.1
    docker rmi "$hub/rancher/server:v1.0.1"
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    state=$BATS_TEST_TMPDIR/state
}

teardown() {
    docker ps -aq | xargs -r docker rm -f -v >/dev/null
    docker network prune -f >/dev/null
    docker images --format '{{.Repository}}:{{.Tag}}' | grep "^$site/" | xargs -r docker rmi -f >/dev/null
}

# server [DOCKER-OPTION…]: a Rancher v1.0.1 with its database inside, three hosts, two balancers. $image is another image,
# $basics are other options than these.
basics=(--restart=always -p 8080:8080)
server() {
    local place=()
    database_options
    docker run -d --name rancher "${basics[@]}" "${place[@]}" -e "DROVER_TEST_SCALE=$DROVER_TEST_SCALE" \
        -e "RANCHER_SIM_DOCKERHUB=$HARNESS_HOST:${hub#*:}" "$@" "${image:-rancher/server:v1.0.1}" >/dev/null
    standing=$(containers)
    seed
}

# Where the database of `server` is: inside, or by DROVER_TEST_MODE in a volume with a name, in a folder of the host, or in
# a data container that is there already. tests/run --all runs the faults with each.
database_options() {
    local name=database-$BATS_TEST_NUMBER-$RANDOM
    case ${DROVER_TEST_MODE-} in
    '') ;;
    volume) place=(-v "$name:/var/lib/mysql") ;;
    folder) place=(-v "$PWD/$name:/var/lib/mysql") ;;
    data)
        docker create --name rancher-data rancher/server:v1.0.1 >/dev/null
        place=(--volumes-from rancher-data)
        ;;
    *) harness_fail "DROVER_TEST_MODE=$DROVER_TEST_MODE" ;;
    esac
}

# The names of all containers in one line.
containers() {
    docker ps -a --format '{{.Names}}' | sort | tr '\n' ' '
}

# Gives the server that has just been started something to run.
seed() {
    wait_until 20 answers
    curl -sf -X POST http://127.0.0.1:8080/sim/seed -d '{}' >/dev/null
    wait_until 20 settled
}

answers() {
    [ "$(curl -s --max-time 2 http://127.0.0.1:8080/ping)" = pong ]
}

# Balancers are healthy and nothing changes any more.
settled() {
    [ "$(curl -sf http://127.0.0.1:8080/v1/loadbalancerservices |
        jq '[.data[] | select(.state == "active" and .healthState == "healthy")] | length')" -eq 2 ]
}

# The old server was started again, and its three hosts have come back to it: it takes a while to notice that they were
# away.
back_again() {
    wait_until 20 answers
    sleep 1.5
    wait_until 20 hosts_back
}

hosts_back() {
    [ "$(curl -sf http://127.0.0.1:8080/v1/hosts | jq '[.data[] | select(.agentState == null or .agentState == "active")] | length')" -eq 3 ]
}

# apply [STATUS] [RELEASE] [OPTION…]: with --yes, as an operator who has read the plan.
apply() {
    local expected=() release=v1.0.2
    if [[ ${1-} =~ ^[0-9]+$ ]]; then
        expected=("$1")
        shift
    fi
    if [[ ${1-} == v* ]]; then
        release=$1
        shift
    fi
    drover "${expected[@]}" apply "$files/$release.bundle" --registry "$site" --pubkey "$files/site.pub" \
        --state-dir "$state" --yes "$@"
}

# What the engine has: containers with everything that a change of ours would show in, images, volumes.
engine_facts() {
    docker ps -aq --no-trunc | sort | xargs -r docker inspect |
        jq -c '.[] | [.Id, .Name, .State.StartedAt, .State.Running, .HostConfig.RestartPolicy,
            (.Mounts | map([.Destination, .Name, .Source]) | sort)]'
    docker images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort
    docker volume ls -q | sort
}

# The rows that only the old database has: they must survive everything.
canary() {
    curl -sf http://127.0.0.1:8080/sim/state | jq -c .canary
}

sim() {
    curl -sf http://127.0.0.1:8080/sim/state | jq -r "$1"
}

field() {
    docker inspect -f "$2" "$1"
}

volume_of() {
    field "$1" '{{range .Mounts}}{{if eq .Destination "/var/lib/mysql"}}{{or .Name .Source}}{{end}}{{end}}'
}

# Everything runs the new release, nothing is left over, nothing was lost. $canary and $volume are of before.
upgraded() {
    local release=${1:-v1.0.2} instance=${2:-v0.8.1}
    [ "$(sim .release.server)" = "$release" ] || return 1
    [ "$(canary)" = "$canary" ] || return 1
    [ "$(sim .uncleanStops)" = 0 ] || return 1
    [ "$(sim .concurrentServers)" = 0 ] || return 1
    [ "$(field rancher '{{.Config.Image}}')" = "$site/rancher/server:$release" ] || return 1
    [ "$(field rancher '{{.HostConfig.RestartPolicy.Name}}')" = always ] || return 1
    [ "$(volume_of rancher)" = "$volume" ] || return 1
    [ "$(containers)" = "rancher rancher-data " ] || return 1
    [ "$(volume_of rancher-data)" = "$volume" ] || return 1
    [ "$(curl -sf 'http://127.0.0.1:8080/v1/containers?removed_null=true&limit=-1' |
        jq -r '[.data[] | select(.systemContainer != null and .removed == null) | .imageUuid] | unique[]')" = \
        "docker:$site/rancher/agent-instance:$instance" ]
}

before() {
    canary=$(canary)
    volume=$(volume_of rancher)
}

# refused STATUS TEXT [OPTION…]: and the engine is as it was.
refused() {
    local facts
    facts=$(engine_facts)
    apply "$1" "${@:3}"
    says_error "$2"
    [ "$(engine_facts)" = "$facts" ]
}

# In the middle of its migration, which should take a while (RANCHER_SIM_MIGRATION_SECONDS=400): it leaves the change log's lock.
kill_migration() {
    wait_until 20 migrates
    docker kill rancher-upgrade-new
}

migrates() {
    docker logs rancher-upgrade-new 2>&1 | grep -q "acquired change log lock"
}

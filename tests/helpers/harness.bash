# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Real registries and container engines for tests and for the demo.
#
#   source tests/helpers/harness.bash
#   harness_begin "$@"                  # in a script: runs it again behind the seal if it is not
#   hub=$(registry_start hub --data "$IMAGES")       # 127.0.0.1:5000
#   site=$(registry_start site --htpasswd joe:secret --tls)
#   engine_start                        # a real dockerd; the docker command finds it
#   docker run -d -p 8080:8080 …
#   harness_end                         # in a script also at its end, and on INT and TERM
#
# In bats call harness_begin in setup_file (or setup) and harness_end in teardown_file (or
# teardown), and run bats itself through tests/helpers/sealed.
#
# All state is in files under HARNESS_DIR, so every function works in any process of the test.
# Names address things: starting NAME again after a stop finds its port and data again. What a
# caller wants to read is printed on stdout; failures are told on stderr and return 1.
# From inside a container, this machine is $HARNESS_HOST: registries listen there too.

harness_helpers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

harness_fail() {
    printf 'harness: %s\n' "$*" >&2
    return 1
}

# ---------------------------------------------------------------- begin and end

harness_begin() {
    if [[ -z ${DROVER_SEALED-} ]]; then
        if [[ -n ${BATS_VERSION-} ]]; then
            harness_fail "run it as: tests/helpers/sealed bats FILE…"
            return 1
        fi
        exec "$harness_helpers/sealed" bash "$(readlink -f "$0")" "$@"
    fi
    harness_open "$DROVER_SEALED"
}

# harness_open FOLDER: what harness_begin does behind the seal. By itself, without a seal, it gives
# registries and processes only, and they answer as 127.0.0.1 only.
harness_open() {
    HARNESS_DIR=$(mktemp -d "$1/run.XXXXXX") || return 1
    export HARNESS_DIR
    mkdir "$HARNESS_DIR"/{process,registry,engine}
    if [[ -z ${BATS_VERSION-} ]]; then
        trap 'harness_interrupted=130; exit 130' INT
        trap 'harness_interrupted=143; exit 143' TERM HUP
        trap harness_end EXIT
    fi
}

harness_end() {
    local status=$? name point
    if [[ -z ${BATS_VERSION-} ]]; then trap '' INT TERM HUP; fi
    if [[ -z ${HARNESS_DIR-} || ! -d $HARNESS_DIR ]]; then return "$status"; fi
    for name in $(harness_names engine); do
        engine_end "$name" || true
    done
    for name in $(harness_names process); do
        process_stop "$name" || true
    done
    while read -r point; do
        umount -l "$point" || true
    done < <(awk -v under="$HARNESS_DIR/" 'index($2, under) == 1 { print $2 }' /proc/self/mounts |
        sort -r)
    if [[ -z ${HARNESS_KEEP-} ]]; then
        rm -rf --one-file-system "$HARNESS_DIR"
    fi
    unset HARNESS_DIR
    return "${harness_interrupted:-$status}"
}

harness_names() {
    find "$HARNESS_DIR/$1" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort
}

# harness_logs [LINES]: the end of every log, for the report of a failed test.
harness_logs() {
    local log
    for log in "$HARNESS_DIR"/process/*/log; do
        [[ -s $log ]] || continue
        printf -- '--- %s\n' "$(basename "$(dirname "$log")")"
        tail -n "${1:-20}" "$log"
    done >&2
}

# wait_until SECONDS COMMAND…: polls until the command succeeds.
wait_until() {
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# ---------------------------------------------------------------- processes

# process_start NAME COMMAND…: in the background, its output in a log, out of bats' own streams
# and out of reach of the terminal's Ctrl-C.
process_start() {
    local name=$1 folder=$HARNESS_DIR/process/$1
    shift
    if process_alive "$name"; then
        harness_fail "$name runs already"
        return 1
    fi
    mkdir -p "$folder"
    setsid "$@" </dev/null >>"$folder/log" 2>&1 3>&- 4>&- 5>&- 6>&- &
    printf '%s\n' "$!" >"$folder/pid"
    process_born "$!" >"$folder/born" || true # gone already: its log says why
}

# A process id can be used again; together with its time of birth it can't.
process_born() {
    local stat
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    stat=${stat##*) }
    if [[ $stat == Z* ]]; then return 1; fi
    awk '{ print $20 }' <<<"$stat"
}

process_pid() {
    cat "$HARNESS_DIR/process/$1/pid" 2>/dev/null
}

process_log() {
    printf '%s\n' "$HARNESS_DIR/process/$1/log"
}

process_alive() {
    local folder=$HARNESS_DIR/process/$1
    [[ -s $folder/born && $(process_born "$(<"$folder/pid")") == "$(<"$folder/born")" ]]
}

process_ended() {
    ! process_alive "$1"
}

# process_stop NAME [SIGNAL]: returns when it has ended; after 30 seconds it is killed.
process_stop() {
    local pid
    if process_alive "$1"; then
        pid=$(process_pid "$1")
        kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
        if ! wait_until 30 process_ended "$1"; then
            kill -s KILL "$pid" 2>/dev/null || true
            wait_until 10 process_ended "$1" || harness_fail "$1 does not end" || return 1
        fi
        wait "$pid" 2>/dev/null || true
    fi
    rm -f "$HARNESS_DIR/process/$1/born"
}

port_free() {
    ! (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# free_port [FIRST]: the next port from FIRST on that nothing listens on and nobody was given.
free_port() {
    local port=${1:-5000}
    until port_free "$port" && mkdir "$HARNESS_DIR/port-$port" 2>/dev/null; do
        port=$((port + 1))
    done
    printf '%s\n' "$port"
}

# ---------------------------------------------------------------- registries

# registry_start NAME [--htpasswd USER:PASSWORD] [--tls] [--data FOLDER] [--schema1]
#                [--env KEY=VALUE]…
# Debian's docker-registry: manifests validated, deletion allowed. Prints 127.0.0.1:PORT; it
# answers at NAME.test:PORT and $HARNESS_HOST:PORT too. --data copies a data folder into a new
# registry, --schema1 accepts old manifests, --env overrides its configuration (REGISTRY_…).
# With --tls its authority's certificate is registry_ca NAME.
registry_start() {
    local name=$1 folder=$HARNESS_DIR/registry/$1 port environment=()
    shift
    if [[ ! -e $folder/port ]]; then
        mkdir -p "$folder"
        free_port 5000 >"$folder/port"
        if [[ -n ${DROVER_SEALED-} && $name =~ ^[a-z0-9-]+$ ]]; then
            printf '%s %s.test\n' "$HARNESS_HOST" "$name" >>/etc/hosts
        fi
    fi
    port=$(<"$folder/port")
    registry_config "$port" "$folder" >"$folder/config.yml"
    rm -f "$folder/tls.yml"
    while (($#)); do
        case $1 in
        --htpasswd) registry_htpasswd "$2" "$folder" && shift ;;
        --tls) registry_tls "$name" "$folder" ;;
        --data) registry_data "$2" "$folder" && shift ;;
        --schema1) environment+=(REGISTRY_COMPATIBILITY_SCHEMA1_ENABLED=true) ;;
        --env) environment+=("$2") && shift ;;
        *) harness_fail "registry_start: unknown option $1" ;;
        esac || return 1
        shift
    done
    process_start "registry-$name" env ${environment[@]+"${environment[@]}"} \
        docker-registry serve "$folder/config.yml" || return 1
    if ! wait_until 20 registry_answers "$name"; then
        harness_fail "registry $name does not answer:" || true
        tail -n 20 "$(process_log "registry-$name")" >&2
        process_stop "registry-$name"
        return 1
    fi
    registry_address "$name"
}

registry_config() {
    cat <<END
version: 0.1
log:
  level: info
storage:
  filesystem:
    rootdirectory: $2/data
  delete:
    enabled: true
http:
  addr: 0.0.0.0:$1
  secret: harness
END
}

registry_htpasswd() {
    # shellcheck disable=SC2016 # it is Perl that reads these
    perl -e 'print "$ARGV[0]:", crypt($ARGV[1], q($2b$05$drover.harness.salt.22)), "\n"' \
        "${1%%:*}" "${1#*:}" >"$2/htpasswd"
    printf 'auth:\n  htpasswd:\n    realm: harness\n    path: %s\n' "$2/htpasswd" \
        >>"$2/config.yml"
}

registry_tls() {
    local name=$1 folder=$2
    if [[ ! -e $folder/server.crt ]]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
            -subj "/CN=harness authority of $name" -keyout "$folder/ca.key" \
            -out "$folder/ca.crt" 2>/dev/null &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -subj "/CN=$name.test" -keyout "$folder/server.key" \
                -out "$folder/server.csr" 2>/dev/null &&
            openssl x509 -req -in "$folder/server.csr" -days 2 -CAcreateserial \
                -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -out "$folder/server.crt" \
                -extfile <(printf 'subjectAltName=IP:127.0.0.1,IP:%s,DNS:localhost,DNS:%s.test' \
                    "$HARNESS_HOST" "$name") 2>/dev/null || return 1
    fi
    printf '  tls:\n    certificate: %s\n    key: %s\n' "$folder/server.crt" \
        "$folder/server.key" >"$folder/tls.yml"
    sed -i "/^  secret: harness$/r $folder/tls.yml" "$folder/config.yml"
}

registry_data() {
    if [[ -e $2/data ]]; then return; fi
    [[ -d $1 ]] || harness_fail "no registry data at $1" || return 1
    cp -a --reflink=auto "$1" "$2/data"
}

registry_answers() {
    local scheme=http answer
    if [[ -e $HARNESS_DIR/registry/$1/tls.yml ]]; then scheme=https; fi
    process_alive "registry-$1" || return 1
    answer=$(curl -sk --noproxy '*' --max-time 2 -o /dev/null -w '%{http_code}' \
        "$scheme://$(registry_address "$1")/v2/")
    [[ $answer == 200 || $answer == 401 ]]
}

registry_address() {
    printf '127.0.0.1:%s\n' "$(<"$HARNESS_DIR/registry/$1/port")"
}

registry_ca() {
    printf '%s\n' "$HARNESS_DIR/registry/$1/ca.crt"
}

registry_log() {
    process_log "registry-$1"
}

registry_stop() {
    process_stop "registry-$1" "${2-}"
}

# ---------------------------------------------------------------- engines

# engine_start [NAME] [DOCKERD-OPTION…]: a real dockerd with a data folder, containerd, bridge and
# socket of its own. Prints the socket's path. The first, `docker`, has the usual /run/docker.sock.
engine_start() {
    local name=docker folder subnet storage=vfs bridge firewall=()
    if [[ ${1-} == [!-]* ]]; then
        name=$1
        shift
    fi
    folder=$HARNESS_DIR/engine/$name
    mkdir -p "$folder/data"
    if [[ ! -e $folder/subnet ]]; then
        subnet=17
        until mkdir "$HARNESS_DIR/subnet-$subnet" 2>/dev/null; do subnet=$((subnet + 1)); done
        printf '172.%s.0\n' "$subnet" >"$folder/subnet"
    fi
    subnet=$(<"$folder/subnet")
    bridge=dock${subnet//[!0-9]/}
    if ! ip link show "$bridge" >/dev/null 2>&1; then
        ip link add "$bridge" type bridge || return 1
        ip address add "$subnet.1/16" dev "$bridge"
        ip link set "$bridge" up
    fi
    printf '{}\n' >"$folder/daemon.json"
    if engine_overlay "$folder"; then storage=overlay2; fi
    if ! iptables -t nat -nL >/dev/null 2>&1; then
        firewall=(--iptables=false --ip-masq=false) # published ports: by docker-proxy alone
    fi
    process_start "engine-$name" dockerd --config-file "$folder/daemon.json" \
        --data-root "$folder/data" --exec-root "/run/$name" --pidfile "/run/$name.pid" \
        --host "unix://$(engine_socket "$name")" --bridge "$bridge" --storage-driver "$storage" \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/${DROVER_SEALED##*/}" \
        --insecure-registry "$HARNESS_HOST/32" --insecure-registry "$subnet.0/16" \
        --shutdown-timeout 20 ${firewall[@]+"${firewall[@]}"} "$@" || return 1
    if ! wait_until 60 engine_answers "$name"; then
        harness_fail "engine $name does not answer:" || true
        tail -n 30 "$(process_log "engine-$name")" >&2
        process_stop "engine-$name"
        return 1
    fi
    engine_socket "$name"
}

engine_overlay() {
    local try=$1/overlay status=0
    mkdir -p "$try"/{lower,upper,work,merged}
    mount -t overlay -o "lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work" \
        overlay "$try/merged" 2>/dev/null || status=1
    if ((status == 0)); then umount "$try/merged"; fi
    rm -rf "$try"
    return "$status"
}

engine_answers() {
    process_alive "engine-${1:-docker}" || return 1
    [[ $(curl -s --noproxy '*' --max-time 2 --unix-socket "$(engine_socket "${1:-docker}")" \
        http://engine/_ping) == OK ]]
}

engine_socket() {
    printf '/run/%s.sock\n' "${1:-docker}"
}

# What a container of this engine reaches its host at, besides $HARNESS_HOST.
engine_gateway() {
    printf '%s.1\n' "$(<"$HARNESS_DIR/engine/${1:-docker}/subnet")"
}

engine_log() {
    process_log "engine-${1:-docker}"
}

# engine_stop [NAME] [SIGNAL]: as a reboot of the engine, its containers are stopped; with KILL as
# a crash of it. engine_start NAME brings it back with all that it had.
engine_stop() {
    local name=${1:-docker}
    process_stop "engine-$name" "${2-}" || return 1
    rm -f "/run/$name.pid"
}

# For the end of a test: nobody needs the containers any more, so nobody waits for them.
engine_end() {
    local name=$1 running=()
    if engine_answers "$name"; then
        mapfile -t running < <(docker -H "unix://$(engine_socket "$name")" ps -q)
        if ((${#running[@]})); then
            timeout 20 docker -H "unix://$(engine_socket "$name")" kill "${running[@]}" \
                >/dev/null 2>&1 || true
        fi
    fi
    engine_stop "$name"
}

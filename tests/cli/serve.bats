#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover serve: a registry straight from a bundle, for docker, containerd, skopeo, curl, and for those who mean it ill.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    make_release "$hub"
    make_image "$hub" large/image:1 --layers 40M,1K --seed large
    "$DROVER" bundle v1.0.2 large/image:1 --from "$hub" -o release.tar --key site.key
    export keys=$BATS_FILE_TMPDIR
    engine_start
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
}

teardown() {
    process_stop serve
    if [[ -e $(process_log serve) ]] && grep -E 'Sanitizer|runtime error' "$(process_log serve)"; then return 1; fi
    docker images -aq | sort -u | xargs -r docker rmi -f >/dev/null
}

# serve [OPTION…]: in the background, until it is ready; $at is where, ready.json what it said.
serve() {
    local address=127.0.0.1
    if [[ ${1-} == --at ]]; then
        address=$2
        shift 2
    fi
    rm -f ready.json
    process_start serve bash -c 'exec "$@" >ready.json' - "$DROVER" serve "${bundle:-$keys/release.tar}" \
        --pubkey "$keys/site.pub" --listen "$address:0" --json -v "$@"
    if ! wait_until 30 test -s ready.json; then
        cat "$(process_log serve)"
        return 1
    fi
    at=$(jq -r .address ready.json)
    port=${at##*:}
    url=$(jq -r .url ready.json)
}

log() {
    cat "$(process_log serve)"
}

layer_of() {
    skopeo inspect --raw --tls-verify=false "docker://$hub/$1" | jq -r ".layers[${2:-0}].digest"
}

# status CURL-ARGUMENT…: the status alone.
status_of() {
    curl -s -o /dev/null -w '%{http_code}' --path-as-is "$@"
}

@test "docker pulls from it: by tag, by digest, as a mirror of Docker Hub; ids are those of the images" {
    serve
    docker pull -q "$at/rancher/server:v1.0.2"
    docker pull -q "$at/rancher/agent-instance@$(manifest_digest "$hub" rancher/agent-instance:v0.8.1)"
    docker pull -q "$at/large/image:1"
    [ "$(docker image inspect -f '{{.Id}}' "$at/rancher/server:v1.0.2")" = \
        "sha256:$(skopeo inspect --raw --config --tls-verify=false "docker://$hub/rancher/server:v1.0.2" |
            sha256sum | cut -d' ' -f1)" ]
    engine_start mirrored --registry-mirror "$url"
    DOCKER_HOST=unix:///run/mirrored.sock docker pull -q rancher/agent:v1.0.1
    engine_end mirrored
    run docker push "$at/rancher/server:v1.0.2"
    [ "$status" -ne 0 ]
    log | grep -q ' PUT .* 405 '
}

@test "containerd pulls from it: by its name, and as a mirror that is told whose names it is asked for (ns=)" {
    serve
    ctr=(ctr --address /run/docker/containerd/containerd.sock)
    "${ctr[@]}" images pull --plain-http --snapshotter native "$at/rancher/agent:v1.0.1"
    mkdir -p hosts/docker.io
    printf 'server = "http://127.0.0.1:1"\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$url" \
        >hosts/docker.io/hosts.toml
    "${ctr[@]}" images pull --hosts-dir hosts --snapshotter native docker.io/rancher/server:v1.0.2
    log | grep -q 'GET /v2/rancher/server/blobs/.*ns=docker.io'
    [ "$(status_of "$url/v2/rancher/server/manifests/v1.0.2?ns=docker.io")" = 200 ]
    [ "$(status_of "$url/v2/rancher/server/manifests/v1.0.2?ns=quay.io")" = 404 ]
    [ "$(status_of "$url/v2/docker.io/rancher/server/manifests/v1.0.2")" = 200 ]
    "${ctr[@]}" images rm "$at/rancher/agent:v1.0.1" docker.io/rancher/server:v1.0.2
}

@test "drover's own commands take it for a registry: audit --deep, mirror, bundle" {
    serve
    drover audit "$keys/release.tar" "$at" --pubkey "$keys/site.pub" --deep
    drover mirror "$keys/release.tar" "$at" --pubkey "$keys/site.pub"
    says_error "0 sent"
    drover bundle v1.0.2 --from "$at" -o again.tar --key "$keys/site.key"
    drover audit again.tar "$at" --pubkey "$keys/site.pub"
}

@test "eight skopeo at once, each gets every byte" {
    serve
    pids=()
    for i in 1 2 3 4 5 6 7 8; do
        skopeo copy -q --src-tls-verify=false "docker://$at/large/image:1" "dir:copy$i" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for i in 1 2 3 4 5 6 7 8; do
        [ "$(sha256sum <"copy$i/manifest.json")" = "$(sha256sum <copy1/manifest.json)" ]
        for file in "copy$i"/????????????????????????????????????????????????????????????????; do
            [ "$(sha256sum <"$file")" = "${file#*/}  -" ]
        done
    done
    peak=$(awk '/VmHWM/ { print $2 }' "/proc/$(process_pid serve)/status")
    limit=24
    if grep -q __asan_init "$DROVER"; then limit=200; fi
    [ "$peak" -le $((limit * 1024)) ]
}

@test "ranges, resumed downloads, HEAD, ETag, lists, referrers: as the specification has them" {
    serve
    layer=$(layer_of large/image:1)
    blob=$url/v2/large/image/blobs/$layer
    curl -sf "$blob" -o whole
    [ "sha256:$(sha256sum <whole | cut -d' ' -f1)" = "$layer" ]
    size=$(stat -c %s whole)
    cmp <(curl -sf -r 1000-500999 "$blob") <(tail -c +1001 whole | head -c 500000)
    cmp <(curl -sf -r -777 "$blob") <(tail -c 777 whole)
    head -c 12345678 whole >part
    curl -sf -C - "$blob" -o part
    cmp whole part
    [ "$(status_of -r "$size-" "$blob")" = 416 ]
    curl -si -r "$size-" "$blob" | grep -qi "^content-range: bytes \*/$size"
    [ "$(status_of -r 0-0 "$blob")" = 206 ]
    [ "$(status_of -r 0-0 -H 'If-Range: "other"' "$blob")" = 200 ]
    [ "$(status_of -H "If-None-Match: \"$layer\"" "$blob")" = 304 ]
    curl -sI "$blob" | tr -d '\r' >headers
    grep -qx "Content-Length: $size" headers
    grep -qx "Docker-Content-Digest: $layer" headers
    digest=$(manifest_digest "$hub" rancher/agent-instance:v0.8.1)
    curl -sI "$url/v2/rancher/agent-instance/manifests/v0.8.1" | tr -d '\r' >headers
    grep -qx "Content-Type: application/vnd.oci.image.manifest.v1+json" headers
    grep -qx "Docker-Content-Digest: $digest" headers
    [ "$(curl -s "$url/v2/rancher/agent-instance/manifests/$digest" | sha256sum)" = "${digest#sha256:}  -" ]
    [ "$(curl -s "$url/v2/_catalog" | jq -c .repositories)" = \
        '["large/image","rancher/agent","rancher/agent-instance","rancher/server"]' ]
    [ "$(curl -s "$url/v2/_catalog?n=2&last=large/image" | jq -c .repositories)" = \
        '["rancher/agent","rancher/agent-instance"]' ]
    curl -sI "$url/v2/_catalog?n=1" | grep -q 'last=large%2Fimage&n=1'
    [ "$(curl -s "$url/v2/rancher/server/tags/list" | jq -c .tags)" = '["v1.0.2"]' ]
    [ "$(curl -s "$url/v2/rancher/server/referrers/$digest" | jq -c .manifests)" = '[]' ]
    # A layer is found in the repositories of its images only.
    [ "$(status_of "$url/v2/rancher/agent/blobs/$layer")" = 404 ]
    for method in PUT POST PATCH DELETE; do
        [ "$(curl -s -X "$method" "$url/v2/rancher/server/manifests/v1.0.2" | jq -r '.errors[0].code')" = \
            UNSUPPORTED ]
    done
    [ "$(curl -s "$url/v2/rancher/server/manifests/none" | jq -r '.errors[0].code')" = MANIFEST_UNKNOWN ]
    [ "$(curl -s "$url/v2/none/manifests/none" | jq -r '.errors[0].code')" = NAME_UNKNOWN ]
    [ "$(curl -s "$url/v2/rancher/server/blobs/sha256:0" | jq -r '.errors[0].code')" = DIGEST_INVALID ]
}

@test "TLS: verified by the CA in certs.d, and without it refused" {
    ip address add 192.0.2.7/32 dev lo
    echo "192.0.2.7 serve.test" >>/etc/hosts
    mkdir tls
    : >tls/config.yml
    registry_tls serve "$PWD/tls"
    serve --at 192.0.2.7 --tls-cert "$PWD/tls/server.crt" --tls-key "$PWD/tls/server.key"
    [ "$(jq .tls ready.json)" = true ]
    [[ "$(log)" != *warning* ]]
    run docker pull -q "serve.test:$port/large/image:1"
    [ "$status" -ne 0 ]
    contains output "$output" "x509"
    mkdir -p "/etc/docker/certs.d/serve.test:$port"
    cp tls/ca.crt "/etc/docker/certs.d/serve.test:$port/ca.crt"
    docker pull -q "serve.test:$port/large/image:1"
    curl -sf --cacert tls/ca.crt "https://serve.test:$port/v2/large/image/blobs/$(layer_of large/image:1)" |
        sha256sum | grep -q "^$(layer_of large/image:1 | cut -d: -f2)"
    drover audit "$keys/release.tar" "serve.test:$port" --pubkey "$keys/site.pub" --ca-cert tls/ca.crt --deep
    run curl -s --cacert tls/ca.crt --tls-max 1.1 "https://serve.test:$port/v2/"
    [ "$status" -ne 0 ]
    # What speaks no TLS does not disturb it.
    run curl -s "http://serve.test:$port/v2/"
    [ "$status" -ne 0 ]
    [ "$(status_of --cacert tls/ca.crt "https://serve.test:$port/v2/")" = 200 ]
    process_stop serve
    again=("$keys/release.tar" --pubkey "$keys/site.pub" --listen 127.0.0.1:0)
    drover 2 serve "${again[@]}" --tls-cert tls/server.crt
    drover 8 serve "${again[@]}" --tls-cert tls/server.crt --tls-key tls/ca.key
    says_error "is not that of the certificate"
    drover 3 serve "${again[@]}" --tls-cert nowhere --tls-key tls/ca.key
    drover 8 serve "${again[@]}" --tls-cert tls/server.csr --tls-key tls/ca.key
    openssl ec -in tls/server.key -aes128 -passout pass:x -out tls/locked.key 2>/dev/null
    drover 8 serve "${again[@]}" --tls-cert tls/server.crt --tls-key tls/locked.key
    says_error "it is encrypted"
}

@test "htpasswd: a login for docker, skopeo and drover; wrong ones are refused; a plain address gets a warning" {
    registry_htpasswd joe:secret "$PWD"
    serve --at 192.0.2.1 --htpasswd "$PWD/htpasswd"
    [ "$(jq .login ready.json)" = true ]
    [[ "$(log)" == *"warning: plain HTTP at 192.0.2.1"*"read the passwords"* ]]
    [ "$(status_of "$url/v2/")" = 401 ]
    curl -si "$url/v2/" | grep -qi '^www-authenticate: Basic realm="drover"'
    [ "$(status_of -u joe:wrong "$url/v2/")" = 401 ]
    [ "$(status_of -u ann:secret "$url/v2/rancher/server/manifests/v1.0.2")" = 401 ]
    sleep 1 # only so many tries a second
    [ "$(status_of -u joe:secret "$url/v2/")" = 200 ]
    export DOCKER_CONFIG=$PWD
    run docker login -u joe -p wrong "$at"
    [ "$status" -ne 0 ]
    sleep 1
    docker login -u joe -p secret "$at"
    docker pull -q "$at/rancher/server:v1.0.2"
    skopeo copy -q --src-tls-verify=false --src-creds joe:secret "docker://$at/rancher/agent:v1.0.1" dir:agent
    drover audit "$keys/release.tar" "$at" --pubkey "$keys/site.pub" --insecure-registry "$at"
    log | grep -q "192.0.2.1 joe GET /v2/rancher/server/manifests/sha256:[0-9a-f]* 200 "
    [[ "$(log)" != *secret* ]]
    # Guessing is slowed down, and those who are in do not notice.
    for i in {1..30}; do status_of -u "joe:guess$i" "$url/v2/"; echo; done | sort | uniq -c >guesses
    grep -q ' 429$' guesses
    [ "$(status_of -u joe:secret "$url/v2/")" = 200 ]
    process_stop serve
    echo 'joe:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=' >htpasswd
    drover 8 serve "$keys/release.tar" --pubkey "$keys/site.pub" --htpasswd htpasswd --listen 127.0.0.1:0
    says_error "htpasswd -B"
}

@test "hostile requests get a no, and the server lives on" {
    serve --timeout 5
    for path in /../../../etc/passwd /v2/../../etc/passwd /v2/%2e%2e/%2e%2e/etc/passwd \
        /v2/rancher/server/manifests/../../../../../etc/passwd /v2/rancher/server/blobs/%2Fetc%2Fpasswd \
        /v2/rancher/server/manifests/%00 /v2/rancher%00/manifests/x /v2/%zz%/manifests/x /v2/%/blobs/% \
        //v2// /v2//manifests/ "/v2/rancher/server/manifests/v1.0.2%0d%0aX-Evil:1" '/v2/<script>/tags/list'; do
        [[ "$(status_of "$url$path")" =~ ^4 ]]
        [[ "$(curl -si --path-as-is "$url$path")" != *root:*Evil* ]]
    done
    [ "$(status_of -H "X-Long: $(head -c 60000 /dev/zero | tr '\0' a)" "$url/v2/")" = 400 ]
    run bash -c 'for i in {1..2000}; do echo "-H X-$i:$i"; done | xargs curl -s -o /dev/null -w "%{http_code}" '"$url/v2/"
    [ "$output" = 400 ]
    [ "$(head -c 1000000 /dev/zero | status_of -T - -X PUT "$url/v2/rancher/server/manifests/x")" = 413 ]
    for request in 'GARBAGE' 'GET' 'GET /v2/ HTTP/9.9' 'GET  HTTP/1.1' 'BREW /v2/ HTTP/1.1' $'GET /v2/ HTTP/1.1\r\nHost' \
        $'GET /v2/ HTTP/1.1\r\nContent-Length: -5' $'GET /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked' \
        $'POST /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n' \
        $'POST /v2/ HTTP/1.1\r\nContent-Length: 99999999999999999999' $'\x16\x03\x01\x02\x00\x01'; do
        printf '%s\r\n\r\n' "$request" | timeout 10 bash -c "cat >&3; cat <&3" 3<>"/dev/tcp/127.0.0.1/$port" >answer || true
    done
    # Two requests at once on one connection are answered one after the other.
    printf 'GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\nGET /v2/_catalog HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
        timeout 10 bash -c "cat >&3; cat <&3" 3<>"/dev/tcp/127.0.0.1/$port" >answer
    [ "$(grep -o 'HTTP/1.1 200' answer | wc -l)" -eq 2 ]
    process_alive serve
    [ "$(status_of "$url/v2/")" = 200 ]
}

@test "thousands who open a connection and say nothing, or never end a request: bounded, and hung up on" {
    serve --timeout 2 --max-connections 50
    process_start crowd "$harness_helpers/half-open" "$port" 2000
    wait_until 20 grep -q '^open 2000' "$(process_log crowd)"
    [ "$(ls "/proc/$(process_pid serve)/fd" | wc -l)" -le 80 ]
    process_stop crowd
    wait_until 20 test "$(status_of --max-time 20 "$url/v2/")" = 200
    process_start drip "$harness_helpers/half-open" "$port" 20 "GET /v2/$(printf 'a%.0s' {1..500})"
    wait_until 20 process_ended drip
    [ "$(tail -n 1 "$(process_log drip)")" = "left 0" ]
    # Who takes a layer slowly is no such client.
    [ "$(curl -s --limit-rate 8M "$url/v2/large/image/blobs/$(layer_of large/image:1)" | sha256sum)" = \
        "$(layer_of large/image:1 | cut -d: -f2)  -" ]
    wait_until 20 test "$(ls "/proc/$(process_pid serve)/fd" | wc -l)" -le 20
}

@test "a stop lets running transfers end, takes no new ones, and does not wait for ever" {
    serve
    blob=$url/v2/large/image/blobs/$(layer_of large/image:1)
    curl -s --limit-rate 20M "$blob" -o slow &
    pid=$!
    wait_until 10 test -s slow
    kill -TERM "$(process_pid serve)"
    sleep 0.5
    [ "$(status_of "$url/v2/")" = 000 ]
    wait "$pid"
    [ "sha256:$(sha256sum <slow | cut -d' ' -f1)" = "${blob##*/}" ]
    wait_until 10 process_ended serve
    log | grep -q "1 running transfer may end first"
    DROVER_TEST_SCALE=0.05 serve
    blob=$url/v2/large/image/blobs/$(layer_of large/image:1)
    curl -s --limit-rate 5M "$blob" -o slow2 &
    pid=$!
    wait_until 10 test -s slow2
    kill -INT "$(process_pid serve)"
    wait_until 5 process_ended serve
    log | grep -q "1 transfer was cut off"
    if wait "$pid"; then return 1; fi
}

@test "stopped without transfers it ends at once, with success" {
    "$DROVER" serve "$keys/release.tar" --pubkey "$keys/site.pub" --listen 127.0.0.1:0 >ready 2>said &
    pid=$!
    wait_until 20 test -s ready
    kill -INT "$pid"
    wait "$pid"
    grep -q "^127.0.0.1:[0-9]*/rancher/server:v1.0.2  *sha256:" ready
    grep -q "Ctrl-C ends it" said
}

@test "the file is changed or cut off while it is served: nothing wrong goes out as right" {
    for spoil in 'truncate -s 20M' 'touch -d tomorrow' "$SHELL -c 'printf x | dd of=\$0 bs=1 seek=30000000 conv=notrunc status=none'"; do
        cp "$keys/release.tar" b.tar
        "$DROVER" serve b.tar --pubkey "$keys/site.pub" --listen 127.0.0.1:0 --json >ready.json 2>said &
        pid=$!
        wait_until 20 test -s ready.json
        blob=$(jq -r .url ready.json)/v2/large/image/blobs/$(layer_of large/image:1)
        curl -s --limit-rate 10M "$blob" -o slow &
        client=$!
        wait_until 10 test -s slow
        eval "$spoil b.tar"
        if wait "$client"; then return 1; fi
        run wait "$pid"
        [ "$(stat -c %s slow)" -lt 40000000 ]
        grep -q "was changed while it was served" said
        rm slow ready.json
    done
}

@test "a bundle that is not what was signed is never served; an address that is taken is told at once" {
    cp "$keys/release.tar" b.tar
    printf x | dd of=b.tar bs=1 seek=30000000 conv=notrunc status=none
    drover 7 serve b.tar --pubkey "$keys/site.pub" --listen 127.0.0.1:0
    [ -z "$output" ]
    drover 9 serve "$keys/release.tar" --pubkey "$keys/site.pub" --listen "$hub"
    says_error "in use"
    drover 9 serve "$keys/release.tar" --pubkey "$keys/site.pub" --listen 203.0.113.1:5000
    drover 2 serve "$keys/release.tar" --pubkey "$keys/site.pub" --listen nonsense:x
    drover 2 serve "$keys/release.tar"
    says_error "--pubkey"
}

@test "serials: what is served is written down, and the state is not locked meanwhile" {
    serial=(--pubkey "$keys/site.pub" --channel default --state-dir "$PWD/state")
    drover 9 serve "$keys/release.tar" "${serial[@]}" --listen 127.0.0.1:0
    serve --channel default --state-dir "$PWD/state" --first-import
    jq -e .channels.default.serial state/state.json
    drover load "$keys/release.tar" "${serial[@]}"
    process_stop serve
    "$DROVER" bundle rancher/agent:v1.0.1 --from "$hub" -o old.tar --key "$keys/site.key" --serial 1
    drover 9 serve old.tar "${serial[@]}" --listen 127.0.0.1:0
}

# served PATH: the digest of what is there
served() {
    printf 'sha256:%s' "$(curl -s "$url/v2/$1" | sha256sum | cut -d' ' -f1)"
}

@test "two hosts with one name in one bundle: without a host it is Docker Hub's, as a mirror of that is asked" {
    other=$(registry_start other)
    there=other.test:${other##*:}
    make_image "$other" rancher/agent:v1.0.1 --layers 9K --seed other
    make_image "$other" rancher/agent:alone --layers 8K --seed alone
    make_image "$other" some/tool:1 --layers 7K --seed tool
    "$DROVER" bundle rancher/agent:v1.0.1 "$there/rancher/agent:v1.0.1" "$there/rancher/agent:alone" "$there/some/tool:1" \
        --from "$hub" --insecure-registry "$there" -o two.tar --key "$keys/site.key"
    bundle=two.tar serve
    hubs=$(manifest_digest "$hub" rancher/agent:v1.0.1)
    others=$(manifest_digest "$other" rancher/agent:v1.0.1)
    [[ "$(log)" == *"another image of this bundle is rancher/agent:v1.0.1, too; $there/rancher/agent:v1.0.1 gets only who says ns=$there"* ]]
    [[ "$(log)" == *"$there/some/tool:1 is found as some/tool:1, too, as mirror names it"* ]]
    [ "$(jq -r '[.images[].name] | join(" ")' ready.json)" = \
        "$at/rancher/agent:v1.0.1 $at/$there/rancher/agent:v1.0.1 $at/$there/rancher/agent:alone $at/some/tool:1" ]
    [ "$(served rancher/agent/manifests/v1.0.1)" = "$hubs" ]
    [ "$(served docker.io/rancher/agent/manifests/v1.0.1)" = "$hubs" ]
    [ "$(served rancher/agent/manifests/v1.0.1?ns=docker.io)" = "$hubs" ]
    [ "$(served "rancher/agent/manifests/v1.0.1?ns=$there")" = "$others" ]
    [ "$(served "rancher/agent/manifests/alone?ns=$there")" = "$(manifest_digest "$other" rancher/agent:alone)" ]
    [ "$(curl -s "$url/v2/rancher/agent/tags/list" | jq -c .tags)" = '["v1.0.1"]' ]
    for path in manifests/alone "manifests/$others" manifests/alone?ns=docker.io; do
        [ "$(status_of "$url/v2/rancher/agent/$path")" = 404 ]
    done
    # Of a name that no image of Docker Hub has: as drover mirror puts it, and apply asks for it.
    [ "$(served some/tool/manifests/1)" = "$(manifest_digest "$other" some/tool:1)" ]
    [ "$(status_of "$url/v2/some/tool/manifests/1?ns=docker.io")" = 404 ]
    registry_stop other
}

@test "a list with all of its images: every platform is found; a delta is not served" {
    make_image "$hub" a/app:arm64 --layers 2K --seed arm64
    make_image "$hub" a/app:amd64 --layers 3K --seed amd64
    make_list "$hub" a/app:1 linux/arm64=arm64 linux/amd64=amd64
    "$DROVER" bundle a/app:1 --all-platforms --from "$hub" -o list.tar --key "$keys/site.key"
    bundle=list.tar serve
    [ "$(manifest_digest "$at" a/app:1)" = "$(manifest_digest "$hub" a/app:1)" ]
    skopeo copy -q --all --src-tls-verify=false "docker://$at/a/app:1" dir:all
    [ "$(find all -name '*manifest.json' | wc -l)" -eq 3 ]
    docker pull -q "$at/a/app:1"
    drover audit list.tar "$at" --pubkey "$keys/site.pub" --deep
    make_image "$hub" a/app:amd64 --layers 3K,1K --seed amd64
    "$DROVER" bundle a/app:amd64 --from "$hub" -o delta.tar --key "$keys/site.key" --base list.tar
    drover 9 serve delta.tar --pubkey "$keys/site.pub" --listen 127.0.0.1:0
    says_error "drover merge"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover between real registries and what companies put in front of them: token servers, client
# certificates, credential helpers, proxies, mirrors of Docker Hub, limits.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    export hub
    make_release "$hub"
    cd "$BATS_FILE_TMPDIR"
    "$DROVER" key new -o site.key --no-passphrase
    export keys=$BATS_FILE_TMPDIR
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=harness tokens" \
        -keyout token.key -out token.crt 2>/dev/null
    drover bundle v1.0.2 --from "$hub" -o release.tar --key site.key
}

teardown_file() {
    harness_end
}

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    export HOME=$PWD
}

# token_registry NAME [OPTION…]: a registry of that name in token mode, with the images of hub unless its name begins
# with "site", and its token server, which gets the options. Prints HOST:PORT.
token_registry() {
    local name=$1 port data=(--data "$HARNESS_DIR/registry/hub/data")
    shift
    if [[ $name == site* ]]; then data=(); fi
    mkdir "$name"
    cp "$keys"/token.{key,crt} "$name"
    port=$(free_port 5700)
    process_start "tokens-$name" "$harness_helpers/token-server" "$port" "$PWD/$name" "$@"
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$port"
    registry_start "$name" "${data[@]}" \
        --env REGISTRY_AUTH=token \
        --env "REGISTRY_AUTH_TOKEN_REALM=http://127.0.0.1:$port/token" \
        --env REGISTRY_AUTH_TOKEN_SERVICE="the registry, of tests" \
        --env REGISTRY_AUTH_TOKEN_ISSUER=harness \
        --env "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=$PWD/$name/token.crt"
}

# login HOST:PORT USER:PASSWORD: into ~/.docker/config.json.
login() {
    mkdir -p .docker
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" "$(printf %s "$2" | base64)" >.docker/config.json
}

@test "tokens: an anonymous pull asks for each repository once" {
    address=$(token_registry open-hub --open)
    drover bundle v1.0.2 --from "$address" -o b.tar --key "$keys/site.key"
    drover verify b.tar --pubkey "$keys/site.pub"
    [ "$(sort open-hub/tokens)" = "GET anonymous rancher/agent-instance:pull
GET anonymous rancher/agent:pull
GET anonymous rancher/server:pull" ]
}

@test "tokens: who may not pull is told so, with the file that was looked at" {
    address=$(token_registry shut-hub --user joe:secret)
    drover 5 bundle v1.0.2 --from "$address" -o b.tar --key "$keys/site.key"
    says_error "there is no '$HOME/.docker/config.json'"
    login other.test:5000 joe:secret
    drover 5 bundle v1.0.2 --from "$address" -o b.tar --key "$keys/site.key"
    says_error "'$HOME/.docker/config.json' has no login for '$address'"
    login "$address" joe:wrong
    drover 5 bundle v1.0.2 --from "$address" -o b.tar --key "$keys/site.key"
    says_error "refuses user 'joe'"
    login "$address" joe:secret
    drover bundle v1.0.2 --from "$address" -o b.tar --key "$keys/site.key"
}

@test "tokens: a push logs in, and mounts with the right to both repositories" {
    address=$(token_registry site-push --user joe:secret --open)
    drover 5 mirror "$keys/release.tar" "$address" --pubkey "$keys/site.pub"
    says_error "it refuses the token"
    login "$address" joe:secret
    drover mirror "$keys/release.tar" "$address" --pubkey "$keys/site.pub"
    says_error "1 mounted from a neighbour"
    # One token for both; the registry names repositories and rights in any order.
    sed 's/push,pull/pull,push/g' site-push/tokens >tokens
    grep '^GET joe ' tokens | grep -F ' rancher/server:pull,push' | grep -qE ' rancher/agent:pull( |$)'
    drover mirror "$keys/release.tar" "$address" --pubkey "$keys/site.pub"
    says_error "0 sent"
}

@test "tokens: one that ends in the middle of a download is renewed" {
    make_image "$hub" slow/image:1 --layers 3M,3M,3M,3M,3M,3M,3M,3M,3M,3M,3M,3M --seed slow
    address=$(token_registry short-hub --open --seconds 2)
    slow=$(odd slow "$address")
    drover bundle slow/image:1 --from "$slow" -o b.tar --key "$keys/site.key"
    drover verify b.tar --pubkey "$keys/site.pub"
    renewed=$(wc -l <short-hub/tokens)
    [ "$renewed" -ge 2 ]
    [ "$renewed" -le 6 ] # those at work share what one of them got
}

@test "tokens: an identity token is traded in" {
    address=$(token_registry oauth-hub --user joe:secret)
    mkdir .docker
    printf '{"auths":{"%s":{"auth":"%s","identitytoken":"refresh-joe"}}}' "$address" \
        "$(printf joe: | base64)" >.docker/config.json
    drover bundle rancher/agent:v1.0.1 --from "$address" -o b.tar --key "$keys/site.key"
    [ "$(cat oauth-hub/tokens)" = "POST joe rancher/agent:pull" ]
}

@test "a credential helper is asked when the registry wants a login" {
    address=$(token_registry helped-hub --user joe:secret)
    mkdir bin .docker
    cat >bin/docker-credential-vault <<'END'
#!/bin/sh
echo "$1 $(cat)" >>"$HOME/asked"
echo '{"ServerURL":"x","Username":"joe","Secret":"secret"}'
END
    chmod +x bin/docker-credential-vault
    PATH=$PWD/bin:$PATH
    echo '{"credsStore":"vault"}' >.docker/config.json
    drover bundle rancher/agent:v1.0.1 --from "$hub" -o a.tar --key "$keys/site.key"
    [ ! -e asked ]
    drover bundle rancher/agent:v1.0.1 --from "$address" -o b.tar --key "$keys/site.key"
    [ "$(cat asked)" = "get $address" ]
    printf '#!/bin/sh\necho the vault is sealed\nexit 1\n' >bin/docker-credential-vault
    drover 5 bundle rancher/agent:v1.0.1 --from "$address" -o c.tar --key "$keys/site.key"
    says_error "docker-credential-vault: it failed: the vault is sealed"
}

@test "a login of podman's for a namespace" {
    registry_start basic --htpasswd joe:secret --data "$HARNESS_DIR/registry/hub/data"
    address=$(registry_address basic)
    printf '{"auths":{"%s/rancher":{"auth":"%s"}}}' "$address" "$(printf joe:secret | base64)" \
        >auth.json
    REGISTRY_AUTH_FILE=auth.json drover bundle rancher/agent:v1.0.1 --from "$address" -o b.tar \
        --key "$keys/site.key"
    printf '{"auths":{"%s/other":{"auth":"%s"}}}' "$address" "$(printf joe:secret | base64)" \
        >auth.json
    REGISTRY_AUTH_FILE=auth.json drover 5 bundle rancher/agent:v1.0.1 --from "$address" -o c.tar \
        --key "$keys/site.key"
    says_error "'auth.json' has no login for '$address'"
    registry_stop basic
}

@test "a client certificate out of certs.d, on the way out and on the way in" {
    registry_start locked --tls --data "$HARNESS_DIR/registry/hub/data"
    registry_stop locked
    folder=$HARNESS_DIR/registry/locked
    address=locked.test:$(<"$folder/port")
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=drover" \
        -keyout client.key -out client.csr 2>/dev/null
    openssl x509 -req -in client.csr -days 2 -CAcreateserial -CA "$folder/ca.crt" \
        -CAkey "$folder/ca.key" -out client.cert 2>/dev/null
    # Whoever has no certificate gets no handshake, so the harness cannot see that it answers.
    registry_config "$(<"$folder/port")" "$folder" >"$folder/config.yml"
    registry_tls locked "$folder"
    sed -i "/^  tls:$/a\    clientcas: [$folder/ca.crt]" "$folder/config.yml"
    process_start registry-locked docker-registry serve "$folder/config.yml"
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$(<"$folder/port")"
    fetch=(bundle rancher/agent:v1.0.1 --from "$address" -o b.tar --key "$keys/site.key")
    drover 4 "${fetch[@]}" --ca-cert "$(registry_ca locked)"
    says_error certificate
    mkdir -p "/etc/docker/certs.d/$address"
    cp "$folder/ca.crt" client.cert client.key "/etc/docker/certs.d/$address"
    drover "${fetch[@]}"
    drover mirror b.tar "$address/copy" --pubkey "$keys/site.pub"
    rm "/etc/docker/certs.d/$address/client.key"
    drover 3 "${fetch[@]}" --force
    says_error "client.key"
    registry_stop locked
}

# asked_once: the last run did not try again.
asked_once() {
    [[ $stderr != *trying\ again* && $stderr != *tried* ]]
}

@test "what can't get better is not tried again: unknown authority, another name, no such name" {
    registry_start safe --tls --data "$HARNESS_DIR/registry/hub/data"
    port=$(<"$HARNESS_DIR/registry/safe/port")
    fetch=(bundle rancher/agent:v1.0.1 -o b.tar --key "$keys/site.key" -v)
    drover 4 "${fetch[@]}" --from "safe.test:$port"
    says_error "give its CA with --ca-cert"
    asked_once
    echo "$HARNESS_HOST other.test" >>/etc/hosts
    drover 4 "${fetch[@]}" --from "other.test:$port" --ca-cert "$(registry_ca safe)"
    says_error "other.test"
    asked_once
    drover 4 "${fetch[@]}" --from "unknown.test:$port"
    says_error "check the name"
    asked_once
    registry_stop safe
}

# proxy_start NAME [USER:PASSWORD]: its requests are lines of the file NAME; prints HOST:PORT.
proxy_start() {
    local port
    port=$(free_port 5900)
    process_start "proxy-$1-$port" "$harness_helpers/proxy" "$port" "$PWD/$1" "${@:2}"
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$port"
    printf '127.0.0.1:%s\n' "$port"
}

@test "through a proxy: TLS, plain HTTP where it is allowed, its own login, and no_proxy" {
    unset no_proxy NO_PROXY
    registry_start far --tls --data "$HARNESS_DIR/registry/hub/data"
    far=far.test:$(<"$HARNESS_DIR/registry/far/port")
    fetch=(bundle rancher/agent:v1.0.1 -o b.tar --key "$keys/site.key" --force)
    https_proxy=http://$(proxy_start tls) http_proxy=http://127.0.0.1:1 \
        drover "${fetch[@]}" --from "$far" --ca-cert "$(registry_ca far)"
    grep -q "^CONNECT $far$" tls
    plain=hub.test:${hub#*:}
    http_proxy=http://$(proxy_start plain) \
        drover "${fetch[@]}" --from "$plain" --insecure-registry "$plain"
    grep -q "^HEAD http://$plain/v2/rancher/agent/manifests/v1.0.1$" plain
    # Loopback never, and what no_proxy names neither.
    http_proxy=http://127.0.0.1:1 drover "${fetch[@]}" --from "$hub"
    https_proxy=http://127.0.0.1:1 no_proxy=.test \
        drover "${fetch[@]}" --from "$far" --ca-cert "$(registry_ca far)"
    strict=$(proxy_start strict ann:secret)
    https_proxy=http://$strict drover 4 "${fetch[@]}" --from "$far" --ca-cert "$(registry_ca far)"
    says_error 407
    https_proxy=http://ann:secret@$strict \
        drover "${fetch[@]}" --from "$far" --ca-cert "$(registry_ca far)"
    https_proxy=http://no-such-proxy.test:3128 \
        drover 4 "${fetch[@]}" --from "$far" --ca-cert "$(registry_ca far)"
    says_error "check https_proxy"
    registry_stop far
}

# Docker Hub, played by the registry of these tests.
hub_start() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=registry-1.docker.io" -addext "subjectAltName=DNS:registry-1.docker.io" \
        -keyout hub.key -out hub.crt 2>/dev/null
    mkdir -p /etc/docker/certs.d/docker.io
    cp hub.crt /etc/docker/certs.d/docker.io/ca.crt
    grep -q registry-1 /etc/hosts || echo "127.0.0.1 registry-1.docker.io" >>/etc/hosts
    process_start docker-hub "$harness_helpers/odd-registry" 443 "$hub" none "$PWD/hub.crt" \
        "$PWD/hub.key"
    wait_until 10 bash -c ": </dev/tcp/127.0.0.1/443"
}

@test "a mirror of Docker Hub is asked first, and Docker Hub for the rest" {
    hub_start
    registry_start near
    near=$(registry_address near)
    make_image "$near" rancher/agent:v1.0.1 --layers 9K --seed near
    drover bundle v1.0.2 --hub-mirror "$near" -o b.tar --key "$keys/site.key"
    says_error "rancher/server:v1.0.2 is not from the mirror: "
    drover inspect b.tar --json
    for row in "agent:v1.0.1 $near" "server:v1.0.2 $hub"; do
        [ "$(jq -r ".images[] | select(.ref == \"docker.io/rancher/${row% *}\").digest" \
            <<<"$output")" = "$(manifest_digest "${row#* }" "rancher/${row% *}")" ]
    done
    registry_stop near
    drover bundle v1.0.2 --hub-mirror "$near" -o b.tar --key "$keys/site.key" --force
    [ "$(grep -c "is not from the mirror" <<<"$stderr")" -eq 1 ] # once is enough
    drover 2 bundle v1.0.2 --hub-mirror "$near" --from "$hub" -o c.tar --key "$keys/site.key"
    process_stop docker-hub
}

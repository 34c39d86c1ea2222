#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The portable executable where there is nothing, and where what is there is hostile: no files, no environment, a
# foreign libc's settings; names from hosts files and name servers; authorities of the host and of one's own.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub --tls)
    plain=$(registry_start plain)
    export hub plain files=$BATS_FILE_TMPDIR
    cd "$files" || return
    make_image "$plain" site/image:1 --layers 300K,1K --seed plain
    "$DROVER" key new -o site.key --no-passphrase
    "$DROVER" bundle site/image:1 --from "$plain" -o b.tar --key site.key
    make_release "$plain"
    "$DROVER" bundle v1.0.2 --from "$plain" -o release.tar --key site.key
    "$DROVER" mirror b.tar "$hub" --ca-cert "$(registry_ca hub)" --pubkey site.pub
    process_start names "$harness_helpers/name-server" 127.0.0.53 "hub.test=$HARNESS_HOST" "plain.test=$HARNESS_HOST"
    process_start refusal "$harness_helpers/name-server" --refuse 127.0.0.52 "hub.test=$HARNESS_HOST"
    process_start silence "$harness_helpers/name-server" --silent 127.0.0.54
}

teardown_file() {
    harness_end
}

setup() {
    root=$BATS_TEST_TMPDIR/root
    empty_root "$root"
}

# put NAME: stdin becomes that file of the root folder.
put() {
    mkdir -p "$(dirname "$root/$1")"
    cat >"$root/$1"
}

trust_hub() {
    put etc/ssl/certs/ca-certificates.crt <"$(registry_ca hub)"
}

# ask [STATUS] HOST:PORT [OPTION…]: something that takes a name, a connection and a certificate.
ask() {
    local expected=()
    if [[ $1 =~ ^[0-9]+$ ]]; then
        expected=("$1")
        shift
    fi
    in_root "$root" "${expected[@]}" bundle site/image:1 --dry-run --from "$@"
}

@test "static, small, and it starts in a moment" {
    run -0 "$BATS_TEST_DIRNAME/../../portable/check" "$DROVER"
    run -0 file "$DROVER"
    says "statically linked"
    run -0 env -i "$DROVER" --version
    says "drover "
    # The best of several runs says what it takes; how busy this machine is, the others.
    run -0 python3 - "$DROVER" <<'END'
import subprocess, sys, time
best = 1.0
for _ in range(50):
    begin = time.perf_counter()
    subprocess.run([sys.argv[1], "--version"], stdout=subprocess.DEVNULL, env={}, check=True)
    best = min(best, time.perf_counter() - begin)
print(f"{best * 1000:.2f} ms")
sys.exit(best > 0.005)
END
}

@test "an empty root folder: everything that needs no network" {
    cp "$files/b.tar" "$files/site.pub" "$root"
    in_root "$root" verify /b.tar --pubkey /site.pub
    in_root "$root" inspect /b.tar
    says "docker.io/site/image:1"
    in_root "$root" releases v1.0.2
    in_root "$root" verify --help
    in_root "$root" key new -o /new.key --no-passphrase
    [ "$(openssl pkey -in "$root/new.key" -pubout)" = "$(cat "$root/new.pub")" ]
    printf 'a word' >"$root/word"
    in_root "$root" key new -o /shut.key --passphrase-file /word
    openssl pkey -in "$root/shut.key" -passin pass:'a word' -noout
    run ! openssl pkey -in "$root/shut.key" -passin pass:other -noout
}

@test "a key with a passphrase that openssl made" {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc -pass pass:word -out "$root/pbes2.key"
    openssl genpkey -algorithm ED25519 -aes-128-cbc -pass pass:word -out "$root/ed.key"
    openssl ecparam -name prime256v1 -genkey -noout | openssl ec -aes256 -passout pass:word -out "$root/old.key"
    printf word >"$root/word"
    for key in pbes2 ed old; do
        in_root "$root" key pub "/$key.key" -o "/$key.pub" --passphrase-file /word
        [ "$(openssl pkey -in "$root/$key.key" -passin pass:word -pubout)" = "$(cat "$root/$key.pub")" ]
    done
}

@test "HTTPS: the host's authorities, one's own besides them, and nobody else" {
    printf '%s hub.test\n' "$HARNESS_HOST" | put etc/hosts
    ask 4 "hub.test:${hub#*:}"
    says_error "its certificate is not trusted here"
    trust_hub
    ask "hub.test:${hub#*:}"
    says "docker.io/site/image:1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other \
        -keyout other.key -out "$root/other.crt" 2>/dev/null
    ask "hub.test:${hub#*:}" --ca-cert /other.crt # added to the host's, not instead of them
    mv "$root/etc/ssl/certs/ca-certificates.crt" "$root/hub.crt"
    ask 4 "hub.test:${hub#*:}" --ca-cert /other.crt
    ask "hub.test:${hub#*:}" --ca-cert /hub.crt
    environment=(SSL_CERT_FILE=/hub.crt)
    ask "hub.test:${hub#*:}"
    ask "hub.test:${hub#*:}" --ca-cert /other.crt
    mkdir "$root/hashed"
    mv "$root/hub.crt" "$root/hashed/$(openssl x509 -in "$root/hub.crt" -noout -hash).0"
    environment=(SSL_CERT_DIR=/none:/hashed)
    ask "hub.test:${hub#*:}"
    ask "hub.test:${hub#*:}" --ca-cert /other.crt
    environment=()
    ask 4 "hub.test:${hub#*:}"
    ask "hub.test:${hub#*:}" --insecure-registry "hub.test:${hub#*:}"
}

@test "HTTPS: where other distributions keep their authorities" {
    printf '%s hub.test\n' "$HARNESS_HOST" | put etc/hosts
    for place in pki/tls/certs/ca-bundle.crt ssl/ca-bundle.pem ssl/cert.pem \
        pki/ca-trust/extracted/pem/tls-ca-bundle.pem; do
        rm -rf "$root"/etc/{pki,ssl}
        put "etc/$place" <"$(registry_ca hub)"
        ask "hub.test:${hub#*:}"
    done
}

@test "names: a name server, one that refuses AAAA, search domains, addresses, localhost" {
    trust_hub
    ask 4 "hub.test:${hub#*:}"
    says_error "check the name"
    printf 'nameserver 127.0.0.52\n' | put etc/resolv.conf
    ask "hub.test:${hub#*:}"
    printf 'search nowhere.test test\nnameserver 127.0.0.53\n' | put etc/resolv.conf
    ask "hub.test:${hub#*:}"
    ask "plain:${plain#*:}" --insecure-registry "plain:${plain#*:}"
    ask 4 "gone.test:${hub#*:}"
    ask "$HARNESS_HOST:${hub#*:}"
    ask "localhost:${plain#*:}"
}

@test "names: the second name server, when the first is dead" {
    trust_hub
    printf 'nameserver 127.0.0.54\nnameserver 127.0.0.53\n' | put etc/resolv.conf
    ask "hub.test:${hub#*:}"
}

@test "names: the hosts file comes first, whatever nsswitch.conf says and however dead the name server is" {
    trust_hub
    printf '%s hub.test\n' "$HARNESS_HOST" | put etc/hosts
    printf 'nameserver 127.0.0.54\n' | put etc/resolv.conf
    for order in 'mymachines resolve [!UNAVAIL=return] files myhostname dns' 'dns files' \
        'files mdns4_minimal [NOTFOUND=return] dns' 'sss' ''; do
        printf 'passwd: files sss\nhosts: %s\n' "$order" | put etc/nsswitch.conf
        printf 'order bind,hosts\n' | put etc/host.conf
        SECONDS=0
        ask "hub.test:${hub#*:}"
        [ "$SECONDS" -lt 4 ]
    done
}

@test "a hostile openssl.cnf and hostile locales change nothing" {
    printf '%s hub.test\n' "$HARNESS_HOST" | put etc/hosts
    trust_hub
    put usr/lib/ssl/openssl.cnf <<'END'
openssl_conf = init
[init]
providers = all
ssl_conf = ssl
[all]
evil = evil
[evil]
module = /evil.so
activate = 1
[ssl]
system_default = tls
[tls]
MinProtocol = None
CipherString = none
END
    cp "$root/usr/lib/ssl/openssl.cnf" "$root/etc/ssl/openssl.cnf"
    cp "$files/b.tar" "$files/site.pub" "$root"
    for environment in OPENSSL_CONF=/etc/ssl/openssl.cnf OPENSSL_MODULES=/ LC_ALL=de_DE.ISO-8859-1 \
        LANG=ja_JP.eucJP LC_ALL=tr_TR.UTF-8 TZ=CET-1CEST; do
        environment=("$environment")
        ask "hub.test:${hub#*:}"
        in_root "$root" verify /b.tar --pubkey /site.pub
        [ -z "$stderr" ] || says_error "verified"
    done
}

@test "the same bundle, byte for byte, as the ordinary build's" {
    mkdir "$root/etc"
    export SOURCE_DATE_EPOCH=1500000000
    "$ORDINARY" bundle site/image:1 --from "$plain" -o "$files/ordinary.tar" --unsigned
    environment=(SOURCE_DATE_EPOCH=1500000000)
    in_root "$root" bundle site/image:1 --from "127.0.0.1:${plain#*:}" -o /portable.tar --unsigned
    cmp "$files/ordinary.tar" "$root/portable.tar"
}

@test "FROM scratch in an engine, with the engine's own socket" {
    engine_start
    cp "$files/b.tar" "$files/site.pub" "$root"
    printf 'FROM scratch\nCOPY . /\nENTRYPOINT ["/drover"]\n' >"$root/Dockerfile"
    DOCKER_BUILDKIT=0 docker build -q -t drover "$root"
    run -0 docker run --rm drover verify /b.tar --pubkey /site.pub
    cp "$(registry_ca hub)" "$BATS_TEST_TMPDIR/hub.crt"
    run -0 docker run --rm --add-host "hub.test:$HARNESS_HOST" -v "$BATS_TEST_TMPDIR/hub.crt:/etc/ssl/cert.pem:ro" \
        drover bundle site/image:1 --dry-run --from "hub.test:${hub#*:}"
    says "docker.io/site/image:1"
    # It has asked the engine for its containers, and none is a Rancher server.
    cp "$files/release.tar" "$BATS_TEST_TMPDIR"
    run -6 --separate-stderr docker run --rm -v "$(engine_socket):/var/run/docker.sock" -v "$BATS_TEST_TMPDIR:/b:ro" \
        drover apply /b/release.tar --registry "$plain" --pubkey /site.pub --dry-run
    says_error "no container on this engine is a Rancher server"
}

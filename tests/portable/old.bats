#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# takes long
# needs: bullseye
#
# On a host that is older than what drover is built on: Debian 11, with the settings that make a static glibc load
# modules of its host, and a kernel without the calls that are younger than Linux 3.10.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub --tls)
    plain=$(registry_start plain)
    export hub plain files=$BATS_FILE_TMPDIR host=$BATS_FILE_TMPDIR/host
    make_release "$plain"
    cd "$files" || return
    "$ORDINARY" key new -o site.key --no-passphrase
    "$ORDINARY" bundle v1.0.2 --from "$plain" -o release.tar --key site.key
    mkdir upper host
    mount -t tmpfs tmpfs upper
    mkdir upper/{upper,work}
    mount -t overlay -o "lowerdir=$BULLSEYE/root,upperdir=upper/upper,workdir=upper/work" overlay host
    mount --bind /dev host/dev
    cp "$DROVER" host/drover
    cp "$OLD_KERNEL" host/old-kernel
    cp "$(command -v qemu-x86_64-static)" host/qemu
    cp release.tar site.pub site.key host
    mkdir -p host/usr/local/share/ca-certificates host/etc/ssl/certs
    cp "$(registry_ca hub)" host/etc/ssl/certs/ca-certificates.crt
    printf '127.0.0.1 localhost\n%s hub.test\n' "$HARNESS_HOST" >host/etc/hosts
    printf 'nameserver 127.0.0.54\n' >host/etc/resolv.conf
    process_start silence "$harness_helpers/name-server" --silent 127.0.0.54
}

teardown_file() {
    umount -l "$host" "$files/upper"
    harness_end
}

# on_host COMMAND…: in Debian 11, with success.
on_host() {
    run env -i "${environment[@]}" /usr/sbin/chroot "$host" "$@"
    if ((status != 0)); then
        printf 'on the host: %s\nended with %s:\n%s\n' "$*" "$status" "$output"
        return 1
    fi
}

# the_road PREFIX [COMMAND…]: drover, run by that command: there and back again over HTTPS, and everything verified.
the_road() {
    local there=hub.test:${hub#*:}/$1
    shift
    rm -f "$host/b.tar"
    on_host "$@" /drover mirror /release.tar "$there" --pubkey /site.pub
    on_host "$@" /drover audit /release.tar "$there" --pubkey /site.pub
    on_host "$@" /drover bundle v1.0.2 --from "$there" -o /b.tar --key /site.key
    on_host "$@" /drover verify /b.tar --pubkey /site.pub
    says "every byte checked"
    "$ORDINARY" verify "$host/b.tar" --pubkey "$files/site.pub"
}

@test "Debian 11" {
    [ "$(cut -d. -f1 "$host/etc/debian_version")" = 11 ]
    the_road plain
}

@test "Debian 11 with modules in nsswitch.conf, openssl.cnf and locales" {
    printf 'passwd: files sss\ngroup: files sss\nhosts: files mdns4_minimal [NOTFOUND=return] resolve dns\n' \
        >"$host/etc/nsswitch.conf"
    sed -i '1i openssl_conf = evil\n[evil]\nproviders = all\n[all]\nmodule = /evil.so\nactivate = 1' \
        "$host/etc/ssl/openssl.cnf" 2>/dev/null || printf 'openssl_conf = none\n' >"$host/etc/ssl/openssl.cnf"
    environment=(LANG=ja_JP.eucJP LC_ALL=de_DE.ISO-8859-1)
    the_road hostile
}

@test "Linux 3.10: the system calls that it has" {
    the_road calls /old-kernel
}

@test "Linux 3.10: also by name, on a processor without anything new" {
    the_road name /old-kernel /qemu -r 3.10.0 -cpu core2duo
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The build for 64-bit ARM, by an emulator of its processor: what it writes is what the ordinary build writes, over
# HTTPS too; and it travels in the bundle of an x86-64 drover.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    hub=$(registry_start hub --tls)
    plain=$(registry_start plain)
    export hub plain files=$BATS_FILE_TMPDIR
    make_release "$plain"
    cd "$files" || return
    "$ORDINARY" key new -o site.key --no-passphrase
    "$ORDINARY" bundle v1.0.2 --from "$plain" -o release.tar --key site.key
}

teardown_file() {
    harness_end
}

# arm ARG…: in an empty root folder with that emulator, the bundle and the keys.
arm() {
    local root=$files/root
    if [[ ! -e $root ]]; then
        mkdir -p "$root"/{etc/ssl/certs,dev}
        cp "$(command -v qemu-aarch64-static)" "$root/qemu"
        cp "$DROVER" "$root/drover"
        cp "$files"/{release.tar,site.key,site.pub} "$root"
        cp "$(registry_ca hub)" "$root/etc/ssl/certs/ca-certificates.crt"
        printf '%s hub.test\n' "$HARNESS_HOST" >"$root/etc/hosts"
    fi
    run env -i "${environment[@]}" /usr/sbin/chroot "$root" /qemu /drover "$@"
    if ((status != 0)); then
        printf 'on ARM: drover %s\nended with %s:\n%s\n' "$*" "$status" "$output"
        return 1
    fi
}

@test "static, small, for ARM" {
    run -0 "$BATS_TEST_DIRNAME/../../portable/check" "$DROVER"
    run -0 file "$DROVER"
    says "ARM aarch64"
    says "statically linked"
    arm --version
    says "drover "
}

@test "verify, mirror and audit over HTTPS, bundle" {
    arm verify /release.tar --pubkey /site.pub
    says "every byte checked"
    arm mirror /release.tar "hub.test:${hub#*:}" --pubkey /site.pub
    arm audit /release.tar "hub.test:${hub#*:}" --pubkey /site.pub
    export SOURCE_DATE_EPOCH=1500000000
    environment=("SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH")
    "$ORDINARY" bundle v1.0.2 --from "$plain" -o "$files/ordinary.tar" --unsigned
    arm bundle v1.0.2 --from "hub.test:${hub#*:}" -o /arm.tar --unsigned
    cmp "$files/ordinary.tar" "$files/root/arm.tar"
    arm bundle v1.0.2 --from "hub.test:${hub#*:}" -o /signed.tar --key /site.key
    "$ORDINARY" verify "$files/root/signed.tar" --pubkey "$files/site.pub"
}

@test "it travels along, by its path" {
    cd "$files"
    run -0 "$ORDINARY" bundle v1.0.2 --from "$plain" -o both.tar --key site.key --with-tool="$DROVER"
    says "drover-aarch64"
    tar -xOf both.tar drover-aarch64 | cmp - "$DROVER"
    "$ORDINARY" verify both.tar --pubkey site.pub
}

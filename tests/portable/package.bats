#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The Debian package with the static executable, on a whole Debian that is older than every library that drover needs: it
# installs, works, and removes cleanly.
# needs: bullseye
# takes long

load common

setup_file() {
    harness_begin
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir upper work root
    mount -t overlay -o "lowerdir=$BULLSEYE/root,upperdir=$PWD/upper,workdir=$PWD/work" overlay root
    mount -t proc proc root/proc
}

teardown() {
    umount root/proc root
}

# What is there besides dpkg's own records.
files() {
    (cd root && find . -xdev -not -path './var/lib/dpkg*' -not -path './var/log/*' -not -path './var/cache/*' \
        -not -path './proc*' | sort)
}

@test "the package installs on Debian 11, works there, and leaves nothing but the state folder" {
    source=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cmake -S "$source" -B build -G Ninja -DDROVER_TESTS=OFF -DDROVER_EXECUTABLE="$DROVER" --log-level=ERROR
    cmake --build build
    cpack --config build/CPackConfig.cmake -G DEB -B "$PWD/packed"
    cp packed/*.deb root/drover.deb
    files >before
    chroot root dpkg -i /drover.deb
    [ "$(chroot root drover --version)" = "$("$DROVER" --version)" ]
    chroot root drover releases v1.0.2
    chroot root bash --norc -c 'source /usr/share/bash-completion/completions/drover; complete -p drover'
    chroot root zcat /usr/share/man/man1/drover-apply.1.gz | grep -q 'upgrade Rancher on this host'
    mkdir -p root/var/lib/drover/backups
    touch root/var/lib/drover/backups/kept.tar.gz
    chroot root dpkg -P drover
    files >after
    [ "$(comm -13 before after)" = $'./var/lib/drover\n./var/lib/drover/backups\n./var/lib/drover/backups/kept.tar.gz' ]
    [ -z "$(comm -23 before after)" ]
}

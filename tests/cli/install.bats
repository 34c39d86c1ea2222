#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cmake --install and the Debian package: what is in them, where, and that what was installed can be removed.

load common

setup_file() {
    harness_begin
}

teardown_file() {
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

@test "cmake --install puts everything where the shells, man and systemd look" {
    cmake --install "$BUILD_FOLDER" --prefix "$PWD/root/usr" >/dev/null
    cd root/usr
    [ "$(bin/drover --version)" = "$("$DROVER" --version)" ]
    for command in $("$DROVER" --help | awk '/^  [a-z]/ { print $1 }'); do
        [ -s "share/man/man1/drover-$command.1" ]
    done
    [ -s share/man/man1/drover.1 ]
    cmp share/bash-completion/completions/drover <("$DROVER" completion bash)
    cmp share/zsh/site-functions/_drover <("$DROVER" completion zsh)
    cmp share/fish/vendor_completions.d/drover.fish <("$DROVER" completion fish)
    grep -q '^d /var/lib/drover 0700 root root -$' lib/tmpfiles.d/drover.conf
    [ -s share/doc/drover/docs/trust.md ]
    for page in share/doc/drover/README.md share/doc/drover/docs/*.md; do
        for link in $(grep -v '^    ' "$page" | grep -oP '\]\(\K[^)# ]+' | grep -v '^https\?:'); do
            [ -s "$(dirname "$page")/$link" ] || { echo "$page: $link is not installed"; return 1; }
        done
    done
    DROVER_CONFIG=$PWD/share/doc/drover/examples/drover.conf drover config
    says "http://rancher.site:8080"
}

@test "the example configuration is one that drover takes" {
    DROVER_CONFIG=$SOURCE_FOLDER/packaging/drover.conf drover config
    says "registry.site:5000"
    says "apply.backup-dir"
}

package() {
    cp -a "$BUILD_FOLDER/CPackConfig.cmake" .
    cpack --config CPackConfig.cmake -G DEB -B "$PWD/packed" >cpack.log 2>&1 || { cat cpack.log; return 1; }
    deb=$(echo packed/*.deb)
    [ -s "$deb" ]
}

@test "the Debian package: names, versions, dependencies, permissions" {
    package
    version=$("$DROVER" --version)
    [ "$(dpkg-deb -f "$deb" Package)" = drover ]
    [ "$(dpkg-deb -f "$deb" Version)" = "${version#drover }" ]
    [ "$(dpkg-deb -f "$deb" Architecture)" = "$(dpkg --print-architecture)" ]
    depends=$(dpkg-deb -f "$deb" Depends)
    for library in libarchive13 libcurl4 libjansson4 libssl3 zlib1g libc6; do
        [[ $depends == *"$library ("* ]]
    done
    dpkg-deb -x "$deb" out
    zcat out/usr/share/doc/drover/changelog.gz | grep -q "^drover (${version#drover }) "
    zcat out/usr/share/man/man1/drover-apply.1.gz | grep -q "upgrade Rancher on this host"
    [ -s out/usr/share/zsh/vendor-completions/_drover ]
    [ -s out/usr/share/doc/drover/copyright ]
    # No folder or file that others than root could write, nothing of somebody else's.
    [ -z "$(dpkg-deb -c "$deb" | awk '$1 ~ /^.(.....w|........w)/ || $2 != "root/root"')" ]
    (cd out && dpkg-deb -e "../$deb" ctl && md5sum --quiet -c ctl/md5sums)
}

@test "it installs, and removes all that it installed but the state folder" {
    package
    mkdir -p root/var/lib/dpkg/{info,updates,triggers} root/var/lib/drover/backups
    : >root/var/lib/dpkg/status
    touch root/var/lib/drover/backups/kept.tar.gz
    dpkg --root="$PWD/root" --force-depends --force-script-chrootless --log=/dev/null -i "$deb"
    [ "$(root/usr/bin/drover --version)" = "$("$DROVER" --version)" ]
    dpkg --root="$PWD/root" --force-script-chrootless --log=/dev/null -P drover
    [ ! -e root/usr/bin/drover ]
    [ -z "$(find root/usr -type f)" ]
    [ -e root/var/lib/drover/backups/kept.tar.gz ]
}

@test "given a static executable, the package carries it and depends on nothing" {
    printf '#include <stdio.h>\nint main(void){puts("drover static");return 0;}\n' >static.c
    gcc -static -o static static.c
    cmake -S "$SOURCE_FOLDER" -B other -G Ninja -DDROVER_TESTS=OFF -DDROVER_EXECUTABLE="$PWD/static" --log-level=ERROR
    cp "$BUILD_FOLDER"/packaging/*.1 "$BUILD_FOLDER"/packaging/completion.* other/packaging/
    cpack --config other/CPackConfig.cmake -G 'DEB;TGZ' -B "$PWD/packed" >cpack.log 2>&1 || { cat cpack.log; return 1; }
    deb=$(echo packed/*.deb)
    [ -z "$(dpkg-deb -f "$deb" Depends)" ]
    dpkg-deb -x "$deb" out
    cmp out/usr/bin/drover static
    grep -q statically-linked-binary out/usr/share/lintian/overrides/drover
    tar -xzf packed/*.tar.gz
    cmp drover-*/bin/drover static
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# takes long
# needs: kept
#
# The portable build without a network, from kept sources: in another folder it gives the same bytes; and what is not
# what sources.lock says is not used.

load common
: "${harness_helpers:?}" # from common

setup_file() {
    harness_begin
    export top=$BATS_TEST_DIRNAME/../..
}

teardown_file() {
    harness_end
}

# sources [STATUS] ARG…
sources() {
    local expected=0
    if [[ $1 =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    run "$top/portable/sources" "$@"
    if ((status != expected)); then
        printf 'portable/sources %s\nended with %s, not %s:\n%s\n' "$*" "$status" "$expected" "$output"
        return 1
    fi
}

@test "no network and nothing kept: it ends with 75 and says what to do" {
    sources 75 get "$BATS_TEST_TMPDIR/trees" zlib
    [ ! -e "$BATS_TEST_TMPDIR/trees/zlib" ]
    says "portable/sources"
}

@test "a kept source is checked like any other" {
    cp -r "$KEPT" "$BATS_TEST_TMPDIR/kept"
    cd "$BATS_TEST_TMPDIR/kept"
    sources --kept . get "$BATS_TEST_TMPDIR/trees" zlib
    mkdir zlib
    tar -xJf zlib_*.slim.tar.xz -C zlib
    echo '/* more */' >>zlib/inflate.c
    tar -cJf zlib_*.slim.tar.xz -C zlib .
    sources 1 --kept . get "$BATS_TEST_TMPDIR/others" zlib
    says "portable/sources.lock says"
    [ ! -e "$BATS_TEST_TMPDIR/others/zlib" ]
    head -c 1000 "$KEPT"/jansson_*.xz >jansson_2.14-2.slim.tar.xz
    run "$top/portable/sources" --kept . get "$BATS_TEST_TMPDIR/others" jansson
    [ "$status" -ne 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/others/jansson" ]
}

@test "another folder, the same bytes" {
    cd "$BATS_TEST_TMPDIR"
    cmake -S "$top" -B elsewhere -G Ninja --log-level=NOTICE -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=musl-gcc \
        -DDROVER_PORTABLE=ON -DDROVER_TESTS=OFF -DDROVER_SOURCES="$KEPT"
    cmake --build elsewhere --parallel "$(nproc)" --target drover >build.log 2>&1 || { tail -n 30 build.log && false; }
    cmp elsewhere/drover "$DROVER"
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What every bats file here begins with, besides what tests/cli/common.bash gives:
#
#   load common
#   setup_file() { harness_begin; }
#   teardown_file() { harness_end; }
#
# DROVER is the portable executable. SIM_BINARY, IMAGES and ORDINARY, the ordinary drover, come from a build with tests.
#
# shellcheck disable=SC2154 # bats sets status, output and stderr

# shellcheck source=tests/cli/common.bash
source "$(dirname "${BASH_SOURCE[0]}")/../cli/common.bash"

# empty_root FOLDER: a root folder with drover in it and nothing else.
empty_root() {
    mkdir "$1" || return
    cp --reflink=auto "$DROVER" "$1/drover"
}

# in_root FOLDER [STATUS] ARG…: drover there, without any environment, and expects this exit status (0).
in_root() {
    local root=$1 expected=0
    shift
    if [[ $1 =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    run --separate-stderr env -i "${environment[@]}" /usr/sbin/chroot "$root" /drover "$@"
    if ((status != expected)); then
        printf 'in the root folder: drover %s\nended with %s, not %s\n--- stdout\n%s\n--- stderr\n%s\n' \
            "$*" "$status" "$expected" "$output" "$stderr"
        return 1
    fi
}

# What a test sets for in_root: NAME=VALUE...
environment=()

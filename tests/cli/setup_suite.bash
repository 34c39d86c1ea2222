# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs once before all tests of a bats run. What is missing fails the run, it never skips a test.

setup_suite() {
    local tool
    if [[ -z ${DROVER_SEALED-} ]]; then
        echo "run it as: tests/helpers/sealed bats FILE…" >&2
        return 1
    fi
    for tool in docker dockerd docker-registry skopeo openssl sha256sum jq curl python3 tar \
        ${DROVER:+"$DROVER"} ${SIM_BINARY:+"$SIM_BINARY"}; do
        if ! command -v "$tool" >/dev/null; then
            echo "$tool is missing (tests/install installs what the tests need)" >&2
            return 1
        fi
    done
}

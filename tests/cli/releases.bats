#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover releases, and what bundles can be made of besides a release's own images.

load common

setup_file() { harness_begin; }
teardown_file() { harness_end; }

@test "all 65 releases are listed, with what apply covers" {
    drover releases
    [ "$(grep -c '^v1\.' <<<"$output")" -eq 65 ]
    [[ ${lines[1]} == "v1.0.0 "*" yes "* ]]
    [ "$(grep -c ' yes ' <<<"$output")" -eq 8 ]
    says_error "v1.0.0 to v1.1.4 only"
    drover releases --json
    jq -e 'length == 65 and (map(select(.apply)) | map(.release) | last == "v1.1.4")' <<<"$output"
    jq -e 'all(.images[0].role == "server" and (.images[0].image == "rancher/server:" + .release))' <<<"$output"
}

@test "one release: images with roles, groups, doubts, advice" {
    drover releases 1.1.2
    says "agent-instance    rancher/agent-instance:v0.8.3"
    says "kubernetes        rancher/k8s:v1.2.4-rancher9  *"
    says "'drover apply' upgrades to it"
    says "Remove a network agent through Rancher only"
    drover releases v1.6.14
    says "NOT 'drover apply'"
    says "load-balancer     rancher/lb-service-haproxy:v0.7.15"
    says "infrastructure    rancher/net:holder"
    says "registry.default must be set"
    drover releases --json v1.2.0
    jq -e '.apply == false and any(.images[]; .confidence == "medium") and (.advice | length > 3)' <<<"$output"
    drover 6 releases v1.7.0
    says_error "'v1.7.0' is not known"
    drover 2 releases v1.0.0 v1.0.1
}

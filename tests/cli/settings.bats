#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# drover.conf, the environment and the command line: who wins, what is refused, and that drover config tells the truth.

load common

setup_file() {
    harness_begin
    hub=$(registry_start hub)
    site=$(registry_start site)
    export hub site given=$BATS_FILE_TMPDIR
    make_release "$hub"
    cd "$given" || return
    for key in one two; do "$DROVER" key new -o $key.key --no-passphrase; done
    "$DROVER" bundle v1.0.2 --from "$hub" -o bundle.tar --key one.key
}

teardown_file() {
    rm -f /etc/drover/drover.conf
    harness_end
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    umask 022
    export HOME=$BATS_TEST_TMPDIR/home
    user=$HOME/.config/drover/drover.conf
    system=/etc/drover/drover.conf
    mkdir -p "$(dirname "$user")" /etc/drover
    rm -f "$system"
    unset DROVER_CONFIG DROVER_PUBKEY RANCHER_URL XDG_CONFIG_HOME
}

# in_force KEY: its value and where it comes from, as drover config has it.
in_force() {
    "$DROVER" config --json | jq -r --arg key "$1" '.settings[] | select(.in_force and
        ([.command // empty, .key] | join(".")) == $key) | (.value | join(",")) + " " + .from'
}

@test "without files and variables nothing is set" {
    drover config
    [ -z "$output" ]
    says_error "nothing is set"
    says_error "$user: not there"
    says_error "$system: not there"
}

@test "the key of a site is believed without being typed, by all that take it" {
    drover 2 verify "$given/bundle.tar"
    echo "{\"pubkey\": \"$given/one.pub\"}" >"$system"
    drover verify "$given/bundle.tar"
    drover inspect "$given/bundle.tar"
    [[ $stderr != *"NOT VERIFIED"* ]]
    echo "{\"pubkey\": [\"$given/two.pub\"]}" >"$system"
    drover 7 verify "$given/bundle.tar"
    drover 7 inspect "$given/bundle.tar"
    DROVER_CONFIG='' drover inspect "$given/bundle.tar"
    says_error "NOT VERIFIED"
}

@test "flags win over the environment, over the user's file, over the site's" {
    echo '{"settle": 1, "registry": "system:1", "parallel": 1, "state-dir": "/s"}' >"$system"
    [ "$(in_force settle)" = "1 $system" ]
    echo '{"settle": 2, "registry": "user:1", "parallel": 2}' >"$user"
    [ "$(in_force settle)" = "2 $user" ]
    export DROVER_SETTLE=3 DROVER_REGISTRY=variable:1
    [ "$(in_force settle)" = "3 DROVER_SETTLE" ]
    [ "$(in_force registry)" = "variable:1 DROVER_REGISTRY" ]
    [ "$(in_force parallel)" = "2 $user" ]
    [ "$(in_force state-dir)" = "/s $system" ]
    drover config -v
    says "$(printf '%-18s  %-32s  %s' settle 1 "$system  (not in force)")"
    drover config
    [[ $output != *"not in force"* ]]
    # And so they do in a command: what verify believes.
    echo "{\"pubkey\": \"$given/one.pub\"}" >"$system"
    echo "{\"pubkey\": \"$given/two.pub\"}" >"$user"
    drover 7 verify "$given/bundle.tar"
    DROVER_PUBKEY=$given/one.pub drover verify "$given/bundle.tar"
    DROVER_PUBKEY=$given/two.pub,$given/one.pub drover verify "$given/bundle.tar"
    DROVER_PUBKEY=$given/one.pub drover 7 verify "$given/bundle.tar" --pubkey "$given/two.pub"
    drover verify "$given/bundle.tar" --pubkey "$given/one.pub"
}

@test "what is set for one command is stronger in the same file, and weaker than a stronger file" {
    echo "{\"verify\": {\"pubkey\": \"$given/one.pub\"}, \"pubkey\": \"$given/two.pub\"}" >"$system"
    drover verify "$given/bundle.tar"
    drover 7 inspect "$given/bundle.tar"
    [ "$(in_force verify.pubkey)" = "$given/one.pub $system" ]
    [ "$(in_force pubkey)" = "$given/two.pub $system" ]
    echo "{\"pubkey\": \"$given/two.pub\"}" >"$user"
    drover 7 verify "$given/bundle.tar"
    [ -z "$(in_force verify.pubkey)" ]
}

@test "a bundle and a mirror with nothing typed but what changes" {
    printf '{"bundle": {"from": "%s", "key": "%s/one.key"}, "pubkey": "%s/one.pub", "registry": "%s/x"}' \
        "$hub" "$given" "$given" "$site" >"$user"
    drover bundle v1.0.2 -o b.tar
    drover mirror b.tar
    says "$site/x/rancher/server:v1.0.2"
    drover mirror b.tar "$site/y"
    says "$site/y/rancher/server:v1.0.2"
    drover bundle v1.0.2 -o c.tar --unsigned
    drover 4 bundle v1.0.2 -o d.tar --hub-mirror 127.0.0.1:1
    says_error 127.0.0.1:1
    mkdir -p trust/trust.d && cp "$given/two.pub" trust/trust.d/
    drover 7 verify b.tar --trust-dir trust --state-dir state
}

@test "a stronger place that names the trust-dir outdoes a pubkey, and a from a hub-mirror; of equal ones both count" {
    mkdir -p trust/trust.d && cp "$given/two.pub" trust/trust.d/
    one="\"pubkey\": \"$given/one.pub\"" folder="\"trust-dir\": \"$PWD/trust\"" state="\"state-dir\": \"$PWD/state\""
    echo "{$one, $state}" >"$user"
    DROVER_TRUST_DIR=$PWD/trust drover 7 verify "$given/bundle.tar"
    DROVER_TRUST_DIR=$PWD/trust drover config
    says_error "pubkey, set in $user, does not count for commands with --trust-dir, which DROVER_TRUST_DIR sets"
    DROVER_TRUST_DIR=$PWD/trust drover inspect "$given/bundle.tar" # takes no trust-dir
    [[ $stderr != *"NOT VERIFIED"* ]]
    DROVER_TRUST_DIR=$PWD/trust drover verify "$given/bundle.tar" --pubkey "$given/one.pub"
    DROVER_TRUST_DIR=$PWD/trust DROVER_PUBKEY=$given/one.pub drover verify "$given/bundle.tar"
    echo "{$one}" >"$system"
    echo "{$folder, $state}" >"$user"
    drover 7 verify "$given/bundle.tar"
    echo "{\"verify\": {$folder}, $one, $state}" >"$user"
    drover 7 verify "$given/bundle.tar"
    echo "{$folder, $one}" >"$user"
    drover verify "$given/bundle.tar"
    drover config
    [[ $stderr != *"does not count"* ]]
    echo '{"hub-mirror": "127.0.0.1:1"}' >"$user"
    DROVER_FROM=$hub drover bundle v1.0.2 --dry-run
}

@test "XDG_CONFIG_HOME and DROVER_CONFIG name the place" {
    mkdir -p xdg/drover
    echo '{"settle": 4}' >xdg/drover/drover.conf
    echo '{"settle": 5}' >this.conf
    echo '{"settle": 6}' >"$user"
    XDG_CONFIG_HOME=$PWD/xdg run in_force settle
    [ "$output" = "4 $PWD/xdg/drover/drover.conf" ]
    DROVER_CONFIG=$PWD/this.conf run in_force settle
    [ "$output" = "5 $PWD/this.conf" ]
    DROVER_CONFIG=this.conf drover 2 config
    DROVER_CONFIG=$PWD/none.conf drover 3 config
}

# bad STATUS TEXT JSON: the user's file is refused by whatever takes settings, and its name is told.
bad() {
    printf '%s' "$3" >"$user"
    drover "$1" config
    says_error "$2"
    says_error "$user"
    drover "$1" verify "$given/bundle.tar" --pubkey "$given/one.pub"
    says_error "$2"
}

@test "unknown keys and bad types are errors that name file and key" {
    bad 8 "'registri' is neither an option that can be set here nor a command" '{"registri": "a:1"}'
    bad 8 "'mirrror' is neither" '{"mirrror": {"registry": "a:1"}}'
    bad 8 "'mirror': 'registri' is neither" '{"mirror": {"registri": "a:1"}}'
    bad 8 "'yes' is neither" '{"yes": true}'
    bad 8 "'allow-downgrade' is neither" '{"allow-downgrade": true}'
    bad 8 "'settle' must be a number" '{"settle": "1"}'
    bad 8 "'settle' must be a number" '{"settle": -1}'
    bad 8 "'registry' must be a text" '{"registry": ["a:1"]}'
    bad 8 "'registry' must be a text" '{"registry": {"a": 1}}'
    bad 8 "'insecure-registry' must be a text, or a list of texts" '{"insecure-registry": [1]}'
    bad 8 "'pubkey' must have 1 to 64 values" '{"pubkey": []}'
    bad 8 "'pubkey' is 'site.pub', and must begin with '/'" '{"pubkey": ["site.pub"]}'
    bad 8 "'registry' is empty" '{"registry": ""}'
    bad 8 "not a JSON object" '[]'
    bad 8 "" '{"registry": "a:1", "registry": "b:1"}'
    bad 8 "" 'registry = a:1'
    bad 8 "" ''
    rm "$user"
    DROVER_SETTLE=soon drover 2 apply "$given/bundle.tar"
    says_error "DROVER_SETTLE"
}

@test "a variable with nothing but a comma does not put out of force whom a file believes" {
    jq -n --arg key "$given/one.pub" '{pubkey: [$key]}' >"$user"
    DROVER_PUBKEY='' drover verify "$given/bundle.tar"
    DROVER_PUBKEY=, drover 2 verify "$given/bundle.tar"
    says_error "DROVER_PUBKEY is ',', which names nothing"
}

@test "a key for a command that has no such option is told when the command runs" {
    echo '{"verify": {"settle": 1}}' >"$user"
    drover 8 verify "$given/bundle.tar" --pubkey "$given/one.pub"
    says_error "'verify' sets 'settle', and drover verify has no such option"
}

@test "secrets are refused" {
    bad 9 "secrets do not belong here" '{"rancher-secret-key": "x"}'
    bad 9 "secrets do not belong here" '{"passphrase": "x"}'
    bad 9 "has a user or password in it" '{"rancher-url": "http://joe:secret@rancher:8080"}'
    bad 9 "has a user or password in it" '{"from": "joe:secret@hub:5000"}'
}

@test "a file that others can change is refused, in whatever way" {
    echo "{\"pubkey\": \"$given/one.pub\"}" >"$user"
    drover verify "$given/bundle.tar"
    chmod o+w "$user"
    drover 9 verify "$given/bundle.tar"
    says_error "can be written by others"
    chmod o-w "$user"
    chmod g+w "$(dirname "$user")"
    drover 9 verify "$given/bundle.tar"
    chmod g-w "$(dirname "$user")"
    chown 1000 "$user"
    drover 9 verify "$given/bundle.tar"
    says_error "belongs to user 1000"
    chown 0 "$user"
    mv "$user" real.conf && ln -s "$PWD/real.conf" "$user"
    drover 9 verify "$given/bundle.tar"
    says_error "symbolic link"
}

@test "an ordinary user reads the site's file, his own, and is told when he can't" {
    echo '{"settle": 7}' >"$system"
    chmod 755 /etc/drover
    install -m 755 "$DROVER" /run/drover # where everybody can reach it
    mkdir -p /run/joe/.config/drover
    echo '{"parallel": 3}' >/run/joe/.config/drover/drover.conf
    chown -R 1000 /run/joe
    joe() { run --separate-stderr setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/run/joe /run/drover "$@"; }
    joe config
    [ "$status" -eq 0 ]
    says settle
    says parallel
    chmod 700 /etc/drover
    joe config
    [ "$status" -eq 3 ]
    says_error "'/etc/drover/drover.conf': Permission denied"
    chmod 755 /etc/drover
}

@test "root does not look into the home of another user, as sudo may leave it" {
    echo "{\"pubkey\": \"$given/two.pub\"}" >"$system"
    echo "{\"pubkey\": \"$given/one.pub\"}" >"$user"
    chown -R 1000 "$HOME"
    drover 7 verify "$given/bundle.tar"
    says_error "are not used: '$HOME' is of user 1000, and drover is run by user 0"
    chown 0 "$user" # a file of root's in there is no better
    drover 7 verify "$given/bundle.tar"
    mv "$HOME" elsewhere && ln -s "$PWD/elsewhere" "$HOME"
    drover 7 verify "$given/bundle.tar"
}

@test "help needs no settings, and neither does what takes none" {
    echo broken >"$user"
    drover verify --help
    drover releases
    drover 8 status
}

@test "every key is an option of that kind, and every command reads what it has" {
    local kinds
    kinds=$(for command in $("$DROVER" --help | awk '/^  [a-z]/ { print $1 }'); do
        "$DROVER" "$command" --__options
    done | awk '{ print $1, $3 }' | sort -u)
    drover config --help
    keys=$(tr '\n' ' ' <<<"$output" | grep -o 'These can be set: [^.]*' | sed 's/.*: //; s/, */ /g')
    [ "$(wc -w <<<"$keys")" -ge 20 ]
    for key in $keys; do
        grep -q "^$key \(text\|list\|number\|rate\)$" <<<"$kinds" || { echo "no option --$key"; return 1; }
        case $(grep -m1 "^$key " <<<"$kinds") in
        *number | *rate) value=7 ;;
        *) value='"/x"' ;;
        esac
        echo "{\"$key\": $value}" >"$user"
        drover config
        [[ $output == *"$key"* ]]
    done
}

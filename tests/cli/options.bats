#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# One source for options: the manual pages, which are --help and the shells' completions, name exactly what the commands
# understand. Every command that is there or will be is looked at.

load common

setup_file() {
    harness_begin
}

teardown_file() {
    harness_end
}

commands() {
    "$DROVER" --help | awk '/^  [a-z]/ { print $1 }'
}

# NAME, LETTER or -, and whether it takes a value, of the lines of OPTIONS that begin with a dash.
documented() {
    "$DROVER" "$1" --help | awk '
        /^[A-Z][A-Z ]+$/ { inside = ($0 == "OPTIONS") }
        inside && /^-/ {
            count = split($0, entries, /; */)
            for (i = 1; i <= count; i++) {
                letter = match(entries[i], /^-[a-z],/) ? substr(entries[i], 2, 1) : "-"
                match(entries[i], /--[a-z-]+/)
                print substr(entries[i], RSTART + 2, RLENGTH - 2), letter,
                    (length(entries[i]) > RSTART + RLENGTH - 1 ? "value" : "flag")
            }
        }' | sort
}

understood() {
    "$DROVER" "$1" --__options | awk '{ print $1, $2, $3 == "flag" ? "flag" : "value" }' | sort
}

@test "every command has a manual page, and a line in the list of commands" {
    [ "$(commands | wc -l)" -ge 14 ]
    for command in $(commands); do
        drover "$command" --help
        says "drover-$command - "
    done
}

@test "the options of every manual page are those of the command, and the other way round" {
    for command in $(commands); do
        diff <(documented "$command") <(understood "$command") ||
            { echo "drover $command: < page, > command"; return 1; }
    done
}

@test "an option that no page has, and a page's option that no command has, would be seen" {
    diff <(documented status) <(understood status)
    ! diff <(documented status) <(understood verify)
    ! diff <(documented verify) <(understood status)
}

@test "every option is named once" {
    for command in $(commands); do
        [ -z "$(understood "$command" | cut -d' ' -f1 | uniq -d)" ]
        [ -z "$(understood "$command" | cut -d' ' -f2 | grep -v -e - | sort | uniq -d)" ]
    done
}

# ---------------------------------------------------------------- bash

# complete_bash WORD…: what the Tab key offers after these words, by bash itself.
complete_bash() {
    "$DROVER" completion bash >drover.bash
    # shellcheck disable=SC2016 # it is the other bash that expands it
    bash --norc -c '
        source ./drover.bash
        complete -p drover >/dev/null || exit 1
        COMP_WORDS=(drover "$@") COMP_CWORD=$#
        _drover
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir folder
    touch one.bundle.tar site.pub
}

@test "bash completes every command and every option" {
    diff <(complete_bash '' | sort) <({ commands && printf '%s\n' --help --version; } | sort)
    for command in $(commands); do
        diff <(complete_bash "$command" - | grep -- -- | sort) \
            <("$DROVER" "$command" --__options | sed 's/^/--/; s/ .*//' | sort)
    done
}

@test "bash completes values: files, folders, choices, nothing" {
    [ "$(complete_bash bundle --unsi)" = --unsigned ]
    [ "$(complete_bash verify one)" = one.bundle.tar ]
    [ "$(complete_bash verify --pubkey s)" = site.pub ]
    [ "$(complete_bash verify --pubkey = s)" = site.pub ]
    [ "$(complete_bash apply --state-dir '')" = folder ]
    [ "$(complete_bash apply --pinned re | tr '\n' ' ')" = 'report recreate ' ]
    [ -z "$(complete_bash apply --settle '')" ]
    [ "$(complete_bash key p)" = pub ]
    [ "$(complete_bash backup v)" = verify ]
    [ "$(complete_bash bundle v1.0. | tr '\n' ' ')" = 'v1.0.0 v1.0.1 v1.0.2 ' ]
    [ -z "$(complete_bash nonsense '' )" ]
}

# ---------------------------------------------------------------- the other shells

@test "zsh loads its completions and completes with them" {
    "$DROVER" completion zsh >_drover
    zsh -n _drover
    run zsh -f -c '
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PS1=; fpath=($PWD \$fpath); autoload -Uz compinit; compinit -u -d dump; stty -echo 2>/dev/null"
        zpty -w shell "zstyle \":completion:*\" menu no; print loaded:\$_comps[drover]"
        zpty -r shell line "*loaded:_drover*"
        zpty -n -w shell "echo x; : "$'"'\n'"'
        zpty -n -w shell "drover bundle --unsi"$'"'\t'"'
        zpty -r shell more "*--unsigned*"
        print completed' </dev/null
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *completed* ]]
}

@test "fish loads its completions and completes with them" {
    "$DROVER" completion fish >drover.fish
    fish --no-execute drover.fish
    offered() {
        HOME=$PWD fish --no-config -c "source drover.fish; complete -C '$1'" | cut -f1
    }
    diff <(offered 'drover ' | grep -v -e '^-' | sort) <(commands | sort)
    for command in $(commands); do
        diff <(offered "drover $command --" | sort) \
            <("$DROVER" "$command" --__options | sed 's/^/--/; s/ .*//' | sort)
    done
    [ "$(offered 'drover key p')" = pub ]
    [ "$(offered 'drover apply --pinned re' | tr '\n' ' ')" = 'recreate report ' ]
    offered 'drover verify --pubkey s' | grep -x site.pub
}

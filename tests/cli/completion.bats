#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What the shells complete: every command that is there or will be, with each of its options. (That these are what the
# manual pages have is tests/style/options.)

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
    run timeout 120 zsh -f -c '
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

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# How a script tells what it does: chapters, sentences, and commands as they would be typed. Whoever sources it has a
# function `stumble STATUS COMMAND`, for a command that failed.

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR-} ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

chapter() {
    local line="── $1 "
    while ((${#line} < 98)); do line+=─; done
    printf '\n%s%s%s\n' "$bold" "$line" "$plain"
}

say() {
    echo
    fmt -w 98 <<<"$*"
}

# run COMMAND…: shows the command as it would be typed, then runs it.
run() {
    local word line=''
    for word; do
        if [[ $word == *[\ {}]* ]]; then word="'$word'"; fi
        line+=" $word"
    done
    printf '\n%s$%s%s\n' "$bold" "$line" "$plain"
    "$@" || stumble "$?" "$1"
}

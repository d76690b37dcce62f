# Sourced by the other scripts: says what is being done and how long each step took.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# step "words" command...: runs it, with its time; a failure ends the script with a sentence.
step() {
    local words=$1 began=$SECONDS status=0
    shift
    printf '== %s\n' "$words"
    "$@" || status=$?
    if ((status)); then
        printf '== %s: FAILED (exit %d) after %d s\n' "$words" "$status" $((SECONDS - began)) >&2
        exit "$status"
    fi
    printf '== %s: done in %d s\n' "$words" $((SECONDS - began))
}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

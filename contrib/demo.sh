#!/usr/bin/env bash
# Shows real sample databases through an agent of its own: everything happens in a temporary directory, which is
# removed at the end together with the agent, also after a failure. Your own agent and settings are not touched.
#
#   contrib/demo.sh [DIRECTORY]     DIRECTORY holds blazectl and blazedb-agent; without it: the debug build
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
binaries=${1:-$(cd "$repository" && swift build --show-bin-path)}
samples="empty tiny typed unclean large"
password=$(sed -n 's/.*"password": "\(.*\)".*/\1/p' "$repository/Tests/Fixtures/unclean/manifest.json")

place=$(mktemp -d "${TMPDIR:-/tmp}/blazedb-demo.XXXXXX")
unset BLAZEDB_AGENT_SOCK XDG_RUNTIME_DIR
export HOME=$place/home TMPDIR=$place/tmp
export XDG_CONFIG_HOME=$place/config XDG_DATA_HOME=$place/data XDG_STATE_HOME=$place/state
export BLAZEDB_AGENT_SOCK=$place/run/agent.sock
export PATH=$binaries:$PATH
mkdir -m 700 "$HOME" "$TMPDIR" "$place/run" "$place/samples"

cleanup() {
    status=$?
    trap - EXIT
    blazectl agent stop --quiet >/dev/null 2>&1 || true
    rm -rf "$place"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# show EXPECTED COMMAND...   Prints a command, runs it, and stops the demo when its exit status is another one.
show() {
    local expected=$1 status=0
    shift
    printf '\n$ %s\n' "$*"
    "$@" || status=$?
    if [ "$status" -ne "$expected" ]; then
        printf 'demo: exit status %s, not %s\n' "$status" "$expected" >&2
        exit 1
    fi
    [ "$status" -eq 0 ] || printf '(exit status %s)\n' "$status"
}

for sample in $samples; do
    cp "$repository/Tests/Fixtures/$sample/$sample".* "$place/samples/"
done
cd "$place/samples"
before=$(cksum ./*)

echo "Five databases that BlazeDB wrote, copied to $place/samples; an agent on a socket of its own."
show 0 blazectl agent start
show 0 blazectl scan "$place/samples"
show 0 blazectl ls
# The password goes through a pipe: not into the command line, not into the environment.
exec 3< <(printf '%s' "$password")
show 0 blazectl unlock unclean --password-fd 3
exec 3<&-
show 0 blazectl info unclean
show 0 blazectl holders unclean
# Advice: BlazeDB was killed before it could tidy up, so there is something to say.
show 4 blazectl check --quick unclean
show 0 blazectl lock unclean

# The vault: one passphrase for all of it, once per session.
(umask 077 && printf '%s' "demo $RANDOM$RANDOM passphrase $RANDOM" > "$place/passphrase")
show 0 blazectl vault init --no-recovery --vault-password-file "$place/passphrase"
exec 3< <(printf '%s' "$password")
show 0 blazectl vault add tiny --password-fd 3
exec 3<&-
show 0 blazectl vault ls
show 0 blazectl lock
show 19 blazectl unlock --batch
show 0 blazectl unlock --vault-password-file "$place/passphrase"
show 0 blazectl unlock tiny
show 0 blazectl exec tiny -- sh -c 'echo "a program with the password on descriptor 3: $(wc -c <&3) bytes"'
show 0 blazectl status
show 0 blazectl agent stop

if [ "$before" != "$(cksum ./*)" ]; then
    echo "demo: a database has changed" >&2
    exit 1
fi
printf '\nNot a byte of the five databases has changed.\n'

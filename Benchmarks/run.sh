#!/bin/sh
# run.sh [ARGUMENT...]   Builds in release what is measured and what measures, and runs bench.py with the arguments.
#
# The programs are built with the flags of `make release`, by this package, so that one build of the dependencies serves
# them all.
set -eu
cd "$(dirname "$0")"

flags="-c release"
[ "$(uname -s)" != Linux ] || flags="$flags --static-swift-stdlib"
tools=.build/bin
mkdir -p "$tools"
# The package manager does not see that files were added to a package that is named by its path, unless it plans anew.
rm -f .build/release.yaml
# The flags are several words.
# shellcheck disable=SC2086
for product in blazectl blazedb-agent make-database measure-engine measure-writer empty-program; do
    swift build $flags --product "$product" >&2
done
# shellcheck disable=SC2086
bin=$(swift build $flags --show-bin-path)
for product in blazectl blazedb-agent make-database measure-engine measure-writer empty-program; do
    cp "$bin/$product" "$tools/"
    strip "$tools/$product"
done
for peer in echo_server ping_load; do
    ${CC:-cc} -O2 -Wall -Wextra -Werror -pthread -o "$tools/$peer" "peers/$peer.c"
done
# shellcheck disable=SC2046
${CC:-cc} -O2 -Wall -Wextra -Werror $(pkg-config --cflags libsodium) -o "$tools/argon2id" peers/argon2id.c \
    $(pkg-config --libs libsodium)
exec "${PYTHON:-python3}" bench.py "$tools" "$tools" "$@"

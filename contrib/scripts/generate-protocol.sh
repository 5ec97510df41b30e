#!/bin/sh
# generate-protocol.sh write|check   Generates the Swift messages from Protocol/blazedb_agent.proto.
#
#   write   into Sources/BlazeProtocol/Generated
#   check   into a temporary directory, and fails when the committed code differs
#
# The generator is a product of the swift-protobuf package that we build on, so its version is always the library's.
set -eu
cd "$(dirname "$0")/../.."

generated=Sources/BlazeProtocol/Generated
mode="${1:-}"
case "$mode" in
write) out=$generated ;;
check)
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    ;;
*)
    echo "usage: generate-protocol.sh write|check" >&2
    exit 2
    ;;
esac

swift build --product protoc-gen-swift
plugin=$(swift build --show-bin-path)/protoc-gen-swift
mkdir -p "$out"
protoc --plugin=protoc-gen-swift="$plugin" --swift_opt=Visibility=Public --swift_opt=UseAccessLevelOnImports=true \
    --swift_out="$out" -I Protocol Protocol/blazedb_agent.proto

if [ "$mode" = check ]; then
    diff -ru "$generated" "$out" || {
        echo "protocol: $generated is not what Protocol/blazedb_agent.proto gives; run: make protocol" >&2
        exit 1
    }
    echo "protocol: the generated code is fresh"
fi

#!/bin/sh
# format.sh lint|write   Runs swift-format over our sources, less the generated ones.
set -eu
cd "$(dirname "$0")/../.."

sources() {
    find Sources Tests Fuzzing Benchmarks -name '*.swift' ! -path 'Sources/BlazeProtocol/Generated/*' \
        ! -path '*/.build/*' -print0
    printf 'Package.swift\0'
}

case "${1:-}" in
lint) sources | xargs -0 swift format lint --strict --parallel ;;
write) sources | xargs -0 swift format format --in-place --parallel ;;
*)
    echo "usage: format.sh lint|write" >&2
    exit 2
    ;;
esac

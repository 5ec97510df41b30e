#!/bin/sh
# run.sh SECONDS [TARGET...]   Fuzzes each target (all of them without names) for SECONDS, one after the other.
#
# Builds the fuzzers in release with the address sanitizer, makes the seeds, and goes on from what earlier runs found in
# Fuzzing/.build/corpus. Exit status 1 when an input broke something: it is kept under Fuzzing/.build/found/TARGET, and
# how to replay it and make it smaller is said.
set -eu

usage() {
    echo "usage: run.sh SECONDS [TARGET...]" >&2
    exit 2
}

case "${1:-}" in '' | *[!0-9]*) usage ;; esac
seconds=$1
shift
[ $# -gt 0 ] || set -- dump frames metadata page record vault wal

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
python=${PYTHON:-python3}
corpus=.build/corpus
found=.build/found

for target in "$@"; do
    [ -d "Seeds/$target" ] || { echo "fuzz: there is no target $target" >&2; exit 2; }
done
# One flag names both sanitizers to the compiler: of two flags only the last one counts, and coverage would be lost. The
# package manager's own flag makes it leave the entry point to libFuzzer.
flags="-c release --sanitize=fuzzer -Xswiftc -sanitize=fuzzer,address"
# The package manager does not see that files were added to a package that is named by its path, unless it plans anew.
rm -f .build/release.yaml
# shellcheck disable=SC2086 # the flags are several words
swift build $flags
# shellcheck disable=SC2086
bin=$(swift build $flags --show-bin-path)
mkdir -p .build/seeds
"$python" make-seeds.py .build/seeds

# The largest input is about a page file of 16 pages; memory and time of one input are bounded, as the reader's are.
limits="-max_len=65536 -rss_limit_mb=2048 -malloc_limit_mb=512 -timeout=20"
# Swift's own backtrace of a crash may wait for ever inside the sanitizer's.
export SWIFT_BACKTRACE=enable=no
broken=
for target in "$@"; do
    mkdir -p "$corpus/$target" "$found/$target"
    echo "fuzz: $target for $seconds s"
    # shellcheck disable=SC2086 # the limits are several words
    if ! "$bin/fuzz-$target" $limits -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$found/$target/" "$corpus/$target" ".build/seeds/$target" >"$found/$target.log" 2>&1; then
        broken="$broken $target"
        grep -E 'VIOLATION|ERROR|SUMMARY|Fatal error|Test unit written' "$found/$target.log" || tail -n 20 "$found/$target.log"
    fi
    grep -E '^stat::number_of_executed_units|^stat::peak_rss_mb' "$found/$target.log" || true
    grep -E ' cov: ' "$found/$target.log" | tail -n 1 || true
done

[ -n "$broken" ] || { echo "fuzz: nothing broke"; exit 0; }
for target in $broken; do
    cat >&2 <<END

fuzz: something broke in $target; the inputs are in Fuzzing/$found/$target, the log is Fuzzing/$found/$target.log
  replay:    cd Fuzzing && $bin/fuzz-$target INPUT
  minimise:  cd Fuzzing && $bin/fuzz-$target -minimize_crash=1 -max_total_time=60 -exact_artifact_path=smaller INPUT
  keep:      copy it to Fuzzing/Crashes/$target/NAME and list it in Fuzzing/Crashes/README.md; make test replays it
END
done
exit 1

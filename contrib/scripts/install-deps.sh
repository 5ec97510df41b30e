#!/bin/sh
# install-deps.sh GROUP...   Installs what is missing of the named groups and says what; installs nothing else.
#
#   swift      nothing to install: only says what to do when Swift is not there
#   build      what building needs: libsodium, zlib, libzxcvbn (where the system has it), pkg-config, and on Linux libsystemd
#   test       what the tests need: pytest, pexpect, cryptography for Python, setpriv for a second user, and
#              systemd-socket-activate, and on Linux a D-Bus daemon, strace and python-dbusmock
#   generate   what generating the protocol's code needs: protoc
#   fuzz       nothing to install: says what to do when the toolchain has no libFuzzer
#   bench      what is measured beside ours: fd, openssl, and a C compiler for the echo server
set -eu

fail() {
    echo "deps: $*" >&2
    exit 1
}

command -v swift >/dev/null 2>&1 || fail "swift is not installed or not on the PATH; this project needs Swift 6.2 or
later: see https://www.swift.org/install, then run this again"

scripts=$(dirname "$0")
missing=

need_package() {
    case " $missing " in *" $1 "*) ;; *) missing="$missing $1" ;; esac
}

debian() {
    for package in "$@"; do
        status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$status" = installed ] || need_package "$package"
    done
}

homebrew() {
    for package in "$@"; do
        brew list --versions "$package" >/dev/null 2>&1 || need_package "$package"
    done
}

if command -v apt-get >/dev/null 2>&1; then
    system=debian
elif [ "$(uname -s)" = Darwin ]; then
    command -v brew >/dev/null 2>&1 || fail "Homebrew is not installed: see https://brew.sh, then run this again"
    system=homebrew
else
    system=other
fi

for group in "$@"; do
    case "$system:$group" in
    *:swift) ;;
    debian:build) debian libsodium-dev libsystemd-dev libzxcvbn-dev zlib1g-dev pkg-config ;;
    homebrew:build) homebrew libsodium pkg-config ;;
    debian:test)
        "$scripts/find-python.sh" >/dev/null || debian python3-pytest python3-pexpect python3-cryptography
        command -v setpriv >/dev/null 2>&1 || need_package util-linux
        command -v systemd-socket-activate >/dev/null 2>&1 || need_package systemd
        debian dbus python3-dbusmock
        command -v strace >/dev/null 2>&1 || need_package strace
        ;;
    homebrew:test)
        "$scripts/find-python.sh" >/dev/null || homebrew python3
        ;;
    debian:generate) command -v protoc >/dev/null 2>&1 || need_package protobuf-compiler ;;
    homebrew:generate) command -v protoc >/dev/null 2>&1 || need_package protobuf ;;
    other:build)
        pkg-config --exists libsodium libsystemd zlib 2>/dev/null ||
            fail "install libsodium, libsystemd, zlib (all with headers) and pkg-config with your system's package manager"
        ;;
    other:test)
        "$scripts/find-python.sh" >/dev/null && command -v setpriv >/dev/null 2>&1 &&
            command -v systemd-socket-activate >/dev/null 2>&1 && command -v dbus-daemon >/dev/null 2>&1 &&
            command -v strace >/dev/null 2>&1 &&
            /usr/bin/python3 -c 'import dbusmock' >/dev/null 2>&1 ||
            fail "install pytest, pexpect and cryptography for Python 3, setpriv (util-linux),
systemd-socket-activate (systemd), dbus-daemon, strace and python-dbusmock"
        ;;
    other:generate) command -v protoc >/dev/null 2>&1 || fail "install protoc, the protocol buffers compiler" ;;
    *:fuzz)
        # Xcode's toolchain has none; swift.org's has, for Linux and macOS.
        toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
        find "$toolchain/lib" -name 'libclang_rt.fuzzer*' | grep -q . ||
            fail "this Swift toolchain has no libFuzzer; install one from https://www.swift.org/install"
        ;;
    debian:bench)
        command -v fdfind >/dev/null 2>&1 || command -v fd >/dev/null 2>&1 || need_package fd-find
        command -v openssl >/dev/null 2>&1 || need_package openssl
        command -v cc >/dev/null 2>&1 || need_package gcc
        command -v python3 >/dev/null 2>&1 || need_package python3
        ;;
    homebrew:bench) command -v fd >/dev/null 2>&1 || need_package fd ;;
    other:bench)
        { command -v fd || command -v fdfind; } >/dev/null 2>&1 && command -v openssl >/dev/null 2>&1 ||
            fail "install fd and openssl with your system's package manager"
        ;;
    *) fail "unknown group '$group'" ;;
    esac
done

if [ -z "$missing" ]; then
    echo "deps: nothing to install"
else
    echo "deps: installing$missing"
    case $system in
    debian)
        root=
        if [ "$(id -u)" -ne 0 ]; then
            command -v sudo >/dev/null 2>&1 || fail "not root and no sudo: as root, run apt-get install$missing"
            root="sudo"
        fi
        $root apt-get update -qq
        # The names are ours, one word each: splitting is meant.
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
        ;;
    homebrew) brew install $missing ;;
    esac
fi

case " $* " in
*" test "*)
    if [ "$system" = homebrew ] && ! "$scripts/find-python.sh" >/dev/null; then
        echo "deps: installing pytest pexpect cryptography (Python, for this user)"
        python3 -m pip install --user --break-system-packages pytest pexpect cryptography
    fi
    "$scripts/find-python.sh" >/dev/null ||
        fail "no python3 can import pytest, pexpect and cryptography, although their packages are installed"
    ;;
esac

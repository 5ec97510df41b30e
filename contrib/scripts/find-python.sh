#!/bin/sh
# Prints the first Python interpreter that can import what the tests need; exit status 1 when there is none.
for candidate in python3 /usr/bin/python3 /opt/homebrew/bin/python3 /usr/local/bin/python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import cryptography, pexpect, pytest' >/dev/null 2>&1; then
        echo "$candidate"
        exit 0
    fi
done
exit 1

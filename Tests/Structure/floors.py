"""The floors of the house: which target may import which. Imports go downwards only.

The one place where the table stands; the tests hold Package.swift and the sources against it.
"""

# What comes with the compiler or the system, on any floor above 0.
SYSTEM = {"Foundation", "FoundationEssentials", "Synchronization", "Glibc", "Musl", "Darwin", "Dispatch"}

# Paths and error numbers: docs/decisions/0002-swift-system-for-paths.md.
PATHS = {"SystemPackage"}

_FLOOR_1 = {"BlazeModel", "BlazePlatform"}
_FLOOR_2 = {"BlazeProtocol", "BlazeEngine", "BlazeLogind", "BlazeVault"}
_FLOOR_3 = {"BlazeServices", "BlazeClient"}

# The members of generated messages are visible only where their library is imported too (MemberImportVisibility).
_MESSAGES = {"SwiftProtobuf"}

# {target: (floor, what it may import beyond SYSTEM and PATHS)}
SOURCES = {
    "CSodium": (0, set()),
    "CZlib": (0, set()),
    "CZxcvbn": (0, set()),
    "CPlatform": (0, set()),
    "CBoringSSL": (0, set()),
    "CSystemd": (0, set()),
    "BlazeModel": (1, set()),
    "BlazePlatform": (1, {"CSodium", "CPlatform"}),
    "BlazeProtocol": (2, _FLOOR_1 | {"SwiftProtobuf"}),
    "BlazeEngine": (2, _FLOOR_1 | {"Crypto", "CryptoExtras", "CBoringSSL", "CZlib"}),
    "BlazeLogind": (2, {"BlazePlatform", "CSystemd"}),
    "BlazeVault": (2, _FLOOR_1 | {"CSodium", "CZxcvbn"}),
    "BlazeServices": (3, _FLOOR_1 | {"BlazeEngine", "BlazeVault", "TOMLKit", "Logging"}),
    "BlazeClient": (3, _FLOOR_1 | {"BlazeProtocol"} | _MESSAGES),
    "BlazeAgent": (4, _FLOOR_1 | _FLOOR_2 | _FLOOR_3 - {"BlazeClient"} | _MESSAGES | {"Logging"}),
    "BlazeCommands": (5, _FLOOR_1 | {"BlazeClient", "ArgumentParser"}),
    "blazedb-agent": (6, {"BlazeAgent", "BlazePlatform", "ArgumentParser"}),
    "blazectl": (6, {"BlazeCommands", "ArgumentParser"}),
}

# These never reach a client, so that keys live in one process.
KEEPS_KEYS = {"BlazeEngine", "BlazeVault", "BlazeServices", "BlazeAgent"}
CLIENTS = {"BlazeClient", "BlazeCommands", "blazectl"}

# Under Tests, and no tests themselves: tests, fuzzers and benchmarks share them.
TEST_LIBRARIES = {
    "TestSupport", "FormatWriter", "FuzzTargets", "VaultScenario", "WriterScenario"}

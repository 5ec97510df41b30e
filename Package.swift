// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// Where there is no libzxcvbn, passwords are held to BlazeDB's own policy alone.
let hasZxcvbn = ["/usr/include", "/usr/local/include", "/opt/homebrew/include"].contains {
    FileManager.default.fileExists(atPath: "\($0)/zxcvbn.h")
}

/// The targets in floors, lowest first. Imports go downwards only; Tests/Structure checks it.
let package = Package(
    name: "blazedb-agent",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "blazectl", targets: ["blazectl"]),
        .executable(name: "blazedb-agent", targets: ["blazedb-agent"]),
        .library(name: "BlazeClient", targets: ["BlazeClient"]),
        // For the nested packages Fuzzing and Benchmarks, whose tools stay out of this graph.
        .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
        .library(name: "EngineUnderMeasure", targets: ["BlazeEngine", "FormatWriter"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // Floor 0: what Swift cannot import by itself, one module per C library.
        .systemLibrary(
            name: "CSodium", pkgConfig: "libsodium",
            providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(
            name: "CPlatform",
            linkerSettings: [.linkedFramework("CoreServices", .when(platforms: [.macOS]))]),
        .target(name: "CBoringSSL"),
        .target(
            name: "CSystemd", linkerSettings: [.linkedLibrary("systemd", .when(platforms: [.linux]))]),

        // Floor 1: vocabulary and the operating system.
        .target(
            name: "BlazeModel",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")]),
        .target(
            name: "BlazePlatform",
            dependencies: [
                "CSodium", "CPlatform", .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // Floor 2: the wire, the file format and the vault. They never import each other.
        .target(
            name: "BlazeProtocol",
            dependencies: [
                "BlazeModel", "BlazePlatform", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        .target(
            name: "BlazeEngine",
            dependencies: [
                "BlazeModel", "BlazePlatform", "CBoringSSL", "CZlib",
                .product(name: "Crypto", package: "swift-crypto"),
                // For CBoringSSL: it brings the functions that are declared there.
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),

        .target(
            name: "BlazeLogind",
            dependencies: [
                "BlazePlatform", "CSystemd", .product(name: "SystemPackage", package: "swift-system"),
            ]),

        .target(
            name: "BlazeVault",
            dependencies: [
                "BlazeModel", "BlazePlatform", "CSodium",
                .product(name: "SystemPackage", package: "swift-system"),
            ] + (hasZxcvbn ? ["CZxcvbn"] : [])),

        // Floor 3: services without sockets; the client library without keys.
        .target(
            name: "BlazeServices",
            dependencies: [
                "BlazeModel", "BlazePlatform", "BlazeEngine",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
                "TOMLKit",
            ]),
        .target(
            name: "BlazeClient",
            dependencies: [
                "BlazeModel", "BlazePlatform", "BlazeProtocol",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // Floor 4 and 5: the daemon, and blazectl's subcommands as a library.
        .target(
            name: "BlazeAgent",
            dependencies: [
                "BlazeModel", "BlazePlatform", "BlazeProtocol", "BlazeEngine", "BlazeLogind", "BlazeServices",
                "BlazeVault",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "BlazeCommands",
            dependencies: [
                "BlazeModel", "BlazePlatform", "BlazeClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // Floor 6: entry points only.
        .executableTarget(
            name: "blazedb-agent",
            dependencies: [
                "BlazeAgent", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "blazectl", dependencies: ["BlazeCommands"]),

        // Tests mirror Sources; TestSupport holds what several of them need, FormatWriter writes databases without the
        // engine, FuzzTargets is what the fuzzers run and the tests replay.
        .target(
            name: "TestSupport",
            dependencies: [
                "BlazeModel", "BlazePlatform",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/TestSupport"),
        .target(
            name: "FormatWriter",
            dependencies: ["BlazeModel", .product(name: "Crypto", package: "swift-crypto")],
            path: "Tests/FormatWriter"),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "BlazeProtocol", "BlazeEngine", "BlazeModel", "BlazePlatform", "BlazeVault", "FormatWriter",
                "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/FuzzTargets"),
        .testTarget(
            name: "FuzzTargetsTests", dependencies: ["FuzzTargets", "BlazeProtocol", "TestSupport"]),
        .testTarget(name: "BlazeModelTests", dependencies: ["BlazeModel", "TestSupport"]),
        .testTarget(
            name: "BlazePlatformTests",
            dependencies: [
                "BlazePlatform", "CPlatform", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .testTarget(
            name: "BlazeProtocolTests",
            dependencies: [
                "BlazeProtocol", "BlazeModel", "BlazePlatform", "TestSupport",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        .testTarget(
            name: "BlazeEngineTests",
            dependencies: [
                "BlazeEngine", "BlazeModel", "BlazePlatform", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .testTarget(name: "BlazeLogindTests", dependencies: ["BlazeLogind", "TestSupport"]),
        .executableTarget(
            name: "VaultScenario",
            dependencies: [
                "BlazeVault", "BlazeModel", "BlazePlatform",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/VaultScenario"),
        .executableTarget(
            name: "WriterScenario",
            dependencies: [
                "BlazeEngine", "BlazeModel", "BlazePlatform", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/WriterScenario"),
        .testTarget(
            name: "BlazeVaultTests",
            dependencies: [
                "BlazeVault", "BlazeModel", "BlazePlatform", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .testTarget(
            name: "BlazeServicesTests",
            dependencies: [
                "BlazeServices", "BlazeEngine", "BlazeModel", "BlazePlatform", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .testTarget(
            name: "BlazeAgentTests",
            dependencies: [
                "BlazeAgent", "BlazeClient", "BlazeProtocol", "BlazeEngine", "BlazeModel", "BlazePlatform",
                "BlazeServices",
                "TestSupport", .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .testTarget(
            name: "BlazeCommandsTests",
            dependencies: ["BlazeCommands", "BlazeClient", "BlazeModel", "BlazePlatform", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)

if hasZxcvbn {
    package.targets.append(.systemLibrary(name: "CZxcvbn", providers: [.apt(["libzxcvbn-dev"])]))
}

// One place for the settings of every Swift target of ours: strict, and warnings are errors.
let inC: Set = ["CPlatform", "CBoringSSL", "CSystemd"]
for target in package.targets where target.type != .system && !inC.contains(target.name) {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
    ]
}

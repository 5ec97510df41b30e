// swift-tools-version: 6.2
import PackageDescription

/// What `make bench` runs besides the release binaries: the programs that make databases and measure the engine in one
/// process, and the empty program that `blazectl` is compared with.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "blazedb-agent", path: ".."),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        .target(
            name: "SampleDatabase",
            dependencies: [
                .product(name: "EngineUnderMeasure", package: "blazedb-agent"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .executableTarget(name: "make-database", dependencies: ["SampleDatabase"]),
        .executableTarget(
            name: "measure-engine",
            dependencies: [
                "SampleDatabase", .product(name: "EngineUnderMeasure", package: "blazedb-agent"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .executableTarget(
            name: "measure-writer",
            dependencies: [
                "SampleDatabase", .product(name: "EngineUnderMeasure", package: "blazedb-agent"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .executableTarget(name: "empty-program"),
    ],
    swiftLanguageModes: [.v6]
)

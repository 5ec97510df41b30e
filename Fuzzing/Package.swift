// swift-tools-version: 6.2
import PackageDescription

/// The fuzzers: one program for each target of the root package's FuzzTargets. `make fuzz` builds them with libFuzzer and
/// the address sanitizer (run.sh has the flags); without `--sanitize=fuzzer` they have no entry point.
let targets = ["dump", "frames", "metadata", "page", "record", "vault", "wal"]

let package = Package(
    name: "Fuzzing",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "blazedb-agent", path: "..")],
    targets: [
        .target(name: "FuzzEntry", dependencies: [.product(name: "FuzzTargets", package: "blazedb-agent")])
    ]
        + targets.map { name in
            .executableTarget(
                name: "fuzz-\(name)",
                dependencies: ["FuzzEntry", .product(name: "FuzzTargets", package: "blazedb-agent")],
                swiftSettings: [.unsafeFlags(["-parse-as-library"])])
        },
    swiftLanguageModes: [.v6]
)

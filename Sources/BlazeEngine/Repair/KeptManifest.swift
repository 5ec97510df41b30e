internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// `repair.json` in the directory that keeps the old files: which they are, what the repair made of them, and every record that
/// was recovered, lost, or rolled back. Decoding and encoding stand here side by side.
struct KeptManifest {
    /// What a file was like.
    struct Stamp: Equatable {
        let inode: UInt64
        let size: UInt64
        let modified: Int64

        init(_ status: FileStatus) {
            (inode, size, modified) = (status.identity.inode, status.size, status.modified)
        }

        fileprivate init?(_ value: JSONValue?) {
            guard let value, let inode = value["inode"]?.string.flatMap({ UInt64($0) }),
                let size = value["size"]?.integer.flatMap({ UInt64(exactly: $0) }),
                let modified = value["modified"]?.string.flatMap({ Int64($0) })
            else { return nil }
            (self.inode, self.size, self.modified) = (inode, size, modified)
        }

        fileprivate var json: [(key: String, value: JSONValue)] {
            [("inode", .string("\(inode)")), ("size", .number("\(size)")), ("modified", .string("\(modified)"))]
        }
    }

    /// The files that are kept.
    let files: [KeptSet.File]
    /// The repaired data file and metadata, as they were when they came into place.
    let data: Stamp
    let meta: Stamp
    /// The bytes of the file.
    let bytes: [UInt8]

    private static let limit = 256 << 20

    init(_ set: FileSet, _ files: [KeptSet.File], plan: RepairPlan, data: FileStatus, meta: FileStatus) {
        self.files = files
        self.data = Stamp(data)
        self.meta = Stamp(meta)
        var out: [UInt8] = []
        JSONValue.object([
            ("version", .number("1")), ("database", .string(set.data.displayString)),
            ("time", .string(Date.now.formatted(.iso8601))),
            (
                "files",
                .array(
                    files.map { file in
                        .object([
                            ("name", .string(FilePath.displayString(FilePath(root: nil, [file.name]).bytes))),
                            ("name_hex", .string(RepairMarker.hex(file.name))), ("inode", .string("\(file.inode)")),
                            ("size", .number("\(file.size)")),
                        ])
                    })
            ),
            ("repaired", .object([("data", .object(self.data.json)), ("meta", .object(self.meta.json))])),
            ("plan", plan.text),
        ]).append(to: &out)
        out.append(UInt8(ascii: "\n"))
        bytes = out
    }

    /// Reads one. Throws `.nothingKept` for a file that says nothing of the kind.
    init(_ path: FilePath, in storage: any Storage) throws(EngineError) {
        let read = try onStorage(path) { () throws -> [UInt8] in
            let file = try storage.open(path)
            return try file.bytes(count: Int(min(try file.status().size, UInt64(Self.limit))), at: 0)
        }
        func unusable() -> EngineError {
            EngineError(
                .nothingKept, "\(path.displayString) does not say what was kept",
                hint: "the old files stand beside it under their own names", path: path)
        }
        var scanner = JSONScanner(read)
        guard let value = try? scanner.value(), value["version"]?.integer == 1, let list = value["files"]?.array,
            let data = Stamp(value["repaired"]?["data"]), let meta = Stamp(value["repaired"]?["meta"])
        else { throw unusable() }
        var files: [KeptSet.File] = []
        for entry in list {
            guard let name = entry["name_hex"]?.string.flatMap({ RepairMarker.component($0) }),
                let inode = entry["inode"]?.string.flatMap({ UInt64($0) }),
                let size = entry["size"]?.integer.flatMap({ UInt64(exactly: $0) })
            else { throw unusable() }
            files.append(KeptSet.File(name: name, inode: inode, size: size))
        }
        (self.files, self.data, self.meta, self.bytes) = (files, data, meta, read)
    }
}

extension RepairPlan {
    fileprivate var text: JSONValue {
        func page(_ number: UInt32?) -> JSONValue { number.map { .number("\($0)") } ?? .null }
        return .object([
            ("records", .number("\(records)")),
            (
                "findings",
                .array(
                    findings.map {
                        .object([
                            ("name", .string($0.name.rawValue)), ("severity", .string($0.severity.rawValue)),
                            ("message", .string($0.message)),
                        ])
                    })
            ),
            (
                "steps",
                .array(steps.map { .object([("kind", .string($0.kind.rawValue)), ("message", .string($0.message))]) })
            ),
            (
                "recovered",
                .array(
                    recovered.map {
                        .object([
                            ("id", .string($0.id.description)), ("page", page($0.page)), ("reason", .string($0.reason)),
                        ])
                    })
            ),
            (
                "lost",
                .array(
                    lost.map {
                        .object([
                            ("id", $0.id.map { .string($0.description) } ?? .null), ("page", page($0.page)),
                            ("reason", .string($0.reason)),
                        ])
                    })
            ),
            (
                "duplicates",
                .array(
                    duplicates.map {
                        .object([
                            ("id", .string($0.id.description)), ("kept_page", page($0.kept)),
                            ("dropped_page", page($0.dropped)), ("reason", .string($0.reason)),
                        ])
                    })
            ),
            (
                "rolled_back",
                .array(
                    rolledBack.map {
                        .object([("id", .string($0.id.description)), ("change", .string($0.change.rawValue))])
                    })
            ),
            ("deleted", .array(deleted.map { .string($0.description) })),
        ])
    }
}

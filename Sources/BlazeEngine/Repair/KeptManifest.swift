internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// `kept.json` in the directory that keeps the old files: which they are, and what the repair put in their place. Decoding and
/// encoding stand here side by side.
struct KeptManifest {
    /// The files that are kept.
    let files: [KeptSet.File]
    /// The repaired data file and metadata, as they were when they came into place.
    let data: WrittenStamp
    let meta: WrittenStamp

    private static let limit = 1 << 20

    init(_ files: [KeptSet.File], data: FileStatus, meta: FileStatus) {
        self.files = files
        self.data = WrittenStamp(data)
        self.meta = WrittenStamp(meta)
    }

    /// The bytes of the file. Throws `.limitExceeded` for more than are read.
    func bytes() throws(EngineError) -> [UInt8] {
        var out: [UInt8] = []
        JSONValue.object([
            ("version", .number("1")),
            (
                "files",
                .array(
                    files.map { file in
                        .object([
                            ("name", .string(FilePath.displayString(FilePath(root: nil, [file.name]).bytes))),
                            ("name_hex", .string(RepairMarker.hex(file.name))), ("inode", .string("\(file.inode)")),
                            ("size", .string("\(file.size)")),
                        ])
                    })
            ),
            ("data", .string(data.text)), ("meta", .string(meta.text)),
        ]).append(to: &out)
        out.append(UInt8(ascii: "\n"))
        guard out.count <= Self.limit else {
            throw EngineError(
                .limitExceeded, "\(files.count) files are too many to keep",
                hint: "move away what does not belong there")
        }
        return out
    }

    /// Reads the one in a set. Throws `.nothingKept` for a file that says nothing of the kind, or names files that are none of this
    /// database.
    init(_ path: FilePath, of set: FileSet, in storage: any ChangingStorage) throws(EngineError) {
        let read = try onStorage(path) { () throws -> [UInt8]? in
            guard let status = try storage.ownStatus(of: path), status.kind == .regular,
                status.size <= UInt64(Self.limit)
            else { return nil }
            return try storage.open(path).bytes(count: Int(status.size), at: 0)
        }
        func unusable() -> EngineError {
            EngineError(
                .nothingKept, "\(path.displayString) does not say what was kept",
                hint: "the old files stand beside it under their own names", path: path)
        }
        func stamp(_ value: JSONValue?) -> WrittenStamp? {
            let words = value?.string?.split(separator: " ") ?? []
            return words.count == 3 ? WrittenStamp(words[0], words[1], words[2]) : nil
        }
        guard let read else { throw unusable() }
        var scanner = JSONScanner(read)
        guard let value = try? scanner.value(), value["version"]?.integer == 1, let list = value["files"]?.array,
            let data = stamp(value["data"]), let meta = stamp(value["meta"])
        else { throw unusable() }
        var files: [KeptSet.File] = []
        for entry in list {
            guard let name = entry["name_hex"]?.string.flatMap({ RepairMarker.component($0) }), set.mayKeep(name),
                let inode = entry["inode"]?.string.flatMap({ UInt64($0) }),
                let size = entry["size"]?.string.flatMap({ UInt64($0) })
            else { throw unusable() }
            files.append(KeptSet.File(name: name, inode: inode, size: size))
        }
        (self.files, self.data, self.meta) = (files, data, meta)
    }
}

extension RepairPlan {
    /// `repair.json`, for people and their tools: it is never read here.
    func report(of database: FilePath) -> [UInt8] {
        var out: [UInt8] = []
        JSONValue.object([
            ("version", .number("1")), ("database", .string(database.displayString)),
            ("time", .string(Date.now.formatted(.iso8601))), ("plan", text),
        ]).append(to: &out)
        out.append(UInt8(ascii: "\n"))
        return out
    }

    private var text: JSONValue {
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

public import BlazeModel
internal import BlazePlatform
public import SystemPackage

/// `manifest.json` of a backup: what was copied, when and how. Decoding and encoding stand side by side; Protocol/backup.md is the
/// page that describes it.
public struct BackupManifest: Sendable, Hashable {
    /// How a backup was taken.
    public enum Method: String, Sendable, Hashable, CaseIterable {
        /// Under the database's lock: all files belong to one moment.
        case exact
        /// Beside the process that has the database open: each record is one that the database held while the backup was taken.
        case live
        /// Under the lock, all files byte by byte, with what interrupted operations left beside them: of a damaged database.
        case raw
    }

    /// A file of the set.
    public struct File: Sendable, Hashable {
        /// Its name in the backup, which is the one beside the database as well.
        public let name: FilePath.Component
        /// Size in bytes.
        public let bytes: UInt64
        /// BLAKE2b of its bytes, 64 hex digits.
        public let digest: String
    }

    /// What the records are together.
    public struct Contents: Sendable, Hashable {
        /// Records that can be read.
        public internal(set) var records: UInt64
        /// Index entries whose record is damaged.
        public internal(set) var unreadable: UInt64
        /// BLAKE2b over all records that can be read, in the order of ids: id (16 bytes), length (8, big-endian), bytes as stored.
        public internal(set) var digest: String
        /// BLAKE2b over the names and types of all fields, and the names of the indexes.
        public internal(set) var schema: String
    }

    /// The newest version that is known here.
    public static let currentVersion = 1

    /// The backup's name: `20261127T051000Z-3f2a1c`.
    public let id: String
    /// Which database it is of.
    public let database: DatabaseID
    /// The data file that it was taken of, for people.
    public let source: String
    /// The data file's name.
    public let dataName: FilePath.Component
    /// When it was begun, in nanoseconds since 1970.
    public let taken: Int64
    /// How it was taken.
    public let method: Method
    /// A word of the user's; may be empty.
    public let tag: String
    /// The version of the database format (FORMAT.md 5.2); nil where the metadata cannot be read.
    public let formatVersion: String?
    /// What was put right in the copy, the database being left as it was: one sentence each.
    public let steps: [String]
    /// The files, the data file first.
    public let files: [File]
    /// What is in them; nil where that was not looked at, or cannot be.
    public internal(set) var contents: Contents?
    /// Damaged records that could not be copied.
    public internal(set) var leftOut: UInt64 = 0

    /// Bytes of all files.
    public var bytes: UInt64 { files.reduce(0) { $0.addingReportingOverflow($1.bytes).partialValue } }

    // MARK: Bytes

    static let limit = 1 << 20

    /// The file. Throws `.limitExceeded` for more than would be read.
    func encoded() throws(EngineError) -> [UInt8] {
        var members: [(key: String, value: JSONValue)] = [
            ("format", .string("blazedb-agent backup")), ("version", .number("\(Self.currentVersion)")),
            ("id", .string(id)), ("database_id", .string(database.description)), ("source", .string(source)),
            ("data_file", .string(Self.hex(dataName))), ("taken_ns", .string("\(taken)")),
            ("method", .string(method.rawValue)), ("tag", .string(tag)),
            ("format_version", formatVersion.map { .string($0) } ?? .null),
            ("left_out", .string("\(leftOut)")), ("steps", .array(steps.map { .string($0) })),
            (
                "files",
                .array(
                    files.map { file in
                        .object([
                            (
                                "name", .string(FilePath.displayString(FilePath(root: nil, [file.name]).bytes))
                            ), ("name_hex", .string(Self.hex(file.name))), ("bytes", .string("\(file.bytes)")),
                            ("blake2b", .string(file.digest)),
                        ])
                    })
            ),
        ]
        members.append(
            (
                "contents",
                contents.map {
                    .object([
                        ("records", .string("\($0.records)")), ("unreadable", .string("\($0.unreadable)")),
                        ("digest", .string($0.digest)), ("schema", .string($0.schema)),
                    ])
                } ?? .null
            ))
        var out: [UInt8] = []
        JSONValue.object(members).append(to: &out)
        out.append(UInt8(ascii: "\n"))
        guard out.count <= Self.limit else {
            throw EngineError(.limitExceeded, "the backup's manifest would have \(out.count) bytes")
        }
        return out
    }

    private static func hex(_ name: FilePath.Component) -> String { RepairMarker.hex(name) }

    /// What the bytes say; nil for bytes that are no manifest of a version known here.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.limit else { return nil }
        var scanner = JSONScanner(bytes)
        guard let value = try? scanner.value(), value["format"]?.string == "blazedb-agent backup",
            value["version"]?.integer == Int64(Self.currentVersion), let id = value["id"]?.string,
            BackupID(id) != nil, let database = value["database_id"]?.string.flatMap({ DatabaseID($0) }),
            let source = value["source"]?.string,
            let dataName = value["data_file"]?.string.flatMap({ RepairMarker.component($0) }),
            let taken = value["taken_ns"]?.string.flatMap({ Int64($0) }),
            let method = value["method"]?.string.flatMap({ Method(rawValue: $0) }), let tag = value["tag"]?.string,
            let leftOut = value["left_out"]?.string.flatMap({ UInt64($0) }), let steps = value["steps"]?.array,
            let list = value["files"]?.array, !list.isEmpty
        else { return nil }
        var files: [File] = []
        for entry in list {
            guard let name = entry["name_hex"]?.string.flatMap({ RepairMarker.component($0) }),
                !BackupDirectory.ownNames.contains(name), !files.contains(where: { $0.name == name }),
                let size = entry["bytes"]?.string.flatMap({ UInt64($0) }), let digest = entry["blake2b"]?.string,
                Self.isDigest(digest)
            else { return nil }
            files.append(File(name: name, bytes: size, digest: digest))
        }
        guard files[0].name == dataName || method == .raw else { return nil }
        self.id = id
        self.database = database
        self.source = source
        self.dataName = dataName
        self.taken = taken
        self.method = method
        self.tag = tag
        formatVersion = value["format_version"]?.string
        self.leftOut = leftOut
        self.steps = steps.compactMap(\.string)
        self.files = files
        switch value["contents"] {
        case .null, nil: contents = nil
        case .some(let object):
            guard let records = object["records"]?.string.flatMap({ UInt64($0) }),
                let unreadable = object["unreadable"]?.string.flatMap({ UInt64($0) }),
                let digest = object["digest"]?.string, let schema = object["schema"]?.string,
                Self.isDigest(digest), Self.isDigest(schema)
            else { return nil }
            contents = Contents(records: records, unreadable: unreadable, digest: digest, schema: schema)
        }
    }

    init(
        id: BackupID, database: DatabaseID, source: FilePath, dataName: FilePath.Component, taken: Int64,
        method: Method, tag: String, formatVersion: String?, steps: [String], files: [File], contents: Contents?
    ) {
        self.id = id.text
        self.database = database
        self.source = source.displayString
        self.dataName = dataName
        self.taken = taken
        self.method = method
        self.tag = tag
        self.formatVersion = formatVersion
        self.steps = steps
        self.files = files
        self.contents = contents
    }

    static func isDigest(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 2 * BLAKE2b.digestBytes
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}

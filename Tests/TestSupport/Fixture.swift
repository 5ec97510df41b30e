public import BlazePlatform
import Crypto
import Foundation
public import SystemPackage

/// A database under Tests/Fixtures, or under the directory that BLAZEDB_FIXTURES names, with what is known of it.
public struct Fixture: Sendable, CustomStringConvertible {
    /// What a manifest says that tests use.
    public struct Manifest: Decodable, Sendable {
        /// What a reader that changes nothing sees; all but `error` is nil for a database that is to be refused.
        public struct Expectation: Decodable, Sendable {
            /// Whether opening is to fail.
            public var error: Bool?
            /// Readable records.
            public var records: Int?
            /// The SHA-256 of their canonical JSON.
            public var sha256: String?
            /// Records that are not hidden.
            public var visibleRecords: Int?
            /// Indexed records.
            public var indexed: Int?
            /// Pages of the data file.
            public var pages: Int?
            /// Pages by kind.
            public var kinds: [String: Int]?
            /// The first page number never used.
            public var nextPageIndex: UInt64?
            /// The length of the free list.
            public var deletedPages: Int?
            /// Pages that neither a record nor the free list has.
            public var orphans: Int?
            /// Whole entries of the WAL.
            public var walEntries: Int?
            /// Keys by secondary index.
            public var indexes: [String: Int]?
            /// Names of findings.
            public var problems: [String]?
        }

        /// The data file's name.
        public var database: String
        /// The password.
        public var password: String
        /// The iteration count.
        public var pbkdf2Iterations: Int
        /// What a reader sees; nil for a database without its data file.
        public var expect: Expectation?
        /// What a correct repair leaves; nil where there is nothing to repair.
        public var repaired: Expectation?
    }

    /// The path under the fixtures' directory.
    public let name: String
    /// The directory that holds it.
    public let directory: FilePath
    /// What is known of it.
    public let manifest: Manifest

    /// The name, for test output.
    public var description: String { name }

    /// Every fixture, sorted by name; of two of one name the repository's own.
    public static let all: [Fixture] = {
        var byName: [String: Fixture] = [:]
        var roots = [FilePath(#filePath).removingLastComponent().removingLastComponent().appending("Fixtures")]
        if let more = ProcessInfo.processInfo.environment["BLAZEDB_FIXTURES"] { roots.append(FilePath(more)) }
        for root in roots {
            for fixture in load(root) where byName[fixture.name] == nil { byName[fixture.name] = fixture }
        }
        return byName.values.sorted { $0.name < $1.name }
    }()

    /// The fixture of a name; fails the process when there is none, which only a wrong test can ask for.
    public static func named(_ name: String) -> Fixture {
        guard let fixture = all.first(where: { $0.name == name }) else { fatalError("no fixture \(name)") }
        return fixture
    }

    private static func load(_ root: FilePath) -> [Fixture] {
        let paths = FileManager.default.enumerator(atPath: root.string)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix("/manifest.json") }.map { path in
            let directory = root.appending(String(path.dropLast("/manifest.json".count)))
            do {
                let json = try Data(contentsOf: URL(fileURLWithPath: directory.appending("manifest.json").string))
                return Fixture(
                    name: String(path.dropLast("/manifest.json".count)), directory: directory,
                    manifest: try JSONDecoder().decode(Manifest.self, from: json))
            } catch {
                fatalError("fixture \(path): \(error)")
            }
        }
    }

    /// The password, in guarded memory.
    public func password() throws -> SecretBytes {
        try SecretBytes(utf8: manifest.password)
    }

    /// The contents of its files by name, symbolic links followed.
    public func contents() throws -> [String: [UInt8]] {
        var out: [String: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.string) where name != "manifest.json"
        {
            out[name] = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.appending(name).string)))
        }
        return out
    }

    /// A copy of its files in a directory of its own.
    public func copy() throws -> FixtureCopy {
        try FixtureCopy(self)
    }
}

extension SecretBytes {
    /// The bytes of a text, for tests whose secrets are none.
    public init(utf8 text: String) throws {
        let bytes = Array(text.utf8)
        try self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }
}

/// A copy of a fixture's files, which knows whether it was changed.
public final class FixtureCopy: Sendable {
    /// Where the copy is.
    public let directory: TemporaryDirectory
    /// The data file's path.
    public let data: FilePath
    private let before: [String: String]

    init(_ fixture: Fixture) throws {
        directory = try TemporaryDirectory()
        for (name, bytes) in try fixture.contents() { try directory.write(bytes, to: name) }
        data = directory.path.appending(fixture.manifest.database)
        before = try Self.state(of: directory)
    }

    /// Whether every file has the bytes and the modification time that it had, and none was added or removed.
    public func isUnchanged() throws -> Bool {
        try Self.state(of: directory) == before
    }

    private static func state(of directory: TemporaryDirectory) throws -> [String: String] {
        var out: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path.string) {
            let path = directory.path.appending(name)
            let hash = SHA256.hash(data: try Data(contentsOf: URL(fileURLWithPath: path.string)))
            let status = try PosixStorage().status(of: path)
            out[name] = "\(hash) \(status?.modified ?? 0)"
        }
        return out
    }
}

import BlazeEngine
import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import TestSupport

/// `WriterScenario PATH ITERATIONS VERB`, the password on standard input: changes a database by the engine itself, for tests that
/// kill the program in the middle, or need a database that nothing else makes. Its passwords are none.
///
/// - `create`: makes an empty one.
/// - `contents`: prints the hash of what is in it.
/// - `change SEED COUNT`: carries out random changes, gc and vacuum among them.
/// - `grow COUNT`: adds so many records and deletes a third of them again, so that many pages are free.
///
/// `change` prints `next HASH` before each change and `done HASH` when it is acknowledged, where HASH is what a manifest
/// says of such records (`FixtureHash`).
@main enum Scenario {
    static func main() {
        do {
            try run(CommandLine.arguments)
        } catch {
            try? Terminal.write(Array("\(error)\n".utf8), to: 2)
            exit(1)
        }
    }

    private static func run(_ words: [String]) throws {
        guard words.count >= 4, let iterations = Int(words[2]) else { throw Usage() }
        let files = FileSet(data: FilePath(words[1]))
        var password = try SecretInput.from(descriptor: 0, limit: 4096)
        let storage = PosixStorage()
        if words[3] == "create" {
            let salt = (0..<16).map { _ in UInt8.random(in: 0...255) }
            var key = try DatabaseKey.derive(salt: salt, password: &password, iterations: iterations)
            try key.withKey { key in
                try DatabaseWriter.create(files, in: storage, key: key, salt: salt).close()
            }
            return
        }
        var key = try DatabaseKey.derive(for: files, in: storage, password: &password, iterations: iterations)
        try key.withKey { key in
            switch words[3] {
            case "contents": print(try Course(files, key, seed: 0).hash)
            case "change":
                guard words.count == 6, let seed = UInt64(words[4]), let count = Int(words[5]) else { throw Usage() }
                var course = try Course(files, key, seed: seed)
                for _ in 0..<count { try course.step() }
                try course.end()
            case "grow":
                guard words.count == 5, let count = UInt64(words[4]) else { throw Usage() }
                try Growth(files, key).run(count)
            default: throw Usage()
            }
        }
    }

    private struct Usage: Error {}
}

/// A database, what is in it, and random changes.
private struct Course {
    private let files: FileSet
    private let key: SymmetricKey
    private var writer: DatabaseWriter
    private var records: [RecordID: Record] = [:]
    private var generator: SeededGenerator

    init(_ files: FileSet, _ key: SymmetricKey, seed: UInt64) throws {
        self.files = files
        self.key = key
        generator = SeededGenerator(seed: seed)
        writer = try Self.open(files, key)
        for id in writer.recordIDs { records[id] = try writer.record(id) }
    }

    private static func open(_ files: FileSet, _ key: SymmetricKey) throws -> DatabaseWriter {
        let storage = PosixStorage()
        let isThere = try storage.status(of: files.data) != nil
        let lock = try storage.lock(isThere ? files.data : files.dataAside)
        return try DatabaseWriter(files, in: storage, key: key, lock: lock)
    }

    var hash: String { Self.hash(records) }

    private static func hash(_ records: [RecordID: Record]) -> String {
        var hash = FixtureHash()
        for (_, record) in records.sorted(by: { $0.key < $1.key }) { hash.add(record) }
        return hash.finish()
    }

    private mutating func announce(_ records: [RecordID: Record]) { tell("next \(Self.hash(records))\n") }

    private func tell(_ line: String) {
        do {
            try Terminal.write(Array(line.utf8), to: 1)
        } catch {
            // Nobody listens any more.
        }
    }

    mutating func step() throws {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0:
            announce(records)
            _ = try writer.collectGarbage()
        case 1:
            announce(records)
            _ = try writer.vacuum(dropsUnindexed: true, always: true)
        case 2:
            announce(records)
            try writer.close()
            writer = try Self.open(files, key)
        default:
            let changes = (0..<Int.random(in: 1...5, using: &generator)).map { _ in change() }
            var after = records
            for (id, record) in changes { after[id] = record }
            announce(after)
            try writer.transaction { transaction in
                for (id, record) in changes {
                    if let record {
                        try transaction.upsert(record)
                    } else if try transaction.record(id) != nil {
                        try transaction.delete(id)
                    }
                }
            }
            records = after
        }
        tell("done \(hash)\n")
    }

    /// A record, or that there is none any more.
    private mutating func change() -> (RecordID, Record?) {
        let n = UInt64.random(in: 0..<40, using: &generator)
        let id = RecordID(high: 0x5CE0_0000_0000_4000, low: 0x8000_0000_0000_0000 | n)
        guard Int.random(in: 0..<4, using: &generator) > 0 else { return (id, nil) }
        let size = [3, 400, 3990, 4046, 9000, 30_000][Int.random(in: 0..<6, using: &generator)]
        let mark = Int64.random(in: .min ... .max, using: &generator)
        return (
            id,
            Record(fields: [
                Field("id", .uuid(id)), Field("createdAt", .date(1000.5)), Field("project", .string("Default")),
                Field("title", .string("\u{E9} \(n)")), Field("mark", .int(mark)),
                Field("data", .data([UInt8](repeating: UInt8(truncatingIfNeeded: mark), count: size))),
                Field("nested", .dictionary([Field("list", .array([.null, .bool(true), .double(0.5)]))])),
                Field("vector", .vector(StoredVector(words: [0x3FF0_0000, 0xC004_0000]))),
            ])
        )
    }

    func end() throws { try writer.close() }
}

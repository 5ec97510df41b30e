import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Random damage to every file of real databases: opening refuses it, or a full check names a page or a record of it, or it
/// provably changes nothing.
@Suite struct CheckDamageTests {
    /// What a database is, as far as damage could change it.
    private struct State: Equatable {
        var records: [RecordID: [UInt8]] = [:]
        var index: [RecordID: [UInt32]] = [:]
        var free: [UInt32] = []
        var next: UInt64 = 0

        init(_ reader: DatabaseReader) throws {
            _ = try reader.forEachRecord { records[$0] = typedJSON($1) }
            for entry in reader.metadata.index.entries {
                index[entry.id] = Array(reader.metadata.index.pages(of: entry))
            }
            free = reader.metadata.freePages
            next = reader.metadata.nextPageIndex
        }
    }

    private struct Original {
        let name: String
        let fixture: Fixture
        let contents: [String: [UInt8]]
        let files: FileSet
        let key: SymmetricKey
        let state: State
        let findings: Set<Finding>
        /// The records that have a page in their chain.
        private(set) var users: [UInt32: Set<RecordID>] = [:]
        /// Zero pages by which indexed records are deleted.
        private(set) var deleted: Set<UInt32> = []

        init(_ name: String) throws {
            self.name = name
            fixture = Fixture.named(name)
            contents = try fixture.contents()
            files = FileSet(data: FilePath("/db").appending(fixture.manifest.database))
            key = try Self.key(fixture, files, MemoryStorage(contents))
            let reader = try DatabaseReader(files, in: MemoryStorage(contents), key: key)
            state = try State(reader)
            findings = Set(try reader.fullCheck().findings)
            let store = reader.generation.store
            for entry in reader.metadata.index.entries {
                let outcome = RecordReader(store: store).outcome(of: entry, in: reader.metadata.index)
                if outcome.isDeleted, let page = outcome.page { deleted.insert(page) }
                guard case .read(let found) = outcome else { continue }
                for page in found.chain { users[page, default: []].insert(entry.id) }
            }
        }

        static func key(_ fixture: Fixture, _ files: FileSet, _ storage: any Storage) throws -> SymmetricKey {
            var password = try fixture.password()
            var derived = try DatabaseKey.derive(
                for: files, in: storage, password: &password, iterations: fixture.manifest.pbkdf2Iterations)
            return derived.withKey { key in key.withUnsafeBytes { SymmetricKey(data: $0) } }
        }

        /// Whether a byte of the data file says something (FORMAT.md 3): it is in a page that a record has, and neither behind its
        /// ciphertext nor among the three zeros of an overflow page's header; or in a page whose zeros say that a record is deleted.
        func counts(_ offset: Int, in data: [UInt8]) -> Bool {
            if deleted.contains(UInt32(offset / 4096)) { return true }
            guard users[UInt32(offset / 4096)] != nil else { return false }
            let page = data[offset / 4096 * 4096..<min(data.count, (offset / 4096 + 1) * 4096)]
            let place = offset % 4096
            func big(_ at: Int) -> Int { page.dropFirst(at).prefix(4).reduce(0) { $0 << 8 | Int($1) } }
            return page.first == UInt8(ascii: "B")
                ? place < 37 + big(5) : place < 44 + big(12) && !(5..<8).contains(place)
        }
    }

    private static let names = [
        "tiny", "typed", "unclean", "damaged/async-vacuum-free-list", "damaged/chain-order", "damaged/leaked-pages",
        "damaged/overflow-v1", "damaged/phantom-delete", "damaged/rebuild-hides-records", "damaged/stale-next-page",
        "damaged/torn-wal", "damaged/txn-interrupted", "damaged/wal-over-overflow",
    ]

    /// 24 changes each: 312 together; 1,200 each, 15,600 together, with the rounds of `make test-slow`.
    @Test(arguments: names) func everyDamageIsFoundOrHarmless(_ name: String) throws {
        let original = try Original(name)
        var generator = SeededGenerator.printed(name)
        for round in 0..<testRounds(24) {
            let (file, bytes, what) = Self.damage(original, &generator)
            try Self.judge(original, file, bytes, "\(name), round \(round), \(file): \(what)")
        }
    }

    private static func damage(
        _ original: Original, _ generator: inout SeededGenerator
    ) -> (file: String, bytes: [UInt8], what: String) {
        let base = original.files.data.stem ?? ""
        let choices = ["blazedb", "blazedb", "blazedb", "blazedb", "meta", "meta", "wal", "salt"].map {
            "\(base).\($0)"
        }
        .filter { !(original.contents[$0] ?? []).isEmpty }
        let file = choices[Int.random(in: choices.indices, using: &generator)]
        var bytes = original.contents[file] ?? []
        let damage = Damage.random(size: bytes.count, isPaged: file.hasSuffix(".blazedb"), &generator)
        damage.strike(&bytes)
        return (file, bytes, damage.description)
    }

    private static func judge(_ original: Original, _ file: String, _ bytes: [UInt8], _ what: String) throws {
        let before = original.contents[file] ?? []
        guard bytes != before else { return }
        let storage = MemoryStorage(original.contents)
        storage[FilePath("/db").appending(file)] = bytes
        let check: CheckReport
        let state: State
        do {
            let isSalt = file.hasSuffix(".salt")
            let key = isSalt ? try Original.key(original.fixture, original.files, storage) : original.key
            let reader = try DatabaseReader(original.files, in: storage, key: key)
            #expect(!isSalt, "\(what): another salt gave the same key")
            check = try reader.fullCheck()
            state = try State(reader)
        } catch let error as EngineError {
            #expect(!error.message.isEmpty && error.path != nil, "\(what): \(error)")
            return
        }
        let found = check.findings.filter { !original.findings.contains($0) }
        let isSame = state == original.state
        #expect(isSame || !found.isEmpty, "\(what): the database changed, and nothing is said")
        guard file.hasSuffix(".blazedb") else { return }
        let padded = bytes + [UInt8](repeating: 0, count: before.count - bytes.count)
        let changed = stride(from: 0, to: before.count, by: 4096).flatMap { start in
            let page = start..<min(start + 4096, before.count)
            return before[page] == padded[page] ? [] : page.filter { before[$0] != padded[$0] }
        }
        guard changed.contains(where: { original.counts($0, in: before) }) else {
            #expect(isSame, "\(what): bytes that say nothing changed the database")
            return
        }
        // A page that was cut off may be named also where it held nothing but zeros.
        let pages = Set(changed.map { UInt32($0 / 4096) })
            .union(stride(from: bytes.count / 4096, to: before.count / 4096, by: 1).map { UInt32($0) })
        let records = pages.reduce(into: Set<RecordID>()) { $0.formUnion(original.users[$1] ?? []) }
        let isNamed = found.contains { finding in
            finding.page.map(pages.contains) ?? false || finding.record.map(records.contains) ?? false
        }
        #expect(isNamed, "\(what): pages \(pages.sorted()) are not among \(found)")
    }
}

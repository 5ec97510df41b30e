import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Opening real databases for a change puts right what a crash of BlazeDB left, and loses nothing.
@Suite struct RecoveryTests {
    /// A fixture in memory.
    private struct Original {
        let bench: WriterBench
        let storage: CrashStorage

        init(_ name: String) throws {
            let fixture = Fixture.named(name)
            let files = FileSet(data: FilePath("/db").appending(fixture.manifest.database))
            storage = CrashStorage(try fixture.contents())
            var password = try fixture.password()
            // A key needs a data file to be derived for; with the old name back there is one.
            let named = storage.copy()
            if named[files.data] == nil { named[files.data] = named[files.dataAside] }
            var derived = try DatabaseKey.derive(
                for: files, in: named, password: &password, iterations: fixture.manifest.pbkdf2Iterations)
            let key = derived.withKey { key in key.withUnsafeBytes { SymmetricKey(data: $0) } }
            bench = WriterBench(files: files, key: key)
        }

        func hash(_ storage: CrashStorage) throws -> (String, Int) {
            let reader = try DatabaseReader(bench.files, in: storage, key: bench.key, underLease: true)
            var hash = FixtureHash()
            var count = 0
            _ = try reader.forEachRecord { _, record in
                hash.add(record)
                count += 1
            }
            return (hash.finish(), count)
        }
    }

    private static let repaired: [(name: String, kinds: Set<RecoveryStep.Kind>)] = [
        ("tiny", []), ("typed", []), ("large", []), ("empty", []),
        ("unclean", [.walEmptied]),
        ("damaged/stale-next-page", [.walEmptied, .nextPageRaised]),
        ("damaged/phantom-delete", []),
        ("damaged/leaked-pages", []),
        ("damaged/wal-over-overflow", [.walEmptied]),
        ("damaged/torn-wal", [.walEmptied]),
        ("damaged/txn-interrupted", [.walEmptied, .transactionRolledBack]),
        ("damaged/vacuum-between-renames", [.vacuumUndone]),
        ("damaged/async-vacuum-free-list", [.nextPageRaised]),
        ("damaged/overflow-v1", []), ("damaged/chain-order", []),
    ]

    @Test(arguments: repaired.map(\.name)) func opensForAChange(_ name: String) throws {
        let original = try Original(name)
        let bench = original.bench
        let manifest = Fixture.named(name).manifest
        let wanted = try #require(manifest.repaired?.sha256 ?? manifest.expect?.sha256)
        let storage = original.storage.copy()
        let writer = try bench.open(storage)
        #expect(try original.hash(storage).0 == wanted)
        let told = Set(writer.recovery.map(\.kind))
        let expected = try #require(Self.repaired.first { $0.name == name }?.kinds)
        #expect(told == expected.subtracting(name == "damaged/txn-interrupted" ? [.walEmptied] : []))
        #expect(writer.recovery.allSatisfy { !$0.message.isEmpty })
        #expect((storage[bench.files.wal] ?? []).isEmpty)
        // It can be changed and vacuumed, and what was there stays there.
        try writer.insert(WriterBench.record(9999, size: 9000))
        let report = try writer.vacuum(always: true)
        #expect(report.isRewritten)
        try writer.delete(DatabaseBuilder.id(9999))
        try writer.close()
        #expect(try original.hash(storage).0 == wanted)
        #expect(try bench.contents(storage).count == report.records - 1)
        #expect(try bench.open(storage).recovery.isEmpty)
    }

    /// The recovery itself is cut at every call, and then goes on.
    @Test(arguments: repaired.filter { !$0.kinds.isEmpty }.map(\.name)) func isCutAtEveryCall(_ name: String) throws {
        let original = try Original(name)
        let bench = original.bench
        let manifest = Fixture.named(name).manifest
        let wanted = try #require(manifest.repaired?.sha256 ?? manifest.expect?.sha256)
        let whole = original.storage.copy()
        try bench.open(whole).close()
        var generator = SeededGenerator.printed("isCutAtEveryCall(\(name))")
        for n in 1...whole.calls.count {
            let seeds = (0..<testRounds(2)).map { _ in CrashStorage.Survival.some(seed: generator.next()) }
            for survival in [.all, .nothing] + seeds {
                let cut = original.storage.copy(.dies, at: n)
                _ = try? bench.open(cut).close()
                let left = cut.survivors(survival)
                do {
                    let writer = try bench.open(left)
                    #expect(
                        try original.hash(left).0 == wanted, "\(name), call \(n) \(whole.calls[n - 1]), \(survival)")
                    try writer.close()
                    let stay = bench.leftovers(left).filter { $0 != "/db/db.blazedb.wal" }
                    #expect(stay.isEmpty, "\(name), call \(n), \(survival): \(stay)")
                } catch {
                    Issue.record("\(name), call \(n) \(whole.calls[n - 1]), \(survival): \(error)")
                }
            }
        }
    }

    /// What was written after an interrupted transaction is not rolled back with it.
    @Test func aTransactionIsNotRolledBackOverLaterWrites() throws {
        let original = try Original("damaged/txn-interrupted")
        let bench = original.bench
        let storage = original.storage.copy()
        // As if the directory had been moved, opened by BlazeDB, which took the half-done state for committed, and closed.
        storage[bench.files.wal] = []
        let before = storage.paths.map { ($0, storage[$0]) }
        #expect(throws: EngineError(.recoveryUndecided, "")) { try bench.open(storage) }
        for (path, bytes) in before { #expect(storage[path] == bytes) }
    }

    @Test func aWrongKeyChangesNothing() throws {
        for name in ["damaged/txn-interrupted", "damaged/vacuum-between-renames", "unclean"] {
            let original = try Original(name)
            var bench = original.bench
            bench.key = WriterBench.key
            let storage = original.storage.copy()
            #expect(throws: EngineError(.wrongPassword, "")) { try bench.open(storage) }
            #expect(storage.calls.isEmpty, "\(name): \(storage.calls)")
        }
    }

    /// Records that only a page scan finds are no waste (trap T8).
    @Test func gcAndVacuumLeaveUnindexedRecordsAlone() throws {
        let original = try Original("damaged/rebuild-hides-records")
        let bench = original.bench
        let storage = original.storage.copy()
        let writer = try bench.open(storage)
        let reader = try DatabaseReader(bench.files, in: storage, key: bench.key, underLease: true)
        let space = try reader.space()
        #expect(space.unindexedRecords == 4 && space.keptPages > 500)
        #expect(throws: EngineError(.wouldDropRecords, "")) { try writer.vacuum() }
        let report = try writer.collectGarbage()
        #expect(report.unindexedRecords == 4)
        #expect(try reader.space().unindexedRecords == 4)
        #expect(try writer.vacuum(dropsUnindexed: true).unindexedDropped == 4)
        try writer.close()
        #expect(try bench.contents(storage).count == 2)
        #expect(bench.leftovers(storage).isEmpty)
    }

    /// Nothing is rewritten or given away while a record cannot be read (trap T20).
    @Test(arguments: ["damaged/lost-second-owner"]) func damageIsNotVacuumedAway(_ name: String) throws {
        let original = try Original(name)
        let storage = original.storage.copy()
        let writer = try original.bench.open(storage)
        let before = storage[original.bench.files.data]
        #expect(throws: EngineError(.damaged, "")) { try writer.vacuum() }
        #expect(throws: EngineError(.damaged, "")) { try writer.collectGarbage() }
        #expect(storage[original.bench.files.data] == before)
        #expect(original.bench.leftovers(storage).isEmpty)
        try writer.close()
    }
}

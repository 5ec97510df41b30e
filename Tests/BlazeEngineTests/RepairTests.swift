import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// What a repair saves, what it says, and that it can be taken back.
@Suite struct RepairTests {
    static let damaged = Fixture.all.map(\.name).filter { $0.hasPrefix("damaged/") }

    @Test(arguments: damaged + ["unclean"]) func endsInWhatTheBytesHold(_ name: String) throws {
        let bench = try RepairBench(name)
        let wanted = try #require(bench.manifest.repaired ?? bench.manifest.expect)
        let storage = bench.storage.copy()
        let before = RepairBench.outside(storage)
        let plan = try bench.repair(storage).plan()
        #expect(RepairBench.outside(storage) == before && storage.calls.isEmpty, "a plan changes something")
        #expect(plan.isNeeded)
        #expect(plan.records == wanted.records)
        let report = try bench.apply(storage)
        #expect(report.isRepaired)
        let (hash, count) = try bench.hash(storage)
        #expect(count == wanted.records && hash == wanted.sha256)
        let left = try bench.findings(storage).filter { $0.name != .legacySalt }
        #expect(left.isEmpty, "\(left)")
        #expect(
            bench.bench.leftovers(storage).allSatisfy {
                $0.contains(".before-repair-") || $0.hasSuffix("/manifest.json")
            })
        #expect((storage[bench.files.wal] ?? []).isEmpty)
        #expect(report.bytesAfter <= max(plan.bytesAfter, plan.bytesBefore))
        // There is nothing left to repair, and it can be changed further.
        let again = try bench.apply(storage)
        #expect(!again.isRepaired, "\(again.plan)")
        let writer = try bench.bench.open(storage)
        try writer.insert(WriterBench.record(9999, size: 9000))
        try writer.delete(DatabaseBuilder.id(9999))
        try writer.close()
        #expect(try bench.hash(storage).0 == wanted.sha256)
    }

    @Test(arguments: damaged + ["unclean"]) func undoPutsEveryByteBack(_ name: String) throws {
        let bench = try RepairBench(name)
        let storage = bench.storage.copy()
        let before = RepairBench.outside(storage)
        let plan = try bench.repair(storage).plan()
        try bench.apply(storage)
        try bench.undo(storage)
        var expected = before
        // What an interrupted vacuum had moved aside is back under its name.
        if let aside = expected.removeValue(forKey: bench.files.dataAside) { expected[bench.files.data] = aside }
        expected[bench.files.swapMarker] = nil
        #expect(RepairBench.outside(storage) == expected)
        #expect(storage.paths.allSatisfy { $0.components.count == 2 }, "the kept set stays")
        // And it can be repaired again.
        #expect(try bench.repair(storage).plan().records == plan.records)
        #expect(throws: EngineError(.nothingKept, "")) { try bench.undo(storage) }
    }

    @Test func undoRefusesToLoseLaterChanges() throws {
        let bench = try RepairBench("damaged/chain-order")
        let storage = bench.storage.copy()
        try bench.apply(storage)
        let writer = try bench.bench.open(storage)
        try writer.insert(WriterBench.record(9999))
        try writer.close()
        let before = RepairBench.outside(storage)
        #expect(throws: EngineError(.changedSince, "")) { try bench.undo(storage) }
        #expect(RepairBench.outside(storage) == before)
        try bench.undo(storage, discardsChanges: true)
        #expect(try bench.hash(storage).1 == 5)
    }

    @Test(arguments: ["tiny", "typed", "large", "empty"]) func aSoundDatabaseIsLeftAlone(_ name: String) throws {
        let bench = try RepairBench(name)
        let storage = bench.storage.copy()
        let before = RepairBench.outside(storage)
        let report = try bench.apply(storage)
        let waste: Set<Finding.Name> = [.leaked, .orphan, .indexDangling, .vacuumLeftover]
        guard report.isRepaired else {
            #expect(RepairBench.outside(storage) == before && storage.calls.isEmpty)
            return
        }
        #expect(report.plan.findings.filter { $0.severity > .note }.allSatisfy { waste.contains($0.name) })
    }

    @Test func tellsWhatItDoes() throws {
        func report(_ name: String) throws -> RepairPlan {
            try RepairBench(name).apply(RepairBench(name).storage.copy()).plan
        }
        let rolledBack = try report("damaged/txn-interrupted")
        #expect(rolledBack.rolledBack.map(\.change).sorted { $0.rawValue < $1.rawValue } == [.removed, .reverted])
        #expect(rolledBack.steps.map(\.kind).contains(.transactionRolledBack))
        let lost = try report("damaged/lost-second-owner")
        #expect(lost.lost.count == 5 && lost.lost.allSatisfy { $0.id != nil && !$0.reason.isEmpty })
        let hidden = try report("damaged/rebuild-hides-records")
        #expect(hidden.recovered.count == 4 && hidden.lost.isEmpty)
        let phantom = try report("damaged/phantom-delete")
        #expect(phantom.deleted.count == 1 && phantom.lost.isEmpty)
        let forged = try report("damaged/forged-v1-meta")
        #expect(forged.steps.map(\.kind).contains(.metadataRebuilt) && forged.records == 300)
        let old = try report("damaged/overflow-v1")
        #expect(old.steps.map(\.kind).contains(.formsRenewed))
    }

    @Test func aTransactionMayBeKept() throws {
        let bench = try RepairBench("damaged/txn-interrupted")
        let storage = bench.storage.copy()
        var options = RepairOptions()
        options.transaction = .keep
        let report = try bench.apply(storage, options)
        #expect(report.isRepaired && report.plan.rolledBack.isEmpty)
        #expect(try bench.hash(storage).0 == bench.manifest.expect?.sha256)
        #expect(try bench.findings(storage).isEmpty)
    }

    // MARK: Copies of an id

    /// A record of an id, with a mark and a time.
    private static func record(_ n: Int, mark: Int, updated: Double?) -> Record {
        var fields = [Field("id", .uuid(DatabaseBuilder.id(n))), Field("mark", .int(Int64(mark)))]
        if let updated { fields.append(Field("updatedAt", .date(updated))) }
        return Record(fields: fields)
    }

    private static func made(_ build: (inout DatabaseBuilder) throws -> Void) throws -> (CrashStorage, DatabaseBuilder)
    {
        var builder = DatabaseBuilder()
        try build(&builder)
        let storage = CrashStorage()
        for (path, bytes) in builder.contents() { storage[path] = bytes }
        return (storage, builder)
    }

    private static func repaired(
        _ storage: CrashStorage, _ builder: DatabaseBuilder, _ options: RepairOptions = RepairOptions()
    )
        throws -> (RepairPlan, Contents)
    {
        let files = DatabaseBuilder.files
        var repair = Repair(
            files, in: storage, key: builder.key, locks: [try storage.lock(files.data)], options: options)
        let report = try repair.apply()
        return (report.plan, try WriterBench(files: files, key: builder.key).contents(storage))
    }

    @Test(arguments: [true, false]) func ofTwoCopiesTheLaterOneCounts(_ hasMetadata: Bool) throws {
        let older = Self.record(1, mark: 1, updated: 100)
        let newer = Self.record(1, mark: 2, updated: 200)
        for order in [[older, newer], [newer, older]] {
            let (storage, builder) = try Self.made { builder in
                for record in order { builder.pages.append(try builder.recordPage(try RecordCodec.encode(record))) }
                builder.index.append((DatabaseBuilder.id(1), [0]))
            }
            if !hasMetadata { storage[DatabaseBuilder.files.meta] = nil }
            let (plan, contents) = try Self.repaired(storage, builder)
            #expect(contents == [DatabaseBuilder.id(1): typedJSON(newer)])
            #expect(plan.duplicates.map(\.id) == [DatabaseBuilder.id(1)])
            #expect(plan.duplicates.first?.kept == (order[0] == newer ? 0 : 1))
        }
    }

    @Test func ofTwoCopiesOfOneTimeTheIndexedOneCounts() throws {
        let records = [Self.record(1, mark: 1, updated: nil), Self.record(1, mark: 2, updated: nil)]
        let (storage, builder) = try Self.made { builder in
            for record in records { builder.pages.append(try builder.recordPage(try RecordCodec.encode(record))) }
            builder.index.append((DatabaseBuilder.id(1), [1]))
        }
        let (plan, contents) = try Self.repaired(storage, builder)
        #expect(contents == [DatabaseBuilder.id(1): typedJSON(records[1])])
        #expect(plan.duplicates.first?.kept == 1)
    }

    @Test func swappedPagesComeBackUnderTheirOwnIds() throws {
        let (storage, builder) = try Self.made { builder in
            try builder.add(DatabaseBuilder.id(1), n: 1)
            try builder.add(DatabaseBuilder.id(2), n: 2)
            builder.pages.swapAt(0, 1)
        }
        let (plan, contents) = try Self.repaired(storage, builder)
        #expect(contents.count == 2 && plan.recovered.count == 2 && plan.lost.isEmpty)
    }

    @Test func recordsOfTheFreeListAreDeletedOnes() throws {
        let (storage, builder) = try Self.made { builder in
            try builder.add(DatabaseBuilder.id(1))
            try builder.add(DatabaseBuilder.id(2))
            builder.index.removeLast()
            builder.free = [1]
            // Something to repair.
            builder.pages.append([UInt8](repeating: 0, count: 4096))
            builder.nextPageIndex = 3
        }
        let (plan, contents) = try Self.repaired(storage.copy(), builder)
        #expect(contents.count == 1 && plan.steps.map(\.kind).contains(.freeLeftOut))
        var options = RepairOptions()
        options.includesFree = true
        #expect(try Self.repaired(storage.copy(), builder, options).1.count == 2)
    }

    @Test func plainPagesAreNotTakenForAuthentic() throws {
        let (storage, builder) = try Self.made { builder in
            try builder.add(DatabaseBuilder.id(1))
            let plaintext = DatabaseBuilder.record(DatabaseBuilder.id(2))
            builder.pages.append(
                DatabaseBuilder.padded(
                    Array("BZDB".utf8) + [1] + DatabaseBuilder.big(UInt32(plaintext.count)) + plaintext))
            builder.index.append((DatabaseBuilder.id(2), [1]))
        }
        let (plan, contents) = try Self.repaired(storage.copy(), builder)
        #expect(contents.count == 1 && plan.lost.map(\.id) == [DatabaseBuilder.id(2)])
        var options = RepairOptions()
        options.includesPlain = true
        #expect(try Self.repaired(storage.copy(), builder, options).1.count == 2)
    }

    @Test func aBrokenChainTellsWhoseItWas() throws {
        let (storage, builder) = try Self.made { builder in
            try builder.add(DatabaseBuilder.id(1))
            try builder.addLong(DatabaseBuilder.id(2), size: 9000)
            builder.pages[3] = [UInt8](repeating: 0, count: 4096)
        }
        for hasMetadata in [true, false] {
            let storage = storage.copy()
            if !hasMetadata { storage[DatabaseBuilder.files.meta] = nil }
            let (plan, contents) = try Self.repaired(storage, builder)
            #expect(contents.count == 1 && plan.lost.map(\.id) == [DatabaseBuilder.id(2)])
        }
    }

    /// A record of exactly the length at which its end is looked at, and which ends like a reference (trap T21).
    @Test func aRecordThatLooksLikeOneWithAChainIsSaved() throws {
        var fields = [Field("id", .uuid(DatabaseBuilder.id(7))), Field("z", .data([]))]
        let reference = DatabaseBuilder.reference(first: 9, total: 5000, checksum: 1, count: 1)
        let empty = try RecordCodec.encode(Record(fields: fields)).count
        let filler = [UInt8](repeating: 1, count: 4046 - empty - reference.count)
        fields[1].value = .data(filler + reference)
        let record = Record(fields: fields)
        let bytes = try RecordCodec.encode(record)
        try #require(bytes.count == 4046)
        let (storage, builder) = try Self.made { builder in
            builder.pages.append(try builder.recordPage(bytes))
            builder.index.append((DatabaseBuilder.id(7), [0]))
        }
        let (plan, contents) = try Self.repaired(storage, builder)
        #expect(contents == [DatabaseBuilder.id(7): typedJSON(record)])
        #expect(plan.lost.isEmpty && plan.recovered.isEmpty)
    }

    /// Nothing behind nextPageIndex was ever acknowledged: a newer copy there is of a change that was not finished.
    @Test func aCopyThatWasNeverAcknowledgedDoesNotCount() throws {
        let (storage, builder) = try Self.made { builder in
            for (mark, updated) in [(1, 100.0), (2, 200.0)] {
                let record = Self.record(1, mark: mark, updated: updated)
                builder.pages.append(try builder.recordPage(try RecordCodec.encode(record)))
            }
            builder.index.append((DatabaseBuilder.id(1), [0]))
            builder.nextPageIndex = 1
        }
        let (plan, contents) = try Self.repaired(storage.copy(), builder)
        #expect(contents == [DatabaseBuilder.id(1): typedJSON(Self.record(1, mark: 1, updated: 100))])
        #expect(plan.duplicates.first?.kept == 0)
        var options = RepairOptions()
        options.prefersNewest = true
        #expect(
            try Self.repaired(storage.copy(), builder, options).1
                == [DatabaseBuilder.id(1): typedJSON(Self.record(1, mark: 2, updated: 200))])
    }

    /// A key that signs the metadata and opens nothing may be a slip that BlazeDB has signed a rebuilt index with (trap T8).
    @Test func aKeyThatOpensNoRecordIsRefused() throws {
        let (storage, builder) = try Self.made { builder in
            try builder.add(DatabaseBuilder.id(1))
            builder.pages[0][40] ^= 1
        }
        let before = RepairBench.outside(storage)
        let files = DatabaseBuilder.files
        func apply(always: Bool) throws -> Repair.Report {
            var repair = Repair(
                files, in: storage, key: builder.key, locks: [try storage.lock(files.data)], options: RepairOptions())
            return try repair.apply(always: always)
        }
        #expect(throws: EngineError(.wrongPassword, "")) { try apply(always: false) }
        #expect(RepairBench.outside(storage) == before)
        #expect(try apply(always: true).plan.lost.map(\.id) == [DatabaseBuilder.id(1)])
    }

    /// Whoever may write beside a database must not have the next change remove what he names.
    @Test(arguments: ["elsewhere", "other.before-repair-20261126T224354Z"])
    func aPlantedMarkerRemovesNothing(_ kept: String) throws {
        let bench = try RepairBench("tiny")
        let storage = bench.storage.copy()
        try storage.makeDirectory(FilePath("/db").appending(kept), like: nil)
        let precious = FilePath("/db").appending(kept).appending("letter")
        storage[precious] = [1, 2, 3]
        let component = try #require(FilePath.Component(kept))
        let data = try #require(try storage.status(of: bench.files.data))
        let marker = RepairMarker(.repair, kept: component, from: WrittenStamp(data))
        try marker.write(bench.files, in: storage)
        let lock = try storage.lock(bench.files.data)
        #expect(throws: EngineError(.recoveryUndecided, "")) {
            try FileRecovery.resolve(bench.files, in: storage, locks: [lock])
        }
        #expect(storage[precious] == [1, 2, 3])
    }

    /// A WAL of the time before a repair must not come over a database that was given back and went on.
    @Test func anUndoThatWasOvertakenIsNotFinished() throws {
        let bench = try RepairBench("unclean")
        let repaired = bench.storage.copy()
        try bench.apply(repaired)
        let whole = repaired.copy()
        try bench.undo(whole)
        let commit = try #require(whole.calls.firstIndex { $0.hasSuffix(".vacuum_success") && $0.hasPrefix("sync") })
        let cut = repaired.copy(.dies, at: commit + 2)
        _ = try? bench.undo(cut)
        let left = cut.survivors(.all)
        let data = try left.openForWriting(bench.files.data)
        try data.write([9], at: UInt64(try #require(left[bench.files.data]).count))
        let lock = try left.lock(bench.files.data)
        _ = try FileRecovery.resolve(bench.files, in: left, locks: [lock])
        #expect((left[bench.files.wal] ?? []).isEmpty)
        #expect(left.paths.contains { $0.string.contains(".before-repair-") && $0.string.hasSuffix(".wal") })
    }

    // MARK: Crashes

    /// A repair is cut at every call: the old set is there or the new one, and a second repair ends as the first would have.
    @Test(
        arguments: damaged.filter {
            !["damaged/rebuild-hides-records", "damaged/torn-wal", "damaged/meta-truncated"].contains($0)
        } + ["unclean"])
    func isCutAtEveryCall(_ name: String) throws {
        try cut(RepairBench(name), name)
    }

    @Test func isCutAtEveryCallWithoutMetadata() throws {
        try cut(RepairBench("damaged/leaked-pages", lacksMeta: true), "leaked-pages without metadata")
    }

    private func cut(_ bench: RepairBench, _ name: String) throws {
        let wanted = try #require((bench.manifest.repaired ?? bench.manifest.expect)?.sha256)
        let whole = bench.storage.copy()
        try bench.apply(whole)
        let calls = whole.calls
        var generator = SeededGenerator.printed("isCutAtEveryCall(\(name))")
        for n in 1...calls.count where testRounds(1) > 1 || Int.random(in: 0..<12, using: &generator) == 0 {
            let seeds = (0..<testRounds(1)).map { _ in CrashStorage.Survival.some(seed: generator.next()) }
            for survival in [.all, .nothing] + seeds {
                let what = "\(name), dies at call \(n) (\(calls[n - 1])), \(survival)"
                let cut = bench.storage.copy(.dies, at: n)
                // Behind the commit it has ended well, whatever comes then.
                _ = try? bench.apply(cut)
                #expect(cut.isDead)
                try check(cut.survivors(survival), bench, wanted, what)
            }
            for event in [CrashStorage.Event.fails(.noSpace), .failsAfterwards(.ioError)] {
                let failing = bench.storage.copy(event, at: n)
                // Behind the commit it may have ended well.
                let isTold = (try? bench.apply(failing)) == nil
                try check(
                    failing.survivors(.all), bench, wanted,
                    "\(name), \(event) at \(n) (\(calls[n - 1])), told \(isTold)")
            }
        }
    }

    private func check(_ storage: CrashStorage, _ bench: RepairBench, _ wanted: String, _ what: String) throws {
        do {
            // The keyless recovery of the next agent, and then a second repair.
            let named = try storage.status(of: bench.files.data) != nil ? bench.files.data : bench.files.dataAside
            do {
                let lock = try storage.lock(named)
                _ = try FileRecovery.resolve(bench.files, in: storage, locks: [lock])
            }
            #expect(try storage.status(of: bench.files.repairMarker) == nil, "\(what): the marker stays")
            let kept = try RepairUndo.kept(of: bench.files, in: storage)
            #expect(kept.count <= 1, "\(what)")
            if kept.isEmpty {
                #expect(storage.paths.allSatisfy { $0.components.count == 2 }, "\(what): half a kept set stays")
                var before = RepairBench.outside(bench.storage)
                if let aside = before.removeValue(forKey: bench.files.dataAside) { before[bench.files.data] = aside }
                before[bench.files.swapMarker] = nil
                let now = RepairBench.outside(storage)
                for path in Set(before.keys).union(now.keys) {
                    #expect(before[path] == now[path], "\(what): \(path) is not as it was")
                }
            }
            try bench.apply(storage)
            #expect(try bench.hash(storage).0 == wanted, "\(what)")
            let stay = bench.bench.leftovers(storage).filter {
                !$0.contains(".before-repair-") && !$0.hasSuffix("/manifest.json")
            }
            #expect(stay.isEmpty, "\(what): \(stay)")
        } catch {
            Issue.record("\(what): \(error)")
        }
    }

    /// Undoing a repair is cut at every call: the repaired set is there or the old one.
    @Test(arguments: [
        "damaged/chain-order", "damaged/txn-interrupted", "damaged/forged-v1-meta", "damaged/wal-over-overflow",
    ])
    func undoIsCutAtEveryCall(_ name: String) throws {
        try cutUndo(RepairBench(name), name)
    }

    @Test func undoIsCutAtEveryCallWithoutMetadata() throws {
        try cutUndo(RepairBench("damaged/leaked-pages", lacksMeta: true), "leaked-pages without metadata")
    }

    private func cutUndo(_ bench: RepairBench, _ name: String) throws {
        let wanted = try #require((bench.manifest.repaired ?? bench.manifest.expect)?.sha256)
        let old = RepairBench.outside(bench.storage)
        let repaired = bench.storage.copy()
        try bench.apply(repaired)
        let new = RepairBench.outside(repaired)
        let whole = repaired.copy()
        try bench.undo(whole)
        var generator = SeededGenerator.printed("undoIsCutAtEveryCall(\(name))")
        for n in 1...whole.calls.count where testRounds(1) > 1 || Int.random(in: 0..<4, using: &generator) == 0 {
            let seeds = (0..<testRounds(1)).map { _ in CrashStorage.Survival.some(seed: generator.next()) }
            for survival in [.all, .nothing] + seeds {
                let cut = repaired.copy(.dies, at: n)
                _ = try? bench.undo(cut)
                #expect(cut.isDead)
                let left = cut.survivors(survival)
                let what = "\(name), dies at call \(n) (\(whole.calls[n - 1])), \(survival)"
                do {
                    let named = try left.status(of: bench.files.data) != nil ? bench.files.data : bench.files.dataAside
                    let lock = try left.lock(named)
                    _ = try FileRecovery.resolve(bench.files, in: left, locks: [lock])
                    let now = RepairBench.outside(left)
                    #expect(now == old || now == new, "\(what): neither set")
                } catch {
                    Issue.record("\(what): \(error)")
                    continue
                }
                if RepairBench.outside(left) == old { try bench.apply(left) }
                #expect(try bench.hash(left).0 == wanted, "\(what)")
            }
        }
    }

    // MARK: Salvage

    @Test(
        arguments: [
            ("damaged/vacuum-between-renames", []), ("tiny", [".meta"]), ("large", [".meta"]),
            ("typed", [".meta", ".wal"]),
            ("damaged/forged-v1-meta", []),
        ] as [(String, [String])])
    func salvageTakesWhatIsLeft(_ name: String, _ missing: [String]) throws {
        let bench = try RepairBench(name)
        let storage = bench.storage.copy()
        for ending in missing { storage[bench.files.data.withoutExtension.appendingSuffix(ending)] = nil }
        let before = RepairBench.outside(storage)
        let target = FileSet(data: "/new/rescued.blazedb")
        let salt = storage[bench.files.salt]
        let report = try Salvage.run(
            bench.files, to: target, in: storage, key: bench.bench.key, salt: salt, options: RepairOptions())
        let wanted = try #require((bench.manifest.repaired ?? bench.manifest.expect)?.records)
        #expect(report.plan.records == wanted)
        for (path, bytes) in before { #expect(storage[path] == bytes) }
        let found = try WriterBench(files: target, key: bench.bench.key).contents(storage)
        #expect(found.count == wanted)
        #expect(throws: EngineError(.alreadyExists, "")) {
            try Salvage.run(
                bench.files, to: target, in: storage, key: bench.bench.key, salt: salt, options: RepairOptions())
        }
    }

    @Test func salvageOfAWALAlone() throws {
        let bench = try RepairBench("unclean")
        let storage = bench.storage.copy()
        storage[bench.files.data] = nil
        storage[bench.files.meta] = nil
        let target = FileSet(data: "/new/rescued.blazedb")
        let report = try Salvage.run(
            bench.files, to: target, in: storage, key: bench.bench.key, salt: storage[bench.files.salt],
            options: RepairOptions())
        #expect(report.source == nil && report.plan.records > 0)
        #expect(try WriterBench(files: target, key: bench.bench.key).contents(storage).count == report.plan.records)
    }

    @Test func aWrongPasswordOpensNothing() throws {
        let bench = try RepairBench("damaged/meta-truncated")
        var password = try SecretBytes(utf8: "Wrong-Passw0rd-2026")
        #expect(throws: EngineError(.wrongPassword, "")) {
            _ = try DatabaseKey.deriveForRescue(
                of: bench.files, in: bench.storage, password: &password, iterations: 1000
            )
            .iterations
        }
    }
}

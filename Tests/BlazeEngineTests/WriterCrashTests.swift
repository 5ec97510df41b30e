import BlazeModel
import BlazePlatform
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Every path that commits is cut at every call that changes the disk. Nothing acknowledged is lost, and nothing
/// unacknowledged is half there, whatever of the unsynced sectors and names the disk kept.
@Suite struct WriterCrashTests {
    struct Step: Sendable {
        let name: String
        let run: @Sendable (DatabaseWriter) throws -> Void
        let model: @Sendable (inout [RecordID: Record]) -> Void
    }

    private static let bench = WriterBench()

    private static func put(_ name: String, _ records: Record...) -> Step {
        Step(
            name: name, run: { writer in try writer.transaction { for record in records { try $0.upsert(record) } } },
            model: { model in for record in records { model[record.id!] = record } })
    }

    private static func delete(_ n: Int) -> Step {
        Step(
            name: "delete", run: { try $0.delete(DatabaseBuilder.id(n)) }, model: { $0[DatabaseBuilder.id(n)] = nil })
    }

    private static let steps: [String: [Step]] = [
        "insert": [put("insert", WriterBench.record(10)), put("insert", WriterBench.record(11, size: 9000))],
        "batch": [
            Step(
                name: "batch",
                run: { writer in
                    try writer.transaction { transaction in
                        for n in 20..<30 { try transaction.insert(WriterBench.record(n, size: n * 300)) }
                        try transaction.update(WriterBench.record(1, size: 5000, mark: 1))
                        try transaction.delete(DatabaseBuilder.id(2))
                    }
                },
                model: { model in
                    for n in 20..<30 { model[DatabaseBuilder.id(n)] = WriterBench.record(n, size: n * 300) }
                    model[DatabaseBuilder.id(1)] = WriterBench.record(1, size: 5000, mark: 1)
                    model[DatabaseBuilder.id(2)] = nil
                })
        ],
        "grow-and-shrink": [
            put("grow", WriterBench.record(1, size: 13_000, mark: 1)),
            put("shrink", WriterBench.record(1, mark: 2)),
            put("grow again", WriterBench.record(3, size: 9000, mark: 3)),
        ],
        "delete": [delete(3), delete(1), put("reuse", WriterBench.record(40, size: 20_000))],
        "gc": [
            delete(3), delete(4),
            Step(name: "gc", run: { _ = try $0.collectGarbage() }, model: { _ in }),
            put("insert", WriterBench.record(41, size: 5000)),
        ],
        "vacuum": [
            delete(3),
            Step(name: "vacuum", run: { _ = try $0.vacuum(dropsUnindexed: true) }, model: { _ in }),
            put("insert", WriterBench.record(42, size: 5000)),
        ],
    ]

    /// Five records, one of them long, and some free pages.
    private static func base() throws -> (CrashStorage, [RecordID: Record]) {
        var records = (1...5).map { WriterBench.record($0) }
        records[2] = WriterBench.record(3, size: 15_000)
        let storage = try bench.made(records + [WriterBench.record(6, size: 9000)])
        let writer = try bench.open(storage)
        try writer.delete(DatabaseBuilder.id(6))
        try writer.close()
        return (storage.copy(), Dictionary(uniqueKeysWithValues: records.map { ($0.id!, $0) }))
    }

    @Test(arguments: steps.keys.sorted()) func cutAtEveryCall(_ name: String) throws {
        let steps = try #require(Self.steps[name])
        let (base, first) = try Self.base()
        var models = [first]
        for step in steps {
            var model = models[models.count - 1]
            step.model(&model)
            models.append(model)
        }
        let states = models.map { WriterBench.contents($0.values) }
        let whole = base.copy()
        #expect(Self.run(steps, on: whole) == steps.count)
        #expect(try Self.bench.contents(whole) == states.last)
        #expect(Self.bench.leftovers(whole).isEmpty)
        var generator = SeededGenerator.printed("cutAtEveryCall(\(name))")
        let calls = whole.calls
        // Every call in the slow suite, a third of them otherwise.
        for n in 1...calls.count where testRounds(1) > 1 || Int.random(in: 0..<3, using: &generator) == 0 {
            let seeds = (0..<testRounds(2)).map { _ in CrashStorage.Survival.some(seed: generator.next()) }
            for survival in [.all, .nothing] + seeds {
                let cut = base.copy(.dies, at: n)
                let done = Self.run(steps, on: cut)
                try Self.check(
                    cut.survivors(survival), between: states, done, survival,
                    "\(name), dies at call \(n) (\(calls[n - 1])), \(survival)")
            }
            for event in [CrashStorage.Event.fails(.noSpace), .fails(.ioError), .failsAfterwards(.ioError)] {
                let failing = base.copy(event, at: n)
                let done = Self.run(steps, on: failing)
                try Self.check(
                    failing.survivors(.all), between: states, done, .all,
                    "\(name), \(event) at call \(n) (\(calls[n - 1]))")
            }
        }
    }

    /// Opens and carries the steps out; how many of them were acknowledged. After a failure the handle refuses all more.
    private static func run(_ steps: [Step], on storage: CrashStorage) -> Int {
        guard let writer = try? bench.open(storage) else { return 0 }
        for (place, step) in steps.enumerated() {
            do {
                try step.run(writer)
            } catch {
                if !storage.isDead, writer.poison != nil {
                    #expect(throws: EngineError(.poisoned, "")) { try writer.insert(WriterBench.record(99)) }
                }
                return place
            }
        }
        try? writer.close()
        return steps.count
    }

    /// Opens again: the state is the last acknowledged one, or the one that was under way; and it can be changed further.
    private static func check(
        _ storage: CrashStorage, between states: [Contents], _ done: Int, _ survival: CrashStorage.Survival,
        _ what: String
    ) throws {
        do {
            let writer = try bench.open(storage)
            let now = try bench.contents(storage)
            if survival == .all {
                // Nothing of what was not finished looks like a record that the index lost.
                let reader = try DatabaseReader(bench.files, in: storage, key: bench.key, underLease: true)
                #expect(try reader.space().unindexedRecords == 0, "\(what): half a change looks like records")
            }
            let allowed = states[done...min(done + 1, states.count - 1)]
            #expect(allowed.contains(now), "\(what): the state is none that may be")
            #expect(bench.leftovers(storage).isEmpty, "\(what): \(bench.leftovers(storage)) stay")
            var after = now
            for n in [70, 71] {
                let record = WriterBench.record(n, size: 7000)
                try writer.insert(record)
                after[record.id!] = typedJSON(record)
            }
            try writer.delete(DatabaseBuilder.id(70))
            after[DatabaseBuilder.id(70)] = nil
            try writer.close()
            #expect(try bench.contents(storage) == after, "\(what): what is written next is not what is read")
        } catch {
            Issue.record("\(what): \(error)")
        }
    }

    // MARK: BlazeDB comes next

    /// What BlazeDB does when it opens, as FORMAT.md 7.4 tells it.
    private static func recoverAsBlazeDB(_ storage: CrashStorage) throws {
        let files = bench.files
        func isThere(_ path: FilePath) throws -> Bool { try storage.status(of: path) != nil }
        guard try isThere(files.swapMarker) else { return }
        if try isThere(files.swapSuccess) {
            for path in [files.dataAside, files.metaAside, files.swapSuccess] { try storage.remove(path) }
        } else if try isThere(files.dataAside) {
            for (aside, path) in [(files.dataAside, files.data), (files.metaAside, files.meta)] {
                try storage.remove(path)
                if try isThere(aside) { try storage.rename(aside, to: path) }
            }
        }
        try storage.remove(files.swapMarker)
    }

    /// A vacuum, and our way back from one, may be cut anywhere; BlazeDB, which opens next, has the old files or the new ones,
    /// and nothing that misleads it later.
    @Test func blazeDBFinishesOrUndoesASwap() throws {
        let (base, model) = try Self.base()
        let wanted = WriterBench.contents(model.values)
        let whole = base.copy()
        _ = try Self.bench.open(whole).vacuum()
        var generator = SeededGenerator.printed("blazeDBFinishesOrUndoesASwap")
        func check(_ storage: CrashStorage, _ what: String) throws {
            try Self.recoverAsBlazeDB(storage)
            do {
                #expect(try Self.bench.contents(storage) == wanted, "\(what)")
            } catch let error as WriterBench.Damaged {
                // Only what lies about may be found, and is.
                #expect(error.findings.allSatisfy { $0.name == .vacuumInterrupted }, "\(what): \(error)")
            }
            #expect(try storage.status(of: Self.bench.files.swapSuccess) == nil, "\(what): a success that says nothing")
        }
        for n in 1...whole.calls.count where testRounds(1) > 1 || Int.random(in: 0..<3, using: &generator) == 0 {
            let seeds = (0..<testRounds(2)).map { _ in CrashStorage.Survival.some(seed: generator.next()) }
            for survival in [.all, .nothing] + seeds {
                let cut = base.copy(.dies, at: n)
                _ = try? Self.bench.open(cut).vacuum()
                let left = cut.survivors(survival)
                try check(left.copy(), "call \(n) (\(whole.calls[n - 1])), \(survival)")
                // Our own recovery is cut as well.
                guard testRounds(1) > 1 || Int.random(in: 0..<3, using: &generator) == 0 else { continue }
                let recovering = left.copy()
                _ = try Self.bench.open(recovering)
                for m in 0..<recovering.calls.count {
                    let again = left.copy(.dies, at: m + 1)
                    _ = try? Self.bench.open(again)
                    for second in [CrashStorage.Survival.all, .some(seed: generator.next())] {
                        try check(
                            again.survivors(second),
                            "call \(n) (\(whole.calls[n - 1])), \(survival), then \(m) (\(recovering.calls[m])), \(second)"
                        )
                    }
                }
            }
        }
    }

    /// What the disk says is told by its code, whichever call it is, and nothing more is done through the handle.
    @Test(arguments: [
        (Errno.noSpace, EngineError.Code.noSpace), (.diskQuotaExceeded, .noSpace), (.ioError, .writeFailed),
        (.readOnlyFileSystem, .readOnly), (.fileTooLarge, .writeFailed),
    ])
    func errorsOfTheDiskAreTyped(_ errno: Errno, _ code: EngineError.Code) throws {
        let (base, _) = try Self.base()
        let before = try Self.bench.contents(base.copy())
        let record = WriterBench.record(50, size: 9000)
        let whole = base.copy()
        let opened = try Self.bench.open(whole)
        let opening = whole.calls.count
        try opened.insert(record)
        // The last call zeroes nothing here: all of them come before the commit.
        for n in (opening + 1)...whole.calls.count {
            let failing = base.copy(.fails(errno), at: n)
            let writer = try Self.bench.open(failing)
            #expect(throws: EngineError(code, ""), "call \(n) \(whole.calls[n - 1])") { try writer.insert(record) }
            #expect(throws: EngineError(.poisoned, "")) { try writer.insert(record) }
            #expect(throws: EngineError(.poisoned, "")) { try writer.vacuum() }
            let renamed = whole.calls[n - 1].hasPrefix("sync the directory")
            #expect(try renamed || Self.bench.contents(failing) == before)
        }
    }

    @Test func creationIsCutAtEveryCall() throws {
        let bench = Self.bench
        func create(_ storage: CrashStorage) throws {
            try DatabaseWriter.create(bench.files, in: storage, key: bench.key, salt: WriterBench.salt).close()
        }
        let whole = CrashStorage()
        try create(whole)
        #expect(try bench.contents(whole).isEmpty)
        #expect(throws: EngineError(.alreadyExists, "")) { try create(whole.copy()) }
        for n in 1...whole.calls.count {
            for survival in [CrashStorage.Survival.all, .nothing] + (0..<8).map({ .some(seed: $0) }) {
                let cut = CrashStorage().copy(.dies, at: n)
                #expect(throws: EngineError.self) { try create(cut) }
                let left = cut.survivors(survival)
                // There is no database yet, and the next try makes it; or there is an empty one.
                if try left.status(of: bench.files.meta) == nil { try create(left) }
                let writer = try bench.open(left)
                try writer.insert(WriterBench.record(1))
                try writer.close()
                #expect(try bench.contents(left).count == 1)
                #expect(left[bench.files.salt] == WriterBench.salt)
                #expect(bench.leftovers(left).isEmpty)
            }
        }
    }
}

import BlazeModel
import BlazePlatform
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Long random sequences of operations on the engine and on a dictionary, with reopening, crashes, gc and vacuum between.
@Suite struct WriterModelTests {
    private static let bench = WriterBench()

    /// What one sequence is at.
    private final class Course {
        var storage: CrashStorage
        var writer: DatabaseWriter
        var model: [RecordID: Record] = [:]
        var log: [String] = []

        init(_ storage: CrashStorage) throws {
            self.storage = storage
            writer = try bench.open(storage)
        }
    }

    @Test(arguments: 0..<4) func followsTheModel(_ course: Int) throws {
        var generator = SeededGenerator.printed("followsTheModel(\(course))")
        for round in 0..<testRounds(1) {
            let course = try Course(try Self.bench.made([]))
            do {
                for _ in 0..<60 { try Self.step(course, &generator) }
                try Self.compare(course, "the end")
            } catch {
                Issue.record("round \(round): \(error) after \(course.log.suffix(12))")
            }
        }
    }

    private static func step(_ course: Course, _ generator: inout SeededGenerator) throws {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: try compare(course, "a look")
        case 1:
            course.log.append("reopen")
            try course.writer.close()
            #expect(bench.leftovers(course.storage).isEmpty)
            course.storage = course.storage.copy()
            course.writer = try bench.open(course.storage)
            try compare(course, "reopening")
        case 2:
            course.log.append("gc")
            _ = try course.writer.collectGarbage()
            try compare(course, "gc")
        case 3:
            course.log.append("vacuum")
            let report = try course.writer.vacuum(dropsUnindexed: true, always: Bool.random(using: &generator))
            #expect(report.records == course.model.count || !report.isRewritten)
            try compare(course, "vacuum")
        case 4, 5: try crash(course, &generator)
        case 6:
            course.log.append("undone")
            struct Stop: Error {}
            #expect(throws: Stop.self) {
                try course.writer.transaction { transaction in
                    _ = try change(transaction, course.model, &generator)
                    throw Stop()
                }
            }
            try compare(course, "undoing")
        default:
            var model = course.model
            try course.writer.transaction { model = try change($0, course.model, &generator) }
            course.model = model
            course.log.append("transaction")
        }
    }

    /// Cuts a transaction, gc or vacuum at a random call, and opens what the disk has kept.
    private static func crash(_ course: Course, _ generator: inout SeededGenerator) throws {
        try course.writer.close()
        let base = course.storage.copy()
        let kind = Int.random(in: 0..<4, using: &generator)
        let seed = generator.next()
        func run(_ storage: CrashStorage) throws -> [RecordID: Record] {
            var own = SeededGenerator(seed: seed)
            let writer = try bench.open(storage)
            var after = course.model
            switch kind {
            case 0: _ = try writer.collectGarbage()
            case 1: _ = try writer.vacuum(dropsUnindexed: true, always: true)
            default: try writer.transaction { after = try change($0, course.model, &own) }
            }
            try writer.close()
            return after
        }
        let whole = base.copy()
        let after = try run(whole)
        let at = Int.random(in: 1...max(1, whole.calls.count), using: &generator)
        let cut = base.copy(.dies, at: at)
        // It may have died in the last call, behind everything that counts.
        let done = try? run(cut)
        course.log.append("crash of \(kind) at \(at)")
        course.storage = cut.survivors(
            [.all, .nothing, .some(seed: generator.next())][Int.random(in: 0..<3, using: &generator)])
        course.writer = try bench.open(course.storage)
        let now = try bench.contents(course.storage)
        let states = (done == nil ? [course.model] : []) + [after]
        guard let state = states.first(where: { WriterBench.contents($0.values) == now }) else {
            Issue.record("neither the state before nor the state after: \(course.log.suffix(12))")
            return
        }
        course.model = state
    }

    /// Some random changes; the model behind them.
    private static func change(
        _ transaction: Transaction, _ model: [RecordID: Record], _ generator: inout SeededGenerator
    ) throws -> [RecordID: Record] {
        var model = model
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            let n = Int.random(in: 0..<24, using: &generator)
            let id = DatabaseBuilder.id(n)
            let size = [3, 400, 3990, 4020, 4046, 9000, 20_000][Int.random(in: 0..<7, using: &generator)]
            let record = WriterBench.record(n, size: size, mark: Int.random(in: 0..<1000, using: &generator))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0 where model[id] != nil:
                try transaction.delete(id)
                model[id] = nil
            case 1 where model[id] == nil:
                try transaction.insert(record)
                model[id] = record
            case 2 where model[id] != nil:
                try transaction.update(record)
                model[id] = record
            case 3:
                try transaction.upsert(record)
                model[id] = record
            default:
                #expect(throws: EngineError.self) {
                    if model[id] == nil { try transaction.delete(id) } else { try transaction.insert(record) }
                }
            }
            #expect(try transaction.record(id).map(typedJSON) == model[id].map(typedJSON))
        }
        return model
    }

    private static func compare(_ course: Course, _ what: String) throws {
        let now = try bench.contents(course.storage)
        #expect(now == WriterBench.contents(course.model.values), "after \(what): \(course.log.suffix(12))")
        // While it is open, a writer that has made the file longer keeps a note of it.
        #expect(Set(bench.leftovers(course.storage)).isSubset(of: [bench.files.growthMarker.string]))
    }
}

import BlazeModel
import BlazePlatform
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// What is a reason for a repair, and what is told and is none.
@Suite struct RepairReasonTests {
    private static func plan(_ storage: CrashStorage, _ builder: DatabaseBuilder) throws -> RepairPlan {
        let files = DatabaseBuilder.files
        return try Repair(
            files, in: storage, key: builder.key, locks: [try storage.lock(files.data)], options: RepairOptions()
        ).plan()
    }

    private static func storage(_ builder: DatabaseBuilder, indexes: String) -> CrashStorage {
        let payload = builder.payload.replacing(
            #""secondaryIndexDefinitions":[],"secondaryIndexes":[],"#, with: indexes)
        let storage = CrashStorage()
        for (path, bytes) in builder.contents() { storage[path] = bytes }
        storage[DatabaseBuilder.files.meta] = builder.metadata(payload: payload)
        return storage
    }

    @Test func aStaleIndexAloneIsAReason() throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(1), n: 1)
        let indexes = """
            "secondaryIndexDefinitions":[{"key":"n","value":["n"]}],"secondaryIndexes":[{"name":"n",\
            "entries":[{"ids":["\(DatabaseBuilder.id(1))"],"key":{"components":[5]}}]}],
            """
        let plan = try Self.plan(Self.storage(builder, indexes: indexes), builder)
        #expect(plan.isNeeded && plan.findings.contains { $0.name == .indexStale })
        #expect(plan.recovered.isEmpty && plan.lost.isEmpty && plan.staying.isEmpty)
    }

    /// BlazeDB would put the fields into its own order again (trap T15).
    @Test func aReorderedCompoundIndexIsToldAndNoReason() throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(1), n: 1)
        for (fields, isTold) in [(#"["a","z"]"#, true), (#"["z","a"]"#, false), (#"["a","z+a"]"#, false)] {
            let indexes = """
                "secondaryIndexDefinitions":[{"key":"z+a","value":\(fields)}],"secondaryIndexes":[],
                """
            let plan = try Self.plan(Self.storage(builder, indexes: indexes), builder)
            #expect(plan.findings.contains { $0.name == .indexOrder && $0.severity == .note } == isTold, "\(fields)")
            #expect(!plan.isNeeded, "\(fields)")
        }
    }

    @Test func whatNoRepairMendsIsToldAndNoReason() throws {
        let bench = try RepairBench("tiny")
        for (path, name) in [
            (bench.files.salt, Finding.Name.badSalt), ("/db/backup_v0_1.blazedb" as FilePath, .openLeftover),
        ] {
            let storage = bench.storage.copy()
            try bench.apply(storage)
            storage[path] = name == .badSalt ? [] : [1, 2, 3]
            let plan = try bench.repair(storage).plan()
            #expect(plan.staying.map(\.name) == [name] && !plan.isNeeded, "\(plan)")
            #expect(plan.steps.contains { $0.kind == .findingStays && $0.message.hasPrefix(name.rawValue) })
        }
    }

    @Test(arguments: [true, false]) func aRecordFromTheWALIsToldAsMaybeOlder(_ hasMetadata: Bool) throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(1), n: 1)
        builder.wal = DatabaseBuilder.walEntry(0, builder.pages[0])
        builder.pages[0][60] ^= 1
        let storage = CrashStorage()
        for (path, bytes) in builder.contents() { storage[path] = bytes }
        if !hasMetadata { storage[DatabaseBuilder.files.meta] = nil }
        let plan = try Self.plan(storage, builder)
        #expect(plan.records == 1 && plan.recovered.map(\.id) == [DatabaseBuilder.id(1)])
        #expect(plan.recovered.allSatisfy { $0.reason.contains("may be older") })
        #expect(
            plan.steps.contains {
                $0.kind == .walApplied && $0.message.contains(DatabaseBuilder.id(1).description)
            })
        // Where no index tells what the page was, it may have been another record.
        #expect(plan.lost.map(\.page) == (hasMetadata ? [] : [0]))
    }
}

import BlazeModel
import BlazePlatform
import Testing
import TestSupport

@testable import BlazeEngine

/// Every fixture reads as its manifest says, and is left as it was.
@Suite struct FixtureReadTests {
    @Test(arguments: Fixture.all.filter { $0.manifest.expect?.records != nil })
    func reads(_ fixture: Fixture) throws {
        let expect = try #require(fixture.manifest.expect)
        let copy = try fixture.copy()
        let files = FileSet(data: copy.data)
        let storage = PosixStorage()
        let summary = try FileSummary.read(files, in: storage)
        #expect(summary.recordCount == expect.indexed)
        #expect(summary.metadataProblem == nil)

        var password = try fixture.password()
        var key = try DatabaseKey.derive(
            for: files, in: storage, password: &password, iterations: fixture.manifest.pbkdf2Iterations)
        #expect(key.identity == summary.identity)
        try key.withKey { key in
            let reader = try DatabaseReader(files, in: storage, key: key)
            var hash = FixtureHash()
            var count = 0
            let report = try reader.forEachRecord { id, record in
                count += 1
                hash.add(record)
                let single = try reader.record(id)
                #expect(single.map(typedJSON) == typedJSON(record))
            }
            #expect(count == expect.records)
            #expect(report.readable == count)
            #expect(hash.finish() == expect.sha256)
            if let visible = expect.visibleRecords { #expect(report.visible == visible) }
            #expect(report.visible + report.hidden == report.readable)
            #expect(reader.metadata.recordCount == expect.indexed)
            #expect(reader.metadata.nextPageIndex == expect.nextPageIndex)
            #expect(reader.metadata.freePages.count == expect.deletedPages)
            let keys = Dictionary(uniqueKeysWithValues: reader.metadata.indexes.map { ($0.name, $0.keys) })
            #expect(keys == expect.indexes)

            let check = try reader.quickCheck()
            let survey = check.survey
            #expect(survey.total == UInt64(expect.pages ?? -1))
            let again = try reader.survey()
            #expect(survey == again)
            let found = Set((report.findings + check.findings).map(\.name.rawValue))
            #expect(found.isSuperset(of: expect.problems ?? []))
            if fixture.name == "unclean" {
                // Its `kinds` count the deleted pages as plain replay would fill them.
                #expect(survey.record == 110 && survey.empty == 10)
                #expect(reader.wal?.wouldResurrect.count == 10)
            } else {
                var kinds = ["main": survey.record, "plain": survey.plain, "overflow": survey.overflow]
                kinds["empty"] = survey.empty
                kinds = kinds.filter { $0.value > 0 }
                #expect(kinds == (expect.kinds ?? [:]).mapValues(UInt64.init))
                #expect(survey.leaked + survey.orphan == UInt64(expect.orphans ?? -1))
            }
            // One whole entry stands behind the garbage of `torn-wal`; the manifest counts up to the garbage.
            #expect(reader.wal?.entries == (fixture.name == "damaged/torn-wal" ? 1 : expect.walEntries))
        }
        #expect(try copy.isUnchanged())
    }

    @Test(arguments: [
        ("damaged/forged-v1-meta", EngineError.Code.metadataUnverified), ("damaged/meta-truncated", .metadataNotJSON),
        ("damaged/vacuum-between-renames", .dataMovedAside),
    ])
    func refuses(_ name: String, _ code: EngineError.Code) throws {
        let fixture = Fixture.named(name)
        let copy = try fixture.copy()
        let files = FileSet(data: copy.data)
        let error = #expect(throws: EngineError.self) {
            var password = try fixture.password()
            var key = try DatabaseKey.derive(
                for: files, in: PosixStorage(), password: &password, iterations: fixture.manifest.pbkdf2Iterations)
            try key.withKey { _ = try DatabaseReader(files, in: PosixStorage(), key: $0) }
        }
        #expect(error?.code == code)
        if code == .metadataUnverified {
            #expect(error?.message.contains("metadata signature does not verify") == true)
        }
        if code == .metadataNotJSON { #expect(error?.offset == 1000) }
        #expect(try copy.isUnchanged())
    }

    /// The findings of reading and checking, by fixture, in full: what is reported is decided, not found out later.
    @Test(arguments: [
        ("empty", []), ("tiny", ["vector-precision"]), ("typed", []), ("large", []),
        ("unclean", ["phantom", "wal-pending", "wal-would-resurrect"]),
        ("damaged/async-vacuum-free-list", ["next-page-low", "vacuum-leftover"]),
        ("damaged/chain-order", ["chain-order"]), ("damaged/leaked-pages", ["leaked"]),
        ("damaged/lost-second-owner", ["phantom"]), ("damaged/overflow-v1", ["legacy-salt", "old-overflow-form"]),
        ("damaged/phantom-delete", ["phantom"]),
        (
            "damaged/rebuild-hides-records",
            ["indexed-values-readable", "next-page-low", "orphan", "stale-page-list"]
        ),
        ("damaged/stale-next-page", ["next-page-low", "stale-page-list", "wal-pending"]),
        ("damaged/torn-wal", ["indexed-values-readable", "vector-precision", "wal-garbage", "wal-pending"]),
        ("damaged/txn-interrupted", ["transaction-interrupted", "wal-pending"]),
        ("damaged/wal-over-overflow", ["wal-over-overflow", "wal-pending"]),
    ])
    func finds(_ name: String, _ names: [String]) throws {
        let fixture = Fixture.named(name)
        let copy = try fixture.copy()
        let reader = try openReader(fixture, FileSet(data: copy.data), in: PosixStorage())
        let found = try reader.forEachRecord { _, _ in }.findings + reader.quickCheck().findings
        #expect(Set(found.map(\.name.rawValue)).sorted() == names)
    }
}

/// A record's bits: two of them are equal where values are not, as with NaN.
func typedJSON(_ record: Record) -> [UInt8] {
    var out: [UInt8] = []
    TypedJSON.append(record, to: &out)
    return out
}

/// A reader of a fixture's files, wherever they stand.
func openReader(_ fixture: Fixture, _ files: FileSet, in storage: any Storage) throws -> DatabaseReader {
    var password = try fixture.password()
    var key = try DatabaseKey.derive(
        for: files, in: storage, password: &password, iterations: fixture.manifest.pbkdf2Iterations)
    return try key.withKey { try DatabaseReader(files, in: storage, key: $0) }
}

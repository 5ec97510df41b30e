import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Each finding that only a full check can tell: a database that has it, and sound ones that have none.
@Suite struct FullCheckTests {
    private static func id(_ n: Int) -> RecordID { DatabaseBuilder.id(n) }

    /// Three records of one page, one of four.
    private static func sound() throws -> DatabaseBuilder {
        var builder = DatabaseBuilder()
        for n in 0..<3 { try builder.add(id(n), n: UInt8(n)) }
        try builder.addLong(id(3), size: 14_000)
        return builder
    }

    /// A record with some more fields.
    private static func record(_ id: RecordID, _ fields: Field...) throws -> [UInt8] {
        try RecordCodec.encode(Record(fields: [Field("id", .uuid(id))] + fields))
    }

    private static func findings(
        _ builder: DatabaseBuilder, _ name: Finding.Name, depth: String = "full"
    ) throws -> [Finding] {
        let reader = try builder.reader()
        let check =
            try depth == "full" ? reader.fullCheck() : reader.sampleCheck(percent: 100, seed: 1)
        return check.findings.filter { $0.name == name }
    }

    @Test func aSoundDatabaseHasNoFindingAndEveryPageIsRead() throws {
        let builder = try Self.sound()
        let check = try builder.reader().fullCheck()
        #expect(check.findings.isEmpty)
        let reading = try #require(check.reading)
        #expect(reading.indexed == 4 && reading.looked == 4 && reading.readable == 4)
        #expect(reading.pages == UInt64(builder.pages.count) && reading.bytes > 14_000)
        #expect(reading.unindexed == 0 && reading.unreadable == 0 && reading.deleted == 0)
        #expect(check.survey == (try builder.reader().survey()))
    }

    // MARK: Pages that no record uses

    @Test func aWholeRecordThatTheIndexDoesNotHaveIsDamage() throws {
        var builder = try Self.sound()
        builder.pages.append(try builder.recordPage(DatabaseBuilder.record(Self.id(9))))
        let found = try Self.findings(builder, .unindexedRecord)
        #expect(found.map(\.severity) == [.damage])
        #expect(found.map(\.page) == [7] && found.map(\.record) == [Self.id(9)])
        #expect(try builder.reader().fullCheck().reading?.unindexed == 1)
        // In a page of the free list it is deleted.
        builder.free = [7]
        builder.nextPageIndex = 8
        #expect(try builder.reader().fullCheck().findings.isEmpty)
    }

    @Test func aLongRecordThatTheIndexDoesNotHaveIsOneFinding() throws {
        var builder = try Self.sound()
        try builder.addLong(Self.id(9), size: 14_000)
        builder.index.removeLast()
        let check = try builder.reader().fullCheck()
        #expect(check.findings.map(\.name) == [.unindexedRecord, .orphan])
        #expect(check.findings.map(\.page) == [7, 7] && check.survey.orphan == 4)
        #expect(check.reading?.pages == 11)
    }

    @Test func copiesOfARecordAreToldWithWhichIsNewer() throws {
        var builder = DatabaseBuilder()
        func copy(_ n: Int, updated: Double) throws -> [UInt8] {
            try builder.recordPage(Self.record(Self.id(n), Field("updatedAt", .date(updated))))
        }
        builder.pages = [
            try copy(1, updated: 100), try copy(1, updated: 50), try copy(1, updated: 200), try copy(2, updated: 1),
            try copy(2, updated: 2),
        ]
        builder.index = [(Self.id(1), [0])]
        let check = try builder.reader().fullCheck()
        let copies = check.findings.filter { $0.name == .duplicateRecord }
        #expect(copies.map(\.page) == [1, 2, 4] && copies.map(\.record) == [Self.id(1), Self.id(1), Self.id(2)])
        #expect(copies.allSatisfy { $0.severity == .advice })
        #expect(copies[0].message.contains("older") && copies[1].message.contains("changed later"))
        #expect(check.findings.filter { $0.name == .unindexedRecord }.map(\.page) == [3])
        #expect(check.reading?.unindexed == 1)
    }

    @Test func aRecordThatItsIndexEntryDoesNotLeadToIsUnindexed() throws {
        var builder = try Self.sound()
        // Record 1 stands behind, and its own page is broken.
        builder.pages.append(builder.pages[1])
        builder.pages[1][50] ^= 1
        let check = try builder.reader().fullCheck()
        #expect(check.findings.map(\.name) == [.unreadable, .unindexedRecord, .orphan])
        #expect(check.findings.prefix(2).map(\.page) == [1, 7])
    }

    @Test func pagesOfNoRecordThatDoNotAuthenticateAreNamed() throws {
        var builder = try Self.sound()
        let main = try builder.recordPage(Array("no record".utf8))
        let piece = try builder.overflowPage([1, 2, 3], next: 0)
        builder.pages += [main, piece, main, piece, DatabaseBuilder.padded(Array("nothing of BlazeDB's".utf8))]
        for page in [9, 10] { builder.pages[page][45] ^= 4 }
        let found = try Self.findings(builder, .orphanUnreadable)
        #expect(found.map(\.page) == [9, 10, 11] && found.allSatisfy { $0.severity == .advice })
        #expect(try Self.findings(builder, .orphan).map(\.count) == [5])
        #expect(try Self.findings(builder, .unindexedRecord).isEmpty)
    }

    @Test func pagesOfNoRecordOfAnUnknownVersionAreTold() throws {
        var builder = try Self.sound()
        builder.pages.append(builder.pages[0])
        builder.pages[7][4] = 9
        let found = try Self.findings(builder, .unsupportedPage)
        #expect(found.map(\.page) == [7] && found.map(\.severity) == [.damage])
    }

    /// Beside an owner they are what it has not saved yet.
    @Test func besideAnOwnerTheyAreNotes() throws {
        var builder = try Self.sound()
        builder.pages.append(try builder.recordPage(DatabaseBuilder.record(Self.id(9))))
        builder.pages.append(builder.pages[0])
        builder.pages.append(builder.pages[0])
        builder.pages[9][60] ^= 4
        builder.extraPayload = Self.indexes(#"[{"components":[5]}]"#.dropFirst().dropLast(), id: 0)
        for (ownership, severity) in [
            (Ownership.owned([]), Finding.Severity.note), (.unknown("a test"), .advice), (.shared([]), .damage),
        ] {
            let storage = builder.storage(metadata: builder.metadata(payload: Self.withoutIndexes(builder.payload)))
            storage.ownership = ownership
            let reader = try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key)
            let check = try reader.fullCheck()
            let names: Set<Finding.Name> = [.unindexedRecord, .duplicateRecord, .orphanUnreadable, .indexStale]
            #expect(Set(check.findings.map(\.name)).isSuperset(of: names))
            #expect(check.worst == severity)
            #expect(check.findings.filter(\.isPossible).isEmpty == (severity != .advice))
        }
    }

    // MARK: Secondary indexes

    /// The builder's payload has an empty list of indexes, which the extra members come in place of.
    private static func withoutIndexes(_ payload: String) -> String {
        payload.replacing(#""secondaryIndexDefinitions":[],"secondaryIndexes":[],"#, with: "")
    }

    private static func indexes(_ key: Substring, id n: Int, name: String = "n", fields: String = #"["n"]"#) -> String {
        """
        ,"secondaryIndexDefinitions":[{"key":"\(name)","value":\(fields)}],"secondaryIndexes":[{"name":"\(name)",\
        "entries":[{"ids":["\(id(n))"],"key":\(key)}]}]
        """
    }

    /// What a full check says of one record under one key.
    private static func told(_ fields: [Field], _ components: String, name: String = "n", order: String = #"["n"]"#)
        throws -> Set<String>
    {
        var builder = DatabaseBuilder()
        builder.pages = [
            try builder.recordPage(RecordCodec.encode(Record(fields: [Field("id", .uuid(id(0)))] + fields)))
        ]
        builder.index = [(id(0), [0])]
        builder.extraPayload = indexes(#"{"components":\#(components)}"#[...], id: 0, name: name, fields: order)
        let storage = builder.storage(metadata: builder.metadata(payload: withoutIndexes(builder.payload)))
        let reader = try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key)
        let check = try reader.fullCheck()
        let sample = try reader.sampleCheck(percent: 100, seed: 3)
        #expect(check.findings == sample.findings)
        return Set(check.findings.filter { $0.severity > .note }.map(\.name.rawValue))
    }

    /// The forms that a value takes in a key, as it is written first and after it was read back and guessed.
    @Test func keysThatAValueMayHaveBecomeAreNotStale() throws {
        let id = Self.id(77)
        let sound: [(Value, String)] = [
            (.string("a/b"), #"["a\/b"]"#), (.string("\u{E9}"), #"["e\u0301"]"#), (.string(""), #"[""]"#),
            (.string(id.description.lowercased()), #"["\#(id)"]"#),
            (.string("2026-11-23T21:35:02+01:00"), #"["2026-11-23T20:35:02Z"]"#),
            (.int(5), "[5]"), (.int(5), "[5.0]"), (.double(1), "[1]"), (.double(0.1), "[0.1]"),
            (.double(1e20), "[1e+20]"),
            (.double(.nan), "[0]"), (.bool(true), "[true]"), (.bool(true), "[1]"), (.int(1), "[true]"),
            (.uuid(id), #"["\#(id)"]"#), (.date(817_158_902.75), #"["2026-11-23T20:35:02Z"]"#),
            (.date(817_158_902.75), "[817158902.75]"), (.date(1e300), #"["whatever"]"#),
            (.data([1, 2, 255]), #"["AQL\/"]"#),
            (.null, #"[""]"#), (.null, "[null]"), (.array([.int(1)]), #"[""]"#), (.dictionary([]), #"[""]"#),
            (.vector(StoredVector(words: [1])), #"[""]"#),
        ]
        for (value, components) in sound {
            #expect(try Self.told([Field("n", value)], components) == [], "\(value) under \(components)")
        }
        // An index that was made anew has records without the field.
        #expect(try Self.told([], #"[""]"#) == [])
    }

    @Test func keysOfOtherValuesAreStale() throws {
        let id = Self.id(77)
        let stale: [(Value, String)] = [
            (.string("a"), #"["b"]"#), (.string("5"), "[5]"), (.int(5), "[6]"), (.int(5), #"["5"]"#),
            (.double(0.1), "[0.2]"),
            (.bool(true), "[false]"), (.uuid(id), #"["\#(Self.id(78))"]"#), (.date(0), #"["2001-01-01T00:00:02Z"]"#),
            (.date(0), "[2]"), (.data([1]), #"["AA=="]"#), (.null, #"["x"]"#), (.array([]), "[1]"),
        ]
        for (value, components) in stale {
            #expect(try Self.told([Field("n", value)], components) == ["index-stale"], "\(value) under \(components)")
        }
        #expect(try Self.told([], #"["x"]"#) == ["index-stale"])
    }

    /// BlazeDB sorts the definition's fields, so that which component is whose is lost (trap T15).
    @Test func compoundKeysFitInAnyOrder() throws {
        let fields = [Field("a", .string("x")), Field("z", .int(1))]
        for (components, told) in [
            (#"["x",1]"#, []), (#"[1,"x"]"#, []), (#"["x",2]"#, ["index-stale"]), (#"["x","x"]"#, ["index-stale"]),
            // As many as there are fields, or nothing can be told.
            (#"["x"]"#, []),
        ] as [(String, Set<String>)] {
            #expect(try Self.told(fields, components, name: "z+a", order: #"["a","z"]"#) == told, "\(components)")
        }
    }

    @Test func recordsWithoutAnEntryAreMissingWhereTheyHaveTheFields() throws {
        var builder = DatabaseBuilder()
        for (n, fields) in [
            [Field("n", .int(5))], [Field("n", .int(5))], [], [Field("n", .null)],
            [Field("n", .int(5)), Field("isDeleted", .bool(true))],
        ].enumerated() {
            builder.pages.append(
                try builder.recordPage(
                    RecordCodec.encode(Record(fields: [Field("id", .uuid(Self.id(n)))] + fields))))
            builder.index.append((Self.id(n), [n]))
        }
        func missing(_ indexes: String) throws -> [Finding] {
            builder.extraPayload = indexes
            let storage = builder.storage(metadata: builder.metadata(payload: Self.withoutIndexes(builder.payload)))
            let reader = try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key)
            return try reader.fullCheck().findings.filter { $0.severity > .note }
        }
        let found = try missing(Self.indexes(#"{"components":[5]}"#, id: 0))
        #expect(
            found.map(\.name) == [.indexMissing] && found.map(\.count) == [1] && found.map(\.record) == [Self.id(1)])
        // An index without any entry is BlazeDB's to fill.
        #expect(
            try missing(
                #","secondaryIndexDefinitions":[{"key":"n","value":["n"]}],"secondaryIndexes":[{"name":"n","entries":[]}]"#
            ).isEmpty)
    }

    /// The shape of the unsigned mirror and of old files.
    @Test func theFlatShapeOfIndexesIsReadAsWell() throws {
        var builder = try Self.sound()
        builder.extraPayload = """
            ,"secondaryIndexDefinitions":[],"secondaryIndexes":{"n":[{"components":[0]},["\(Self.id(0))","\(Self.id(1))"],\
            {"components":[2]},["\(Self.id(2))"]]}
            """
        let storage = builder.storage(metadata: builder.metadata(payload: Self.withoutIndexes(builder.payload)))
        let reader = try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key)
        let found = try reader.fullCheck().findings.filter { $0.severity > .note }
        #expect(found.map(\.name) == [.indexStale, .indexMissing])
        #expect(found.map(\.record) == [Self.id(1), Self.id(3)])
    }

    // MARK: Records, as reading tells them

    @Test func whatReadingFindsAFullCheckFinds() throws {
        for fixture in Fixture.all where fixture.manifest.expect?.records != nil {
            let files = FileSet(data: FilePath("/db").appending(fixture.manifest.database))
            let storage = MemoryStorage(try fixture.contents())
            let reader = try openReader(fixture, files, in: storage)
            let read = try reader.forEachRecord { _, _ in }
            let quick = try reader.quickCheck()
            let full = try reader.fullCheck()
            let names = Set((read.findings + quick.findings).map(\.name))
            #expect(Set(full.findings.map(\.name)).isSuperset(of: names), "\(fixture)")
            #expect(Set(full.findings).isSuperset(of: read.findings), "\(fixture)")
            #expect(full.survey == quick.survey, "\(fixture)")
            let reading = try #require(full.reading)
            #expect(reading.readable == read.readable && reading.unreadable == read.unreadable)
            #expect(reading.deleted == read.deleted && reading.hidden == read.hidden)
        }
    }

    /// The findings of each database above a note, in full: what is not here is not said of sound ones.
    @Test func sayNothingAboveANoteOfSoundDatabases() throws {
        let known: [String: Set<String>] = [
            "unclean": ["phantom", "wal-would-resurrect"], "fragmented1k": ["index-dangling"],
            "damaged/async-vacuum-free-list": ["next-page-low", "vacuum-leftover"],
            "damaged/chain-order": ["chain-order"], "damaged/leaked-pages": ["leaked"],
            "damaged/lost-second-owner": ["phantom"], "damaged/overflow-v1": ["old-overflow-form"],
            "damaged/phantom-delete": ["phantom"],
            "damaged/rebuild-hides-records": ["next-page-low", "orphan", "stale-page-list", "unindexed-record"],
            "damaged/stale-next-page": ["next-page-low", "stale-page-list"], "damaged/torn-wal": ["wal-garbage"],
            "damaged/txn-interrupted": ["transaction-interrupted"],
            "damaged/wal-over-overflow": ["wal-over-overflow"],
        ]
        for fixture in Fixture.all where fixture.manifest.expect?.records != nil {
            let copy = try fixture.copy()
            let reader = try openReader(fixture, FileSet(data: copy.data), in: PosixStorage())
            let found = try reader.fullCheck().findings.filter { $0.severity > .note }
            #expect(Set(found.map(\.name.rawValue)) == known[fixture.name] ?? [], "\(fixture)")
            #expect(try copy.isUnchanged())
        }
    }

    // MARK: Samples, progress

    @Test func aSampleReadsSoManyAndTheSameForTheSameSeed() throws {
        var builder = DatabaseBuilder()
        for n in 0..<200 { try builder.add(Self.id(n)) }
        for n in stride(from: 0, to: 200, by: 2) { builder.pages[n][50] ^= 1 }
        let reader = try builder.reader()
        func broken(_ percent: Double, _ seed: UInt64) throws -> (CheckReading, [Finding]) {
            let check = try reader.sampleCheck(percent: percent, seed: seed)
            return (try #require(check.reading), check.findings.filter { $0.name == .unreadable })
        }
        let (reading, findings) = try broken(10, 7)
        #expect(reading.looked == 20 && reading.indexed == 200 && reading.readable + reading.unreadable == 20)
        #expect(reading.unreadable > 0 && reading.unreadable < 20)
        #expect(try broken(10, 7).1 == findings)
        #expect(try broken(10, 8).1 != findings)
        #expect(try broken(0.001, 7).0.looked == 1)
        #expect(try broken(100, 7).0.unreadable == 100)
        #expect(try DatabaseBuilder().reader().sampleCheck(percent: 50, seed: 1).reading?.looked == 0)
    }

    @Test func aSampleTellsOfNoRecordTwice() throws {
        var builder = try Self.sound()
        builder.pages[1] = DatabaseBuilder.padded([])
        let check = try builder.reader().sampleCheck(percent: 100, seed: 1)
        #expect(check.findings.map(\.name) == [.phantom])
        let quick = try builder.reader().quickCheck()
        #expect(quick.findings.map(\.name) == [.phantom] && quick.reading == nil)
    }

    @Test func progressComesAndEndsTheCheck() throws {
        struct Stop: Error {}
        var builder = try Self.sound()
        builder.pages.append(builder.pages[0])
        let reader = try builder.reader()
        var phases: [CheckProgress.Phase] = []
        _ = try reader.fullCheck { progress in
            #expect(progress.done <= progress.total || progress.total == 0)
            if phases.last != progress.phase { phases.append(progress.phase) }
        }
        #expect(phases == [.records, .headers, .pages])
        for phase in phases {
            #expect(throws: Stop.self) { _ = try reader.fullCheck { if $0.phase == phase { throw Stop() } } }
        }
        #expect(throws: Stop.self) { _ = try reader.sampleCheck(percent: 50, seed: 1) { _ in throw Stop() } }
    }

    /// What the engine's own writer leaves is sound, whatever came before.
    @Test func whatOurWriterLeavesIsSound() throws {
        let bench = WriterBench()
        let storage = try bench.made((0..<20).map { WriterBench.record($0, size: $0 * 900) })
        func check() throws -> [Finding] {
            try DatabaseReader(bench.files, in: storage, key: bench.key).fullCheck().findings
        }
        #expect(try check().isEmpty)
        let writer = try bench.open(storage)
        for n in 0..<10 {
            try writer.transaction { try $0.upsert(WriterBench.record(n, size: (10 - n) * 1500, mark: 1)) }
        }
        for n in 10..<15 { try writer.delete(DatabaseBuilder.id(n)) }
        try writer.close()
        #expect(try check().isEmpty)
        let again = try bench.open(storage)
        _ = try again.vacuum()
        try again.close()
        #expect(try check().isEmpty)
    }
}

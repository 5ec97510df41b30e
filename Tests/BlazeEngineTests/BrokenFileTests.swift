import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Whatever happens to a file, reading ends, and never with a record that was not there.
@Suite struct BrokenFileTests {
    /// A fixture in memory, its key, and what it holds.
    private struct Original {
        let contents: [String: [UInt8]]
        let files: FileSet
        let key: SymmetricKey
        let records: [RecordID: [UInt8]]
        let names: Set<String>

        init(_ name: String) throws {
            let fixture = Fixture.named(name)
            contents = try fixture.contents()
            files = FileSet(data: FilePath("/db").appending(fixture.manifest.database))
            let storage = MemoryStorage(contents)
            var password = try fixture.password()
            var derived = try DatabaseKey.derive(
                for: files, in: storage, password: &password, iterations: fixture.manifest.pbkdf2Iterations)
            key = derived.withKey { key in key.withUnsafeBytes { SymmetricKey(data: $0) } }
            let reading = try Reading(DatabaseReader(files, in: storage, key: key))
            records = reading.records
            names = reading.names
        }

        /// Reads the database with some files changed; fails the test on a wrong or silently missing record.
        func read(_ storage: any Storage, _ what: String) {
            _ = try? FileSummary.read(files, in: storage)
            do {
                let reader = try DatabaseReader(files, in: storage, key: key)
                let reading = try Reading(reader)
                let unsure = !reading.names.subtracting(names).isEmpty
                for (id, record) in reading.records where records[id] != record {
                    #expect(unsure, "\(what): record \(id) is not the one that was written, and nothing is said")
                }
                if reading.records.count < records.count {
                    #expect(
                        unsure || reading.report.unreadable + reading.report.deleted > 0, "\(what): a record is gone")
                }
            } catch let error as EngineError {
                #expect(!error.message.isEmpty)
            } catch {
                Issue.record("\(what): \(error)")
            }
        }
    }

    private static let small = [
        "damaged/phantom-delete", "damaged/chain-order", "damaged/stale-next-page", "damaged/wal-over-overflow",
        "damaged/txn-interrupted", "damaged/overflow-v1", "damaged/async-vacuum-free-list", "damaged/lost-second-owner",
    ]

    /// 250 changes each: 2,000 together.
    @Test(arguments: small) func survivesFlippedBitsAndCutFiles(_ name: String) throws {
        let original = try Original(name)
        var generator = SeededGenerator.printed(name)
        let targets = original.contents.keys.filter { name in
            ["blazedb", "meta", "wal"].contains { name == "db.\($0)" } && !(original.contents[name] ?? []).isEmpty
        }.sorted()
        for round in 0..<testRounds(250) {
            let target = targets[Int.random(in: targets.indices, using: &generator)]
            var bytes = try #require(original.contents[target])
            var what = "\(name), round \(round), \(target)"
            if Int.random(in: 0..<5, using: &generator) == 0 {
                bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
                what += " cut to \(bytes.count)"
            } else {
                // Near the headers of pages as often as anywhere.
                let anywhere = Int.random(in: bytes.indices, using: &generator)
                let header = min(bytes.count - 1, anywhere / 4096 * 4096 + anywhere % 45)
                let place = Bool.random(using: &generator) ? anywhere : header
                bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                what += " flipped at \(place)"
            }
            let storage = MemoryStorage(original.contents)
            storage[FilePath("/db").appending(target)] = bytes
            original.read(storage, what)
        }
    }

    @Test(arguments: ["damaged/wal-over-overflow", "damaged/chain-order"]) func survivesADiskThatFails(_ name: String)
        throws
    {
        let original = try Original(name)
        let whole = FaultStorage(MemoryStorage(original.contents), failingRead: Int.max)
        original.read(whole, name)
        #expect(whole.readCount > 10)
        for n in 1...whole.readCount {
            let storage = FaultStorage(MemoryStorage(original.contents), failingRead: n)
            original.read(storage, "\(name), read \(n) fails")
        }
    }

    @Test func anUnreadablePageIsAFindingAndTheRestIsRead() throws {
        var builder = DatabaseBuilder()
        // Neighbours in the file would come with one read.
        for n in [0, 2, 1] { try builder.add(DatabaseBuilder.id(n)) }
        builder.index.sort { $0.id < $1.id }
        // Opening takes the same reads every time; the next one is the first record's page.
        let counting = FaultStorage(builder.storage(), failingRead: Int.max)
        _ = try DatabaseReader(DatabaseBuilder.files, in: counting, key: builder.key)
        let storage = FaultStorage(builder.storage(), failingRead: counting.readCount + 2)
        let reader = try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key)
        let report = try reader.forEachRecord { _, _ in }
        #expect(report.readable == 1 && report.unreadable == 2)
        #expect(Set(report.findings.map(\.name)) == [.readError])
    }

    @Test func neighboursOfAPageThatIsCutOffAreRead() throws {
        var builder = DatabaseBuilder()
        for n in 0..<40 { try builder.add(DatabaseBuilder.id(n)) }
        let storage = builder.storage()
        storage[DatabaseBuilder.files.data]?.removeLast(5 * 4096 - 30)
        let report = try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key).forEachRecord { _, _ in }
        #expect(report.readable == 35 && report.unreadable == 5)
        #expect(Set(report.findings.filter { $0.severity == .damage }.compactMap(\.page)).isSuperset(of: 35..<40))
    }

    @Test func bodiesMayStopTheRead() throws {
        struct Stop: Error {}
        var builder = DatabaseBuilder()
        for n in 0..<3 { try builder.add(DatabaseBuilder.id(n)) }
        var seen = 0
        #expect(throws: Stop.self) {
            _ = try builder.reader().forEachRecord { _, _ in
                seen += 1
                if seen == 2 { throw Stop() }
            }
        }
        #expect(seen == 2)
    }

    /// 10 GB of hole behind a sound database: only what is there is read.
    @Test func aHugeSparseFileIsQuick() throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(1))
        let directory = try TemporaryDirectory()
        let files = FileSet(data: directory.path.appending("made.blazedb"))
        try directory.write(builder.pages[0], to: "made.blazedb")
        try directory.write(builder.metadata(payload: builder.payload), to: "made.meta")
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: files.data.string))
        try handle.truncate(atOffset: 10_000_000_000)
        // Something far out, and a last page that is not whole.
        try handle.seek(toOffset: 9_999_998_976)
        try handle.write(contentsOf: Data("end".utf8))
        try handle.close()
        let storage = PosixStorage()
        let reader = try DatabaseReader(files, in: storage, key: builder.key)
        let start = ContinuousClock.now
        let check = try reader.quickCheck()
        #expect(ContinuousClock.now - start < .seconds(1))
        #expect(check.survey.total == 2_441_407 && check.survey.record == 1 && check.survey.unrecognized == 1)
        #expect(check.survey.empty == 2_441_405 && check.survey.leaked == 0 && check.survey.partialTail == 1024)
        #expect(check.findings.map(\.name) == [.orphan, .partialPage, .legacySalt])
    }

    @Test func leakedPagesInHolesAreCounted() throws {
        let directory = try TemporaryDirectory()
        var builder = DatabaseBuilder()
        builder.index = [(DatabaseBuilder.id(1), [5])]
        builder.free = [7, 8]
        builder.nextPageIndex = 1000
        let files = FileSet(data: directory.path.appending("made.blazedb"))
        try directory.write([], to: "made.blazedb")
        try directory.write(builder.metadata(payload: builder.payload), to: "made.meta")
        try FileHandle(forWritingTo: URL(fileURLWithPath: files.data.string)).truncate(atOffset: 4096 * 100)
        let reader = try DatabaseReader(files, in: PosixStorage(), key: builder.key)
        let survey = try reader.survey()
        #expect(survey.empty == 100 && survey.leaked == 97 && survey.free == 2 && survey.total == 100)
        #expect(try reader.quickCheck().findings.first { $0.name == .leaked }?.page == 0)
    }
}

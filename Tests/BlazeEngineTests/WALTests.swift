import BlazeModel
import Testing

@testable import BlazeEngine

/// Which images of a WAL count (FORMAT.md 8.1a), and what is said about the others.
@Suite struct WALTests {
    private let a = DatabaseBuilder.id(1)
    private let b = DatabaseBuilder.id(2)
    private let garbage = [UInt8](repeating: 0xA5, count: 500)

    private func n(_ reading: Reading, _ id: RecordID) throws -> [UInt8]? {
        reading.records[id]
    }

    private func record(_ id: RecordID, _ n: UInt8) throws -> [UInt8] {
        typedJSON(try RecordCodec.decode(DatabaseBuilder.record(id, n: n)))
    }

    /// Two sound records, and images of record `a` with n = 5 and 6.
    private func builder() throws -> (DatabaseBuilder, [[UInt8]]) {
        var builder = DatabaseBuilder()
        try builder.add(a)
        try builder.add(b)
        return (builder, try [5, 6].map { try builder.recordPage(DatabaseBuilder.record(a, n: $0)) })
    }

    @Test func anImageCountsOnlyWhereThePageIsBroken() throws {
        var (builder, images) = try builder()
        builder.wal = images.flatMap { DatabaseBuilder.walEntry(0, $0) }
        let sound = try Reading(builder.reader())
        #expect(sound.records[a] == (try record(a, 1)))
        #expect(sound.names == ["wal-pending", "wal-would-revert"])

        builder.pages[0][50] ^= 1
        let broken = try Reading(builder.reader())
        #expect(broken.records[a] == (try record(a, 6)))
        #expect(broken.names == ["wal-pending"])
        #expect(try builder.reader().wal?.counting == pages(1, first: 0))

        builder.pages[0] = DatabaseBuilder.padded([])
        let deleted = try Reading(builder.reader())
        #expect(deleted.records[a] == nil && deleted.report.deleted == 1)
        #expect(deleted.names == ["phantom", "wal-pending", "wal-would-resurrect"])
    }

    private func pages(_ count: Int, first: UInt32?) -> WALSummary.Pages {
        var out = WALSummary.Pages()
        for i in 0..<count { out.add((first ?? 0) + UInt32(i)) }
        return out
    }

    @Test func theLastAuthenticImageCounts() throws {
        var (builder, images) = try builder()
        builder.pages[0][50] ^= 1
        images[1][50] ^= 1
        builder.wal = images.flatMap { DatabaseBuilder.walEntry(0, $0) }
        #expect(try Reading(builder.reader()).records[a] == (try record(a, 5)))
        images[0][50] ^= 1
        builder.wal = images.flatMap { DatabaseBuilder.walEntry(0, $0) }
        let reading = try Reading(builder.reader())
        #expect(reading.records[a] == nil && reading.names == ["unreadable", "wal-pending"])
    }

    @Test func aPageBehindTheFileComesFromTheWAL() throws {
        var (builder, images) = try builder()
        builder.index.append((DatabaseBuilder.id(3), [7]))
        builder.index[0].pages = [7]
        builder.index.removeLast()
        builder.nextPageIndex = 8
        builder.wal = DatabaseBuilder.walEntry(7, images[0])
        let reader = try builder.reader()
        #expect(try Reading(reader).records[a] == (try record(a, 5)))
        let survey = try reader.survey()
        #expect(survey.total == 8 && survey.record == 3 && survey.orphan == 1)
    }

    @Test func entriesBehindGarbageAreFound() throws {
        var (builder, images) = try builder()
        builder.pages[0][50] ^= 1
        builder.wal = garbage + DatabaseBuilder.walEntry(0, images[0])
        var reader = try builder.reader()
        #expect(reader.wal?.entries == 1 && reader.wal?.hiddenEntries == 1 && reader.wal?.skippedBytes == 500)
        #expect(try Reading(reader).records[a] == (try record(a, 5)))
        #expect(try Reading(reader).names == ["wal-pending", "wal-garbage"])

        // A false start of an entry, and a torn one, between whole ones.
        let torn = DatabaseBuilder.walEntry(0, images[1]).prefix(2000)
        builder.wal =
            DatabaseBuilder.walEntry(0, images[0]) + Array("ELAW".utf8) + torn + DatabaseBuilder.walEntry(0, images[1])
            + torn
        reader = try builder.reader()
        #expect(reader.wal?.entries == 2 && reader.wal?.hiddenEntries == 1 && reader.wal?.tailBytes == 2000)
        #expect(try Reading(reader).records[a] == (try record(a, 6)))
        #expect(try Reading(reader).names == ["wal-pending", "wal-garbage", "wal-tail"])
    }

    @Test func replayStopsAtGarbage() throws {
        var (builder, images) = try builder()
        builder.wal = garbage + DatabaseBuilder.walEntry(0, images[0])
        // BlazeDB never reaches the image, so it changes nothing.
        #expect(try builder.reader().wal?.wouldRevert.count == 0)
    }

    @Test func aNewerOverflowPageIsNotOverwritten() throws {
        var (builder, images) = try builder()
        try builder.addLong(DatabaseBuilder.id(3), size: 5000)
        builder.wal = DatabaseBuilder.walEntry(3, images[0])
        let reading = try Reading(builder.reader())
        #expect(reading.records.count == 3 && reading.names == ["wal-over-overflow", "wal-pending"])
        builder.wal = DatabaseBuilder.walEntry(0, builder.pages[0])
        #expect(try Reading(builder.reader()).names == ["wal-pending"])
    }

    @Test func onlyCommittedTransactionsCount() throws {
        var (builder, images) = try builder()
        builder.pages[0][50] ^= 1
        func write(_ transaction: UInt8, _ image: Int) -> [UInt8] {
            DatabaseBuilder.unifiedEntry(transaction, 1, page: 0, images[image])
        }
        let begin = DatabaseBuilder.unifiedEntry(1, 0) + DatabaseBuilder.unifiedEntry(2, 0)
        let commit = DatabaseBuilder.unifiedEntry(1, 3)

        builder.wal = begin + write(1, 0)
        #expect(try Reading(builder.reader()).records[a] == nil)
        #expect(try builder.reader().wal?.uncommittedEntries == 1)

        builder.wal = begin + write(1, 0) + write(2, 1) + commit
        var reader = try builder.reader()
        #expect(try Reading(reader).records[a] == (try record(a, 5)))
        #expect(reader.wal?.unifiedEntries == 5 && reader.wal?.uncommittedEntries == 1 && reader.wal?.skippedBytes == 0)

        builder.wal = begin + write(1, 0) + DatabaseBuilder.unifiedEntry(1, 4) + commit
        #expect(try Reading(builder.reader()).records[a] == nil)

        builder.wal = begin + write(1, 0) + DatabaseBuilder.unifiedEntry(1, 2, page: 0) + commit
        reader = try builder.reader()
        let deleted = try Reading(reader)
        #expect(deleted.records[a] == nil && deleted.report.deleted == 1)
        #expect(try reader.survey().empty == 1)

        builder.pages[0][50] ^= 1
        #expect(try builder.reader().wal?.wouldRevert.count == 1)
    }

    @Test func theSearchBehindGarbageIsBounded() throws {
        var (builder, images) = try builder()
        builder.pages[0][50] ^= 1
        let falseStart = Array("WALV".utf8)
        let many = Array(repeating: falseStart, count: EngineLimits.walCandidates + 10).flatMap(\.self)
        builder.wal = many + DatabaseBuilder.walEntry(0, images[0])
        let reader = try builder.reader()
        #expect(reader.wal?.searchGivenUp == true && reader.wal?.entries == 0)
        #expect(reader.wal?.skippedBytes == reader.wal?.size)
        #expect(try Reading(reader).names.contains("wal-tail"))
    }

    /// Entries across the places where the window of 256 KiB is filled anew.
    @Test func readsAcrossWindows() throws {
        var (builder, images) = try builder()
        builder.pages[0][50] ^= 1
        for gap in [0, 1, 15, 16, 17, 4111] {
            let lead = [UInt8](repeating: 0xA5, count: (256 << 10) - gap)
            builder.wal = lead + DatabaseBuilder.walEntry(0, images[0]) + lead + DatabaseBuilder.walEntry(0, images[1])
            let reader = try builder.reader()
            #expect(reader.wal?.entries == 2 && reader.wal?.skippedBytes == UInt64(2 * lead.count))
            #expect(try Reading(reader).records[a] == (try record(a, 6)))
        }
    }
}

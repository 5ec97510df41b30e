import BlazeModel
import BlazePlatform
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// States that a crash can leave and no fixture has, written by hand, opened for a change and cut at every call.
@Suite struct CraftedRecoveryTests {
    private static let bench = WriterBench(files: DatabaseBuilder.files, key: DatabaseBuilder().key)

    private static func storage(_ builder: DatabaseBuilder) -> CrashStorage {
        let made = builder.storage()
        let storage = CrashStorage()
        for path in [bench.files.data, bench.files.meta, bench.files.salt, bench.files.wal] {
            storage[path] = made[path]
        }
        return storage
    }

    private static func made(_ count: Int) throws -> DatabaseBuilder {
        var builder = DatabaseBuilder()
        for n in 0..<count { try builder.add(DatabaseBuilder.id(n), n: UInt8(n)) }
        return builder
    }

    @Test func tornPagesAreFilledFromTheWAL() throws {
        var builder = try Self.made(4)
        let wanted = try Self.bench.contents(Self.storage(builder))
        for page in [1, 2] {
            builder.wal += DatabaseBuilder.walEntry(page, builder.pages[page])
            // The machine stopped when half of the page was written.
            builder.pages[page].replaceSubrange(0..<64, with: [UInt8](repeating: 0x5A, count: 64))
        }
        let base = Self.storage(builder)
        let whole = base.copy()
        let writer = try Self.bench.open(whole)
        #expect(writer.recovery.map(\.kind) == [.walApplied, .walEmptied])
        try writer.close()
        #expect(try Self.bench.contents(whole) == wanted)
        #expect(whole[Self.bench.files.wal] == [])
        var generator = SeededGenerator.printed()
        for n in 1...whole.calls.count {
            let seeds = (0..<20).map { _ in CrashStorage.Survival.some(seed: generator.next()) }
            for survival in [.all, .nothing] + seeds {
                let cut = base.copy(.dies, at: n)
                _ = try? Self.bench.open(cut).close()
                let left = cut.survivors(survival)
                try Self.bench.open(left).close()
                #expect(try Self.bench.contents(left) == wanted, "call \(n) \(whole.calls[n - 1]), \(survival)")
            }
        }
    }

    /// Where the index names no page, nothing acknowledged is lost by leaving an image out; a page number is not authenticated.
    @Test func imagesOfPagesThatNoRecordHasAreLeftOut() throws {
        var builder = try Self.made(2)
        let stranger = try builder.recordPage(DatabaseBuilder.record(DatabaseBuilder.id(77)))
        builder.wal = DatabaseBuilder.walEntry(2, stranger) + DatabaseBuilder.walEntry(4_000_000_000, stranger)
        let storage = Self.storage(builder)
        try Self.bench.open(storage).close()
        #expect(storage[Self.bench.files.data]?.count == 2 * 4096)
        #expect(storage[Self.bench.files.wal] == [])
    }

    /// A free list that names pages in use, pages twice and pages that are none (trap T7) is not believed.
    @Test func freePagesInUseAreNotTaken() throws {
        var builder = try Self.made(5)
        builder.pages.append([UInt8](repeating: 0, count: 4096))
        builder.free = [0, 1, 1, 5, 3, 5, 900]
        let base = Self.storage(builder)
        var wanted: Contents = [:]
        let reader = try DatabaseReader(Self.bench.files, in: base, key: Self.bench.key, underLease: true)
        _ = try reader.forEachRecord { wanted[$0] = typedJSON($1) }
        let writer = try Self.bench.open(base)
        for n in 20..<28 {
            let record = WriterBench.record(n, size: 5000)
            try writer.insert(record)
            wanted[record.id!] = typedJSON(record)
        }
        try writer.close()
        #expect(try Self.bench.contents(base) == wanted)
    }

    /// A chain that grew over free pages is on no list; when its record goes, its pages are free once, not twice.
    @Test func pagesOfAChainOnTheFreeListAreGivenBackOnce() throws {
        var builder = try Self.made(2)
        try builder.addLong(DatabaseBuilder.id(9), size: 9000)
        builder.index[2].pages = [2]
        builder.free = [3, 4]
        let storage = Self.storage(builder)
        let writer = try Self.bench.open(storage)
        try writer.delete(DatabaseBuilder.id(9))
        var wanted = try Self.bench.contents(storage)
        for n in 20..<26 {
            let record = WriterBench.record(n)
            try writer.insert(record)
            wanted[record.id!] = typedJSON(record)
        }
        try writer.close()
        #expect(try Self.bench.contents(storage) == wanted)
    }

    /// A file that only looks like one in the way is not emptied, and a link not followed.
    @Test func aLinkInPlaceOfTheWALIsNotFollowed() throws {
        let directory = try TemporaryDirectory()
        var builder = try Self.made(2)
        builder.wal = DatabaseBuilder.walEntry(0, builder.pages[0])
        let files = FileSet(data: directory.path.appending("made.blazedb"))
        try directory.write(builder.pages.flatMap(\.self), to: "made.blazedb")
        try directory.write(builder.metadata(payload: builder.payload), to: "made.meta")
        try directory.write([UInt8](0..<16), to: "made.salt")
        let target = try directory.write(builder.wal, to: "precious")
        try FileManager.default.createSymbolicLink(atPath: files.wal.string, withDestinationPath: target.string)
        let storage = PosixStorage()
        #expect(throws: EngineError(.notRegularFile, "")) {
            try DatabaseWriter(files, in: storage, key: builder.key, lock: try storage.lock(files.data))
        }
        #expect(try storage.open(target).status().size == UInt64(builder.wal.count))
    }

    /// Pages behind nextPageIndex may belong to a record that grew (trap T2); the metadata says so once it is opened.
    @Test func nextPageIndexIsRaisedInTheMetadata() throws {
        var builder = try Self.made(2)
        try builder.addLong(DatabaseBuilder.id(9), size: 9000)
        builder.index[2].pages = [2]
        builder.nextPageIndex = 3
        let storage = Self.storage(builder)
        let writer = try Self.bench.open(storage)
        #expect(writer.recovery.map(\.kind) == [.nextPageRaised])
        try writer.close()
        let reader = try DatabaseReader(Self.bench.files, in: storage, key: Self.bench.key, underLease: true)
        #expect(reader.metadata.nextPageIndex == 5)
        #expect(try Self.bench.contents(storage).count == 3)
        #expect(try Self.bench.open(storage).recovery.isEmpty)
    }

    @Test func entriesThatARewriteWouldLoseAreAnObstacle() throws {
        var builder = try Self.made(2)
        let payload = builder.payload.replacing(
            "\"indexMap\":[", with: "\"indexMap\":[{\"id\":\"no id at all\",\"pages\":[1]},")
        builder.wal = []
        let storage = Self.storage(builder)
        storage[Self.bench.files.meta] = builder.metadata(payload: payload)
        #expect(throws: EngineError(.damaged, "")) { try Self.bench.open(storage) }
        #expect(storage.calls.isEmpty)
    }

    /// Somebody else's copy of the data file under the name of a vacuum's backup is not taken for ours.
    @Test func anUnknownBackupStopsAVacuum() throws {
        let storage = Self.storage(try Self.made(4))
        storage[Self.bench.files.dataAside] = [1, 2, 3]
        let writer = try Self.bench.open(storage)
        try writer.delete(DatabaseBuilder.id(1))
        #expect(throws: EngineError(.recoveryUndecided, "")) { try writer.vacuum() }
        #expect(storage[Self.bench.files.dataAside] == [1, 2, 3])
        try writer.insert(WriterBench.record(50))
        try writer.close()
        storage[Self.bench.files.dataAside] = nil
        #expect(try Self.bench.contents(storage).count == 4)
    }

    @Test func twoWritersExcludeEachOther() throws {
        let storage = Self.storage(try Self.made(4))
        let writer = try Self.bench.open(storage)
        try writer.delete(DatabaseBuilder.id(1))
        #expect(throws: StorageError(.locked, operation: "lock", path: "/")) { try Self.bench.open(storage) }
        _ = try writer.vacuum()
        // The file has another inode now, and the lock goes with the name.
        #expect(throws: StorageError(.locked, operation: "lock", path: "/")) { try Self.bench.open(storage) }
        try writer.close()
        try Self.bench.open(storage).close()
    }

    /// The process died in the middle of a transaction, and BlazeDB has worked since: a record that it let grow without saving
    /// the metadata reaches the same pages, and they stay.
    @Test func pagesThatARecordReachesAreNotCutOff() throws {
        var builder = try Self.made(2)
        try builder.addLong(DatabaseBuilder.id(9), size: 9000)
        let grown = builder.pages
        builder.pages.removeLast(2)
        builder.index[2].pages = [2]
        builder.nextPageIndex = 3
        for isReached in [true, false] {
            let storage = Self.storage(builder)
            let marker = try GrowthMarker(Self.bench.files, in: storage)
            try marker.note(3, beside: try storage.status(of: Self.bench.files.meta))
            let file = try storage.openForWriting(Self.bench.files.data)
            try file.write(isReached ? grown[3] + grown[4] : grown[0] + grown[1], at: 3 * 4096)
            if !isReached { try file.write([UInt8](repeating: 0, count: 4096), at: 2 * 4096) }
            let writer = try Self.bench.open(storage)
            #expect(writer.recovery.map(\.kind) == [isReached ? .nextPageRaised : .unfinishedCutOff])
            try writer.close()
            #expect(storage[Self.bench.files.data]?.count == (isReached ? 5 : 3) * 4096)
            #expect(try storage.status(of: Self.bench.files.growthMarker) == nil)
        }
    }

    /// Whoever replaces a file although it is locked is not overwritten.
    @Test func replacedFilesAreNotOverwritten() throws {
        for path in [Self.bench.files.data, Self.bench.files.meta] {
            let storage = Self.storage(try Self.made(3))
            let writer = try Self.bench.open(storage)
            let other = try #require(storage[path])
            storage[path] = other
            #expect(throws: EngineError(.replacedMeanwhile, "")) { try writer.insert(WriterBench.record(8)) }
            #expect(throws: EngineError(.poisoned, "")) { try writer.insert(WriterBench.record(9)) }
            #expect(storage[path] == other)
        }
    }
}

import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import BlazeEngine

/// Reading beside a writer: what passes is read again, what stays is told, and nothing is told wrongly.
struct LiveReadTests {
    private static let owner = Ownership.owned([LockHolder(processID: 4711, executable: "/usr/bin/app")])

    /// Short, so that what stays is told soon.
    private static var patience: Patience {
        var patience = Patience()
        patience.limit = .milliseconds(80)
        return patience
    }

    private func reader(_ builder: DatabaseBuilder, _ storage: any Storage) throws -> DatabaseReader {
        try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key, patience: Self.patience)
    }

    private func sample(_ count: Int = 3) throws -> DatabaseBuilder {
        var builder = DatabaseBuilder()
        for n in 0..<count { try builder.add(DatabaseBuilder.id(n)) }
        return builder
    }

    // MARK: What passes

    @Test func aTornPageIsReadAgain() throws {
        let builder = try sample()
        let torn = PassingStorage(builder.storage(), wrongReads: 2)
        torn.base.ownership = Self.owner
        let reader = try reader(builder, torn)
        torn.arm(page: 1)
        let report = try reader.forEachRecord { _, _ in }
        #expect(report.readable == 3 && report.unreadable == 0 && report.unstable == 0)
        #expect(report.findings.map(\.name) == [.inUse])
    }

    @Test func aRecordThatLeavesTheIndexIsGone() throws {
        var builder = try sample()
        let storage = builder.storage()
        storage.ownership = Self.owner
        let reader = try reader(builder, storage)
        // An insert has taken the page of a deleted record, and then the metadata followed.
        builder.pages[1] = try builder.recordPage(DatabaseBuilder.record(DatabaseBuilder.id(9)))
        builder.index[1].id = DatabaseBuilder.id(9)
        let data = builder.pages.flatMap(\.self)
        storage.overwrite(DatabaseBuilder.files.data, data)
        storage[DatabaseBuilder.files.meta] = builder.metadata(payload: builder.payload)
        var seen: [RecordID] = []
        let report = try reader.forEachRecord { id, record in
            seen.append(id)
            #expect(record.id == id)
        }
        #expect(seen == [DatabaseBuilder.id(0), DatabaseBuilder.id(2), DatabaseBuilder.id(9)])
        #expect(report.unreadable == 0 && report.unstable == 0)
        #expect(try reader.record(DatabaseBuilder.id(1)) == nil)
    }

    @Test func aDataFileThatWasReplacedIsTaken() throws {
        var builder = try sample()
        let storage = builder.storage()
        storage.ownership = Self.owner
        let reader = try reader(builder, storage)
        // A vacuum moves every record: the pages that the old metadata names hold others.
        builder.pages.reverse()
        builder.index = builder.index.map { ($0.id, $0.pages.map { 2 - $0 }) }
        storage[DatabaseBuilder.files.data] = builder.pages.flatMap(\.self)
        storage[DatabaseBuilder.files.meta] = builder.metadata(payload: builder.payload)
        let report = try reader.forEachRecord { id, record in #expect(record.id == id) }
        #expect(report.readable == 3 && report.unstable == 0)
    }

    // MARK: What stays

    @Test func whatStaysBrokenIsDamageBesideAnOwnerToo() throws {
        var builder = try sample()
        builder.pages[1][50] ^= 1
        let storage = builder.storage()
        for ownership in [Self.owner, .unknown("a test"), .free] {
            storage.ownership = ownership
            let reading = try Reading(try reader(builder, storage))
            #expect(reading.report.readable == 2 && reading.report.unreadable == 1)
            #expect(reading.findings.contains { $0.name == .unreadable && $0.severity == .damage })
        }
    }

    @Test func whatKeepsChangingIsUnstableAndTheRestIsRead() throws {
        let builder = try sample()
        let restless = PassingStorage(builder.storage(), wrongReads: .max)
        restless.base.ownership = Self.owner
        let reader = try reader(builder, restless)
        restless.arm(page: 1, changing: true)
        let report = try reader.forEachRecord { _, _ in }
        #expect(report.readable == 2 && report.unreadable == 0 && report.unstable == 1)
        let unstable = report.findings.filter { $0.name == .unstable }
        #expect(unstable.map(\.record) == [DatabaseBuilder.id(1)] && unstable.allSatisfy { $0.severity == .advice })
        let error = #expect(throws: EngineError.self) { try reader.record(DatabaseBuilder.id(1)) }
        #expect(error?.code == .changedWhileReading)
    }

    @Test func manyBrokenRecordsCostOnePatience() throws {
        var builder = try sample(400)
        for n in 0..<300 { builder.pages[n][50] ^= 1 }
        let storage = builder.storage()
        storage.ownership = Self.owner
        let reader = try reader(builder, storage)
        let report = try reader.forEachRecord { _, _ in }
        #expect(report.unreadable == 300 && report.readable == 100)
        #expect(reader.patience.spent < .seconds(2))
    }

    @Test func pageOrderIsDamageInEveryCase() throws {
        var builder = DatabaseBuilder()
        try builder.addLong(DatabaseBuilder.id(1), size: 6000)
        builder.index[0].pages.reverse()
        let storage = builder.storage()
        for ownership in [Self.owner, .unknown("a test"), .free] {
            storage.ownership = ownership
            let reading = try Reading(try reader(builder, storage))
            #expect(reading.report.readable == 1)
            let found = reading.findings.filter { $0.name == .chainOrder }
            #expect(!found.isEmpty && found.allSatisfy { $0.severity == .damage && !$0.isPossible })
        }
    }

    // MARK: What a live owner looks like

    @Test func statesOfALiveOwnerAreJudgedByOwnership() throws {
        var builder = try sample(4)
        builder.pages[1] = DatabaseBuilder.padded([])
        builder.pages.append(try builder.recordPage(DatabaseBuilder.record(DatabaseBuilder.id(9))))
        builder.nextPageIndex = 2
        builder.free = [2]
        let storage = builder.storage()
        for name in ["made.vacuum_in_progress", "made.vacuum.meta", "backup_v0_1.blazedb"] {
            storage[FilePath("/db").appending(name)] = []
        }
        storage["/db/txn_in_progress-made-0a.state"] = []
        let passing: Set<Finding.Name> = [
            .phantom, .freePageInUse, .freePageBeyond, .nextPageLow, .orphan, .transactionInterrupted, .vacuumLeftover,
            .openLeftover,
        ]
        for ownership in [Self.owner, .unknown("a test"), .free] {
            storage.ownership = ownership
            let reading = try Reading(try reader(builder, storage))
            let found = reading.findings.filter { passing.contains($0.name) }
            switch ownership {
            case .owned:
                #expect(found.allSatisfy { $0.severity == .note && !$0.isPossible })
                #expect(reading.names.contains("in-use"))
            case .unknown:
                #expect(Set(found.map(\.name)).isSuperset(of: [.phantom, .nextPageLow, .transactionInterrupted]))
                #expect(found.allSatisfy { $0.severity == .advice && $0.isPossible })
                #expect(reading.names.contains("ownership-unknown"))
            default:
                #expect(Set(found.map(\.name)).isSuperset(of: [.phantom, .nextPageLow, .transactionInterrupted]))
                #expect(found.contains { $0.severity == .damage } && found.allSatisfy { !$0.isPossible })
            }
        }
    }

    @Test func anOwnersWALIsNotReadUnlessAPageStaysBroken() throws {
        var builder = try sample()
        let image = builder.pages[1]
        builder.wal = DatabaseBuilder.walEntry(1, image)
        let storage = builder.storage()
        storage.ownership = Self.owner
        let untouched = try reader(builder, storage)
        #expect(try untouched.forEachRecord { _, _ in }.readable == 3)
        #expect(untouched.wal == nil)
        builder.pages[1][50] ^= 1
        let torn = builder.storage()
        torn.ownership = Self.owner
        let reader = try reader(builder, torn)
        #expect(try reader.forEachRecord { _, _ in }.readable == 3)
        // Its owner goes on writing the log, so nothing of it is kept.
        #expect(reader.wal == nil && reader.generation.store.overlay.isEmpty)
    }

    @Test func imagesOfALogThatItsOwnerHasTakenOverAreDropped() throws {
        var builder = try sample()
        let images = builder.pages
        builder.wal = DatabaseBuilder.walEntry(1, images[1])
        builder.pages[1][50] ^= 1
        builder.pages[2][50] ^= 1
        let storage = builder.storage()
        let reader = try reader(builder, storage)
        #expect(reader.wal?.counting.count == 1)
        // The app starts, replays the log, mends the rest and writes other images into the same places of the log.
        storage.overwrite(DatabaseBuilder.files.data, images.flatMap(\.self))
        storage.overwrite(DatabaseBuilder.files.wal, DatabaseBuilder.walEntry(0, images[0]))
        storage.ownership = Self.owner
        var seen: [RecordID] = []
        let report = try reader.forEachRecord { id, record in
            seen.append(id)
            #expect(record.id == id)
        }
        #expect(seen == (0..<3).map(DatabaseBuilder.id) && report.unreadable == 0 && report.unstable == 0)
    }

    @Test(arguments: [false, true])
    func aPageThatAnInsertHasTakenIsNoDamageHoweverLongItTakes(_ isOverflow: Bool) throws {
        var builder = try sample()
        builder.pages[1] =
            isOverflow
            ? try builder.overflowPage([1, 2, 3], next: 0)
            : try builder.recordPage(DatabaseBuilder.record(DatabaseBuilder.id(9)))
        let storage = builder.storage()
        storage.ownership = Self.owner
        var seen: [RecordID] = []
        let reader = try reader(builder, storage)
        let report = try reader.forEachRecord { id, _ in seen.append(id) }
        #expect(seen == [DatabaseBuilder.id(0), DatabaseBuilder.id(2)])
        #expect(report.unstable == 1 && report.unreadable == 0)
        #expect(try reader.quickCheck().findings.allSatisfy { $0.severity < .damage })
    }

    @Test func aRecordInAnothersPlaceIsDamageBesideAnOwnerToo() throws {
        var builder = try sample()
        builder.pages[1] = builder.pages[2]
        let storage = builder.storage()
        storage.ownership = Self.owner
        let report = try reader(builder, storage).forEachRecord { _, _ in }
        #expect(report.findings.contains { $0.name == .idMismatch && $0.severity == .damage })
    }

    @Test func readersDoNotMakeACrashNormal() throws {
        var builder = try sample()
        builder.nextPageIndex = 1
        let storage = builder.storage()
        storage.ownership = .shared([LockHolder(processID: 1, isExclusive: false)])
        let report = try reader(builder, storage).quickCheck()
        #expect(report.findings.contains { $0.name == .nextPageLow && $0.severity == .damage })
    }

    @Test func metadataMayBeMissingBesideAnOwnerOnlyWhileItIsMadeOrSwapped() throws {
        let builder = try sample()
        func severity(_ change: (MemoryStorage) -> Void) throws -> Finding.Severity? {
            let storage = builder.storage()
            storage.ownership = Self.owner
            storage[DatabaseBuilder.files.meta] = nil
            change(storage)
            return try FileSummary.read(DatabaseBuilder.files, in: storage).findings.first { $0.name == .noMeta }?
                .severity
        }
        #expect(try severity { _ in } == .damage)
        #expect(try severity { $0[DatabaseBuilder.files.data] = [] } == .note)
        #expect(try severity { $0["/db/made.vacuum_in_progress"] = [] } == .note)
    }

    @Test func longRecordsEndAWindowEarlyAndAllAreRead() throws {
        var builder = DatabaseBuilder()
        // More than a window may hold, although the lists name one page each.
        for n in 0..<140 { try builder.addLong(DatabaseBuilder.id(n), size: 100_000) }
        builder.index = builder.index.map { ($0.id, [$0.pages[0]]) }
        let reader = try builder.reader()
        let window = RecordWindow(from: 0, in: reader.metadata.index)
        let outcomes = window.outcomes(reader.generation.store)
        #expect(window.range.count == 140 && outcomes.count > 0 && outcomes.count < 140)
        var seen: [RecordID] = []
        #expect(try reader.forEachRecord { id, _ in seen.append(id) }.readable == 140)
        #expect(seen == (0..<140).map(DatabaseBuilder.id))
    }

    @Test func anOwnerThatComesMeanwhileCounts() throws {
        var builder = try sample()
        builder.pages[1] = DatabaseBuilder.padded([])
        let storage = builder.storage()
        let reader = try reader(builder, storage)
        storage.ownership = Self.owner
        let report = try reader.forEachRecord { _, _ in }
        #expect(report.readable == 2 && report.deleted == 1)
        #expect(report.findings.filter { $0.name == .phantom }.allSatisfy { $0.severity == .note })
        #expect(reader.ownership.isOwned)
    }

    @Test func underALeaseAChangeIsAnError() throws {
        var builder = try sample()
        builder.pages[1][50] ^= 1
        let storage = builder.storage()
        storage.ownership = Self.owner
        let reader = try DatabaseReader(
            DatabaseBuilder.files, in: storage, key: builder.key, underLease: true, patience: Self.patience)
        #expect(try reader.forEachRecord { _, _ in }.unreadable == 1)
        storage[DatabaseBuilder.files.meta] = builder.metadata(payload: builder.payload)
        let error = #expect(throws: EngineError.self) { _ = try reader.forEachRecord { _, _ in } }
        #expect(error?.code == .changedWhileReading)
    }

    @Test func largeReadsGiveEveryRecordOnceInOrder() throws {
        var builder = DatabaseBuilder()
        for n in 0..<700 { try builder.add(DatabaseBuilder.id((n * 37) % 700), n: UInt8(n % 250)) }
        builder.index.sort { $0.id < $1.id }
        var seen: [RecordID] = []
        let report = try builder.reader().forEachRecord { id, _ in seen.append(id) }
        #expect(seen == (0..<700).map(DatabaseBuilder.id) && report.readable == 700)
    }
}

/// A storage whose reads of one page go wrong for a while, as a pread beside a pwrite does.
private final class PassingStorage: Storage {
    let base: MemoryStorage
    private struct State {
        var page: UInt64?
        var left: Int
        var isChanging = false
        var count: UInt8 = 0
    }
    private let state: Mutex<State>

    init(_ base: MemoryStorage, wrongReads: Int) {
        self.base = base
        state = Mutex(State(left: wrongReads))
    }

    func arm(page: UInt64, changing: Bool = false) {
        state.withLock {
            $0.page = page
            $0.isChanging = changing
        }
    }

    func spoil(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        state.withLock { state in
            guard let page = state.page, state.left > 0, offset <= page * 4096 else { return }
            let start = Int(page * 4096 - offset)
            guard buffer.count >= start + 4096 else { return }
            state.left -= 1
            state.count &+= 1
            for i in start + 40..<start + 4096 { buffer[i] = state.isChanging ? state.count : 0 }
        }
    }

    /// Files change all the time.
    func status(of path: FilePath) throws(StorageError) -> FileStatus? {
        guard var status = try base.status(of: path) else { return nil }
        if state.withLock({ $0.isChanging }), path == DatabaseBuilder.files.wal {
            status.modified = Int64(truncatingIfNeeded: ContinuousClock.now.hashValue)
        }
        return status
    }

    func open(_ path: FilePath) throws(StorageError) -> any StorageFile { PassingFile(try base.open(path), self) }
    func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] { try base.names(in: directory) }
    func ownership(of file: FileIdentity, at path: FilePath) -> Ownership { base.ownership }
    func available(at path: FilePath) -> UInt64? { base.available(at: path) }
}

private final class PassingFile: StorageFile {
    private let base: any StorageFile
    private let storage: PassingStorage

    init(_ base: any StorageFile, _ storage: PassingStorage) {
        self.base = base
        self.storage = storage
    }

    var path: FilePath { base.path }
    func status() throws(StorageError) -> FileStatus { try base.status() }
    func nextData(from offset: UInt64) throws(StorageError) -> UInt64? { try base.nextData(from: offset) }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        let count = try base.read(into: buffer, at: offset)
        if path == DatabaseBuilder.files.data { storage.spoil(buffer, at: offset) }
        return count
    }
}

import BlazeEngine
import BlazeModel
import BlazePlatform
import BlazeServices
import Foundation
import SystemPackage
import TestSupport
import Testing

/// What an agent left behind that ended too early, as the next one finds it.
@Suite struct JobResolvingTests {
    let directory: TemporaryDirectory
    let storage = PosixStorage()
    var files: FileSet { FileSet(data: directory.path.appending("notes.blazedb")) }

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write([1, 2, 3], to: "notes.blazedb")
        try directory.write([4], to: "notes.meta")
    }

    /// The registry of the next agent, after one that was killed while a job worked.
    func afterKill(_ kind: JobKind = .vacuum, starting: Bool = true) throws -> JobRegistry {
        let path = directory.path.appending("jobs")
        let before = JobRegistry(directory: path)
        let job = try before.begin(kind, on: files.data, title: "notes", clientProcessID: 7)
        if starting { try before.start(job.id, replacing: try identity()) }
        return JobRegistry(directory: path)
    }

    func identity() throws -> FileIdentity { try #require(try storage.status(of: files.data)).identity }

    func names() throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: directory.path.string))
    }

    @Test func nothingWasBegun() throws {
        let registry = try afterKill()
        registry.resolveInterrupted(in: storage)
        let job = try registry.job(1)
        #expect(job.state == .rolledBack && job.ended != nil && job.failure == nil)
        #expect(try JobRegistry(directory: directory.path.appending("jobs")).job(1).state == .rolledBack)
    }

    @Test func aNewDataFileMeansThatItWasThrough() throws {
        let registry = try afterKill()
        try directory.write([9], to: "new")
        try storage.rename(directory.path.appending("new"), to: files.data)
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .finishedAfterRestart)
    }

    @Test func aSwapWithoutItsEndIsUndone() throws {
        let registry = try afterKill()
        try storage.rename(files.data, to: files.dataAside)
        try directory.write([], to: "notes.vacuum_in_progress")
        registry.resolveInterrupted(in: storage)
        let job = try registry.job(1)
        #expect(job.state == .rolledBack && job.recovery.map(\.kind) == ["vacuum-undone"])
        #expect(try names() == ["notes.blazedb", "notes.meta", "jobs"])
    }

    @Test func aSwapThatCountsIsFinished() throws {
        let registry = try afterKill()
        try storage.link(files.data, to: files.dataAside)
        try directory.write([9], to: "new")
        try storage.rename(directory.path.appending("new"), to: files.data)
        try directory.write([], to: "notes.vacuum_in_progress")
        try directory.write([], to: "notes.vacuum_success")
        registry.resolveInterrupted(in: storage)
        let job = try registry.job(1)
        #expect(job.state == .finishedAfterRestart && job.recovery.map(\.kind) == ["vacuum-finished"])
        #expect(try names() == ["notes.blazedb", "notes.meta", "jobs"])
    }

    @Test func oneFileUnderBothNamesIsNoLockOfOurOwn() throws {
        let registry = try afterKill()
        try storage.link(files.data, to: files.dataAside)
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .rolledBack)
        #expect(try names() == ["notes.blazedb", "notes.meta", "jobs"])
    }

    @Test func aDatabaseInUseIsLeftUntilItIsFree() throws {
        let registry = try afterKill()
        try storage.rename(files.data, to: files.dataAside)
        try withExtendedLifetime(try storage.lock(files.dataAside)) {
            registry.resolveInterrupted(in: storage)
            let job = try registry.job(1)
            #expect(job.state == .interrupted && job.failure?.name != nil && job.failure?.message.isEmpty == false)
            #expect(try storage.status(of: files.data) == nil)
        }
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .rolledBack && registry.job(1).failure == nil)
        #expect(try storage.status(of: files.data) != nil)
    }

    /// Its disk may come back, and what the job left with it.
    @Test func aDatabaseThatIsNotThereIsToldAndTriedAgain() throws {
        let registry = try afterKill()
        let away = directory.path.appending("away")
        try storage.rename(files.data, to: away)
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .interrupted && registry.job(1).failure?.name == "not-found")
        try storage.rename(away, to: files.data)
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .rolledBack && registry.job(1).failure == nil)
    }

    @Test func newMetadataMeansThatACollectionWasThrough() throws {
        let path = directory.path.appending("jobs")
        let before = JobRegistry(directory: path)
        let job = try before.begin(.collection, on: files.data, title: "notes", clientProcessID: 7)
        try before.start(job.id, replacing: try #require(try storage.status(of: files.meta)).identity)
        let registry = JobRegistry(directory: path)
        try directory.write([9], to: "new")
        try storage.rename(directory.path.appending("new"), to: files.meta)
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .finishedAfterRestart)
    }

    /// A vacuum that was undone while the database was opened has another file than when it began, and was not through.
    @Test func anUndoneSwapIsNotTakenForAFinishedOne() throws {
        let registry = try afterKill()
        try storage.rename(files.data, to: files.dataAside)
        try directory.write([], to: "notes.vacuum_in_progress")
        let steps = try FileRecovery.resolve(files, in: storage, locks: [try storage.lock(files.dataAside)]).steps
        #expect(steps.map(\.kind) == [.vacuumUndone])
        registry.settleInterrupted(on: files.data, files: (FileIdentity(device: 1, inode: 2), nil), steps)
        #expect(try registry.job(1).state == .rolledBack)
    }

    @Test func openingForAChangeSettlesToo() throws {
        let registry = try afterKill()
        registry.settleInterrupted(on: "/elsewhere.blazedb", files: (nil, nil), [])
        #expect(try registry.job(1).state == .interrupted)
        registry.settleInterrupted(on: files.data, files: (try identity(), nil), [])
        #expect(try registry.job(1).state == .rolledBack)
    }

    @Test(arguments: JobKind.allCases) func oneThatOnlyWaitedIsRolledBack(_ kind: JobKind) throws {
        let registry = try afterKill(kind, starting: false)
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .rolledBack)
    }

    @Test func aDatabaseWithAnActiveJobIsLeftToThatJob() throws {
        let registry = try afterKill()
        _ = try registry.begin(.collection, on: files.data, title: "notes", clientProcessID: 8)
        registry.resolveInterrupted(in: storage)
        #expect(try registry.job(1).state == .interrupted)
    }
}

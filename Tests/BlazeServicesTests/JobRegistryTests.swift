import BlazeModel
import BlazePlatform
import BlazeServices
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite struct JobRegistryTests {
    let directory: TemporaryDirectory
    var journal: FilePath { directory.path.appending("jobs") }
    static let cancelled = JobFailure(name: "cancelled", message: "on request", hint: "")
    static let file = FileIdentity(device: 1, inode: 2)

    init() throws {
        directory = try TemporaryDirectory()
    }

    func registry() -> JobRegistry { JobRegistry(directory: journal) }

    @discardableResult
    func begin(_ registry: JobRegistry, _ path: FilePath = "/d/notes.blazedb") throws -> Job {
        try registry.begin(.vacuum, on: path, title: "notes", clientProcessID: 7)
    }

    @Test func aJobIsOnDiskBeforeItWorks() throws {
        let registry = registry()
        let job = try begin(registry)
        #expect(job.id == 1 && job.state == .waiting && job.clientProcessID == 7)
        let other = self.registry()
        #expect(try other.job(1).state == .interrupted)
        #expect(try PosixStorage().status(of: journal.appending("1.json"))?.mode == 0o600)
        #expect(try PosixStorage().status(of: journal)?.mode == 0o700)
        try registry.start(1, replacing: Self.file)
        #expect(try self.registry().job(1).file == Self.file)
        let outcome = JobOutcome.vacuum(
            JobOutcome.Vacuum(
                records: 3, entriesRemoved: 1, unindexedDropped: 0, bytesBefore: 10, bytesAfter: 5, isRewritten: true))
        registry.note(1, [JobRecovery(kind: "wal-applied", message: "words")])
        registry.end(1, .done, outcome: outcome, at: 99)
        #expect(self.registry().all == registry.all)
        let back = try self.registry().job(1)
        #expect(back.state == .done && back.outcome == outcome && back.ended == 99 && back.recovery.count == 1)
    }

    @Test func oneJobForEachDatabase() throws {
        let registry = registry()
        try begin(registry)
        #expect(throws: JobError(busyWith: try registry.job(1))) { try begin(registry) }
        try begin(registry, "/d/other.blazedb")
        #expect(registry.active(on: "/d/notes.blazedb")?.id == 1)
        #expect(!registry.isChanging("/d/notes.blazedb"))
        try registry.start(1, replacing: Self.file)
        #expect(registry.isChanging("/d/notes.blazedb") && !registry.isChanging("/d/more.blazedb"))
        registry.end(1, .failed, failure: JobFailure(name: "busy", message: "words", hint: ""), at: 1)
        try begin(registry)
    }

    @Test func numbersGoOn() throws {
        for expected in 1...3 as ClosedRange<UInt64> { #expect(try begin(registry()).id == expected) }
        // A damaged file keeps its number too.
        try Data("{".utf8).write(to: URL(fileURLWithPath: journal.appending("9.json").string))
        #expect(try begin(registry(), "/d/next.blazedb").id == 10)
    }

    @Test(arguments: ["", "{", "[]", "{\"version\":2}", String(repeating: "x", count: 100_000)])
    func damagedFilesAreTold(_ text: String) throws {
        try begin(registry())
        try Data(text.utf8).write(to: URL(fileURLWithPath: journal.appending("1.json").string))
        let registry = registry()
        #expect(registry.all.isEmpty)
        #expect(registry.problems.count == 1 && registry.problems[0].contains("1.json"))
    }

    @Test func aFileUnderAnotherNumberIsDamaged() throws {
        try begin(registry())
        try FileManager.default.copyItem(
            atPath: journal.appending("1.json").string, toPath: journal.appending("2.json").string)
        let registry = registry()
        #expect(registry.all.map(\.id) == [1] && registry.problems.count == 1)
    }

    @Test func whatAWriteLeftIsRemoved() throws {
        try begin(registry())
        let left = journal.appending("2.json.tmp-1-2")
        try Data("{".utf8).write(to: URL(fileURLWithPath: left.string))
        #expect(registry().problems.isEmpty)
        #expect(try PosixStorage().status(of: left) == nil)
    }

    @Test func oldJobsAreForgotten() throws {
        let registry = registry()
        let running = try begin(registry, "/d/running.blazedb")
        for n in 0..<JobRegistry.keptJobs + 5 {
            let job = try begin(registry, FilePath("/d/\(n).blazedb"))
            registry.end(job.id, .done, at: Int64(n))
        }
        #expect(registry.all.count == JobRegistry.keptJobs + 1)
        #expect(throws: JobError.self) { try registry.job(2) }
        #expect(try registry.job(running.id).state == .waiting)
        #expect(self.registry().all.count == JobRegistry.keptJobs + 1)
    }

    @Test func aJobThatCannotBeWrittenDownDoesNotBegin() throws {
        try Data().write(to: URL(fileURLWithPath: journal.string))
        let registry = registry()
        #expect(registry.problems.count == 1)
        do {
            try begin(registry)
            Issue.record("it began")
        } catch let error as JobError {
            #expect(error.code == .journalFailed && !error.hint.isEmpty)
        }
        #expect(registry.all.isEmpty)
    }

    @Test func cancellingAsksAndStays() throws {
        let registry = registry()
        try begin(registry)
        try registry.start(1, replacing: Self.file)
        #expect(registry.cancellation(of: 1) == nil)
        #expect(try registry.cancel(1, because: Self.cancelled).state == .cancelling)
        #expect(registry.cancellation(of: 1) == Self.cancelled)
        registry.end(1, .cancelled, failure: Self.cancelled, at: 5)
        #expect(try registry.cancel(1, because: Self.cancelled).state == .cancelled)
        do {
            _ = try registry.cancel(77, because: Self.cancelled)
            Issue.record("there is no job 77")
        } catch {
            #expect(error.code == .notFound)
        }
    }

    @Test func stoppingAsksAllAndLetsNoneBegin() throws {
        let registry = registry()
        try begin(registry)
        try begin(registry, "/d/other.blazedb")
        registry.stop(because: JobFailure(name: "stopping", message: "words", hint: ""))
        #expect(registry.all.allSatisfy { $0.state == .cancelling })
        #expect(registry.cancellation(of: 2)?.name == "stopping")
        do {
            try begin(registry, "/d/third.blazedb")
            Issue.record("it began")
        } catch let error as JobError {
            #expect(error.code == .stopping)
        }
    }

    @Test func changesAreTold() throws {
        let registry = registry()
        let told = Mutex(0)
        _ = registry.changes.add { told.withLock { $0 += 1 } }
        try begin(registry)
        try registry.start(1, replacing: Self.file)
        #expect(told.withLock { $0 } == 2)
        // Progress comes often, and is told now and then; another phase at once.
        for n in 0..<1000 { registry.report(1, phase: "writing", done: n, total: 1000) }
        let after = told.withLock { $0 }
        #expect((3..<500).contains(after))
        registry.report(1, phase: "verifying", done: 0, total: 1000)
        #expect(told.withLock { $0 } == after + 1)
        #expect(try registry.job(1).progress?.phase == "verifying")
        registry.end(1, .done, at: 1)
        #expect(told.withLock { $0 } == after + 2)
    }

    @Test func pathsNeedNotBeText() throws {
        let path = try #require(FilePath(bytes: Array("/d/a".utf8) + [0xFF] + Array(".blazedb".utf8)))
        try begin(registry(), path)
        #expect(try registry().job(1).path == path)
    }
}

import BlazeModel
import BlazePlatform
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// What is told without a key.
@Suite struct FileSummaryTests {
    private func builder() throws -> DatabaseBuilder {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(1))
        return builder
    }

    @Test func leftoversBelongToOneNameOnly() throws {
        let storage = try builder().storage()
        let hash = String(repeating: "0af", count: 21) + "0"
        let own: [(String, Leftover.Kind)] = [
            ("backup_v0_0A.blazedb", .openBackup), ("made.blazedb.vacuum-0A", .asyncVacuum),
            ("made.blazedb.wal", .asyncVacuum), ("made.vacuum.blazedb", .vacuumNew), ("made.vacuum.wal", .vacuumNew),
            ("made.vacuum_backup.meta", .vacuumBackup), ("made.vacuum_in_progress", .vacuumMarker),
            ("txn_in_progress-made--8123.meta", .transactionCopy),
            ("txn_in_progress-made-\(hash).blazedb", .transactionCopy),
            ("txn_log-made-\(hash).json", .transactionLog), ("txn_log.json", .transactionLog),
        ]
        let others = [
            "txn_in_progress-made-two-\(hash).blazedb", "txn_in_progress-other-\(hash).meta",
            "txn_in_progress-made-.meta",
            "txn_in_progress-made-\(hash)", "mad.vacuum.blazedb", "made.vacuum.txt", "made2.vacuum.blazedb",
            "made.blazedb.walx",
        ]
        for name in own.map(\.0) + others { storage[FilePath("/db").appending(name)] = [1, 2, 3] }
        let status = try FileSetStatus.read(DatabaseBuilder.files, in: storage)
        #expect(status.leftovers.map { $0.path.lastComponent?.string ?? "" } == own.map(\.0))
        #expect(status.leftovers.map(\.kind) == own.map(\.1))
        let files: [FileStatus?] = [status.data, status.meta, status.salt, status.wal]
        let sizes = files.map { $0?.size ?? 0 }.reduce(0, +)
        #expect(status.totalSize == sizes + 30 && status.leftoversKnown)
        let names = try Set(FileSummary.read(DatabaseBuilder.files, in: storage).findings.map(\.name.rawValue))
        #expect(
            names == [
                "open-leftover", "vacuum-interrupted", "vacuum-leftover", "transaction-interrupted",
                "old-transaction-log",
            ])
    }

    @Test func aVacuumThatIsOverIsNotInterrupted() throws {
        let storage = try builder().storage()
        for name in ["made.vacuum_in_progress", "made.vacuum_success", "made.vacuum_backup.blazedb"] {
            storage[FilePath("/db").appending(name)] = []
        }
        #expect(
            try Set(FileSummary.read(DatabaseBuilder.files, in: storage).findings.map(\.name.rawValue)) == [
                "vacuum-leftover"
            ])
    }

    @Test func aDataFileThatAVacuumMovedAsideIsAFinding() throws {
        let fixture = Fixture.named("damaged/vacuum-between-renames")
        let copy = try fixture.copy()
        let summary = try FileSummary.read(FileSet(data: copy.data), in: PosixStorage())
        #expect(summary.status.data == nil && summary.recordCount == 300 && summary.recordCountIsEstimate)
        #expect(summary.findings.map(\.name) == [.vacuumInterrupted] && summary.findings[0].severity == .damage)
        #expect(try copy.isUnchanged())
    }

    @Test func theCountIsUnknownAndNeverZero() throws {
        let storage = try builder().storage()
        #expect(try FileSummary.read(DatabaseBuilder.files, in: storage).recordCount == 1)
        #expect(try FileSummary.read(DatabaseBuilder.files, in: storage).recordCountIsEstimate == false)
        let cases: [([UInt8]?, EngineError.Code, Finding.Name)] = [
            (nil, .metadataMissing, .noMeta), (Array("{}".utf8), .metadataUnsigned, .unsignedMeta),
            (Array("{".utf8), .metadataNotJSON, .badMeta),
        ]
        for (meta, code, name) in cases {
            storage[DatabaseBuilder.files.meta] = meta
            let summary = try FileSummary.read(DatabaseBuilder.files, in: storage)
            #expect(summary.recordCount == nil && summary.metadataProblem?.code == code)
            #expect(summary.findings.map(\.name) == [name] && summary.findings[0].severity == .damage)
        }
    }

    @Test func aWALMakesTheCountAnEstimate() throws {
        var builder = try builder()
        builder.wal = [1]
        #expect(try FileSummary.read(DatabaseBuilder.files, in: builder.storage()).recordCountIsEstimate)
    }

    @Test func saltsAreTold() throws {
        let storage = try builder().storage()
        storage[DatabaseBuilder.files.salt] = []
        var summary = try FileSummary.read(DatabaseBuilder.files, in: storage)
        #expect(summary.identity == nil && summary.saltProblem?.code == .emptySalt)
        #expect(summary.findings.map(\.name) == [.badSalt])
        storage[DatabaseBuilder.files.salt] = nil
        summary = try FileSummary.read(DatabaseBuilder.files, in: storage)
        #expect(summary.identity != nil && summary.saltSource == .constant)
        #expect(summary.findings.map(\.name) == [.legacySalt])
    }

    @Test func refusesWhatIsNoFile() throws {
        let directory = try TemporaryDirectory()
        let storage = PosixStorage()
        func code(_ name: String) -> EngineError.Code? {
            let files = FileSet(data: directory.path.appending(name))
            return #expect(throws: EngineError.self) { try FileSummary.read(files, in: storage) }?.code
        }
        #expect(code("nothing.blazedb") == .notFound)
        try FileManager.default.createDirectory(
            atPath: directory.path.appending("d.blazedb").string, withIntermediateDirectories: false)
        #expect(code("d.blazedb") == .notRegularFile)
        let fifo = directory.path.appending("f.blazedb").string
        #expect(mkfifo(fifo, 0o600) == 0)
        #expect(code("f.blazedb") == .notRegularFile)
    }

    @Test func namesNeedNotBeText() throws {
        let directory = try TemporaryDirectory()
        let data = try #require(
            FilePath(bytes: directory.path.bytes + Array("/a\nb".utf8) + [0xFF] + Array(".blazedb".utf8)))
        let files = FileSet(data: data)
        #expect(files.name == "a\\x0ab\\xff")
        #expect(files.meta.bytes.suffix(9).elementsEqual(Array("a\nb".utf8) + [0xFF] + Array(".meta".utf8)))
        let error = #expect(throws: EngineError.self) { try FileSummary.read(files, in: PosixStorage()) }
        #expect(error?.description.contains("\n") == false)
    }
}

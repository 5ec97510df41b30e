import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Random damage to every file of real databases: a repair saves each record whose pages are untouched, byte by byte, tells what
/// became of the others, leaves nothing to complain of, and can be taken back to the last byte. Where the data file is missing, a
/// salvage does the same.
@Suite struct RandomRepairTests {
    static let subjects = Fixture.all.map(\.name)

    /// 6 rounds each, of one to four changes; 300 each with the rounds of `make test-slow`.
    @Test(arguments: subjects) func savesWhatIsUntouched(_ name: String) throws {
        let subject = try RepairSubject(name)
        var generator = SeededGenerator.printed("savesWhatIsUntouched(\(name))")
        for round in 0..<testRounds(6) {
            let round = RepairRound(subject, "\(name), round \(round)", &generator)
            do {
                try round.run()
            } catch {
                Issue.record("\(round.what): \(error)")
            }
        }
    }

    /// The version of the wrapper is signed by nothing.
    @Test(arguments: ["3", "0", "72"]) func aDamagedWrapperVersionIsNoNewFormat(_ version: String) throws {
        let subject = try RepairSubject("typed")
        let storage = subject.bench.storage.copy()
        let text = String(decoding: storage[subject.files.meta] ?? [], as: UTF8.self)
        let damaged = text.replacing("\"secureLayoutVersion\":2", with: "\"secureLayoutVersion\":\(version)")
        #expect(damaged != text)
        storage[subject.files.meta] = Array(damaged.utf8)
        try RepairRound(subject, "version \(version)", storage).run()
        // One that does not verify may be a newer format.
        let other = subject.bench.storage.copy()
        other[subject.files.meta] = Array(damaged.replacing("\"signature\":\"", with: "\"signature\":\"A").utf8)
        let before = RepairBench.outside(other)
        #expect(throws: EngineError(.unsupportedFormat, "")) { try subject.bench.apply(other) }
        #expect(RepairBench.outside(other) == before)
    }

    /// A page that is no page any more is told where no index knows what it was.
    @Test func anOverwrittenPageIsToldWithoutMetadata() throws {
        let subject = try RepairSubject("typed")
        let storage = subject.bench.storage.copy()
        let (id, pages) = try #require(subject.kept.pages.first { $0.value.count == 1 })
        var data = try #require(storage[subject.files.data])
        data[Int(pages[0]) * 4096] ^= 1
        storage[subject.files.data] = data
        storage[subject.files.meta] = nil
        let plan = try subject.bench.repair(storage).plan()
        #expect(plan.lost.map(\.page) == [pages[0]] && plan.lost[0].id == nil)
        #expect(plan.records == subject.kept.records.count - 1)
        try RepairRound(subject, "record \(id)", storage).run()
    }

    /// A page number in the WAL that is far behind the end of the file: nothing reads, or writes, as far as that.
    @Test func aPageFarBehindTheEndIsNotGoneTo() throws {
        for hasMetadata in [true, false] {
            let subject = try RepairSubject("damaged/wal-over-overflow")
            let storage = subject.bench.storage.copy()
            var wal = try #require(storage[subject.files.wal])
            var scanner = WALScanner(try storage.open(subject.files.wal), size: UInt64(wal.count))
            guard case .legacy(_, let image, _) = try scanner.next() else {
                Issue.record("no entry")
                return
            }
            // The highest byte of the page's number.
            wal[Int(image) - 9] = 0x7f
            storage[subject.files.wal] = wal
            if !hasMetadata { storage[subject.files.meta] = nil }
            try RepairRound(subject, "metadata \(hasMetadata)", storage).run()
            #expect((storage[subject.files.data]?.count ?? 0) < 1 << 20)
        }
    }
}

import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeEngine

/// Lossless dumps: everything comes back, and a dump that is not whole makes nothing.
@Suite struct DumpTests {
    @Test(arguments: Fixture.all.filter { $0.manifest.expect?.records != nil })
    func aFixturesContentSurvives(_ fixture: Fixture) throws {
        let expect = try #require(fixture.manifest.expect)
        let copy = try fixture.copy()
        let files = FileSet(data: copy.data)
        var password = try fixture.password()
        var key = try DatabaseKey.derive(
            for: files, in: PosixStorage(), password: &password, iterations: fixture.manifest.pbkdf2Iterations)
        let (dumped, report) = try key.withKey { key in
            try DumpBench.dump(DatabaseReader(files, in: PosixStorage(), key: key), skipsUnreadable: true)
        }
        #expect(try copy.isUnchanged())
        let read = try report.unreadableCount + report.unstable + UInt64(#require(expect.records))
        #expect(report.records <= UInt64(expect.records ?? 0) && read >= report.records)
        let (storage, imported) = try DumpBench.importing(dumped)
        #expect(imported.form == .lossless && imported.records == report.records)
        #expect(imported.leftOut == report.unreadableCount + report.unstable)
        var hash = FixtureHash()
        _ = try DumpBench.reader(storage).forEachRecord { _, record in hash.add(record) }
        if report.records == UInt64(expect.records ?? -1) { #expect(hash.finish() == expect.sha256) }
        let (again, _) = try DumpBench.dump(DumpBench.reader(storage), skipsUnreadable: true)
        let (one, two) = (try DumpBench.payload(dumped), try DumpBench.payload(again))
        #expect(one.members == two.members)
        // The end tells how many were left out; the second dump left out none.
        #expect(one.records.dropLast(8) == two.records.dropLast(8))
        #expect(imported.leftOut > 0 || one.records == two.records)
    }

    private static func dumped() throws -> [UInt8] {
        let storage = try DumpBench.database([
            Record(fields: [Field("id", .uuid(DatabaseBuilder.id(1))), Field("a", .double(1))]),
            Record(fields: [Field("id", .uuid(DatabaseBuilder.id(2))), Field("b", .date(.infinity))]),
        ])
        return try DumpBench.dump(DumpBench.reader(storage)).bytes
    }

    @Test func everyFlippedByteOfAPlainDumpIsFound() throws {
        let dump = try Self.dumped()
        for at in dump.indices {
            var changed = dump
            changed[at] ^= 1
            #expect(try DumpBench.refused(changed, as: .lossless) != nil, "byte \(at)")
        }
    }

    @Test func everyTruncationIsFound() throws {
        let dump = try Self.dumped()
        for count in 0..<dump.count {
            #expect(
                try DumpBench.refused(Array(dump.prefix(count)), as: .lossless)?.code == .damaged, "\(count) bytes")
        }
        #expect(try DumpBench.refused(dump + [0])?.code == .damaged)
    }

    @Test func whatCannotBeReadEndsTheDumpUnlessItMayBeLeftOut() throws {
        var builder = DatabaseBuilder()
        for n in 0..<3 {
            builder.pages.append(try builder.recordPage(DatabaseBuilder.record(DatabaseBuilder.id(n))))
            builder.index.append((DatabaseBuilder.id(n), [n]))
        }
        builder.pages[1][60] ^= 1
        let storage = builder.storage()
        func reader() throws -> DatabaseReader {
            try DatabaseReader(DatabaseBuilder.files, in: storage, key: builder.key)
        }
        for form in [Dump.Form.lossless, .blazedump] {
            #expect(throws: EngineError(.damaged, "")) { try DumpBench.dump(reader(), as: form) }
            let (bytes, report) = try DumpBench.dump(reader(), as: form, skipsUnreadable: true)
            #expect(report.records == 2 && report.unreadable == [DatabaseBuilder.id(1)])
            let (made, imported) = try DumpBench.importing(bytes)
            #expect(imported.records == 2 && imported.leftOut == (form == .lossless ? 1 : 0))
            #expect(try DumpBench.records(made).count == 2)
        }
    }

    @Test func membersOfTheMetadataThatAWriterMakesAreNotTaken() throws {
        let image = MetadataImage(
            payload: [
                .init(key: "indexMap", value: Array("[1]".utf8)), .init(key: "mine", value: Array("[2]".utf8)),
                .init(key: "secondaryIndexes", value: Array("[3]".utf8)),
            ], wrapper: [.init(key: "signature", value: Array("1".utf8)), .init(key: "x", value: Array("2".utf8))])
        #expect(image.keptMembers.payload.map(\.key) == ["mine"] && image.keptMembers.wrapper.map(\.key) == ["x"])
    }

    @Test func nothingIsLeftWhereverAnImportFails() throws {
        let dump = try Self.dumped()
        let calls = try DumpBench.importing(dump).0.calls
        #expect(calls.count > 8)
        for call in 1...calls.count {
            let storage = DumpBench.storage(dump).copy(.fails(.noSpace), at: call)
            do {
                try DumpBench.run(storage)
                Issue.record("call \(call), \(calls[call - 1]), was not needed")
            } catch let error as EngineError {
                #expect(error.code == .noSpace || error.code == .writeFailed)
            } catch is StorageError {}
            // Once the metadata has its name there is a database, whole; until then there is nothing.
            if storage[DumpBench.target.meta] != nil {
                #expect(try DumpBench.records(storage).count == 2)
            } else {
                #expect(storage[DumpBench.target.data] == nil && storage[DumpBench.target.salt] == nil)
            }
        }
    }

    @Test func wherePowerFailsThereIsNoDatabaseOrAWholeOne() throws {
        let dump = try Self.dumped()
        let calls = try DumpBench.importing(dump).0.calls
        for call in 1...calls.count {
            let storage = DumpBench.storage(dump).copy(.dies, at: call)
            #expect(throws: (any Error).self) { try DumpBench.run(storage) }
            for seed in 0..<8 as Range<UInt64> {
                let left = storage.survivors(.some(seed: seed))
                guard left[DumpBench.target.meta] != nil else { continue }
                #expect(try DumpBench.records(left).count == 2, "call \(call), seed \(seed)")
                #expect(left[DumpBench.target.salt] == DumpBench.salt)
            }
        }
    }

    @Test func nothingThatIsThereIsOverwritten() throws {
        let dump = try Self.dumped()
        let target = DumpBench.target
        for path in [target.data, target.meta, target.salt, target.wal, target.dataAside] {
            let storage = DumpBench.storage(dump)
            storage[path] = [1]
            #expect(throws: EngineError(.alreadyExists, "")) { try DumpBench.run(storage) }
            #expect(storage[path] == [1] && storage.paths.count == 2)
        }
    }
}

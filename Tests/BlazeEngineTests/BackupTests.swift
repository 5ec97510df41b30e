import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Backups hold what the database held, say when they do not any more, and restore.
@Suite struct BackupTests {
    static let sound = ["tiny", "typed", "large", "empty", "unclean", "damaged/leaked-pages"]
    private static let elsewhere = FilePath("/db/copy.blazedb")

    @Test(arguments: sound) func holdsWhatTheDatabaseHeld(_ name: String) throws {
        let bench = try BackupBench(name)
        let wanted = try #require(bench.bench.manifest.expect)
        let records = try #require(wanted.records)
        for underLease in [true, false] {
            let storage = bench.bench.storage.copy()
            let before = BackupBench.files(storage, below: "/db")
            let report = try bench.create(storage, underLease: underLease)
            #expect(BackupBench.files(storage, below: "/db") == before, "the database is changed")
            #expect(report.isVerified && report.problems.isEmpty, "\(report.problems)")
            #expect(report.manifest.method == (underLease ? .exact : .live))
            #expect(report.manifest.contents?.records == UInt64(records))
            // It opens as a plain set of files.
            let copied = FileSet(data: report.directory.appending(report.manifest.dataName))
            #expect(try bench.hash(storage, copied).0 == wanted.sha256)
            let lock = try storage.lock(copied.data)
            let writer = try DatabaseWriter(copied, in: storage.copy(), key: bench.key, lock: lock)
            #expect(writer.recovery.isEmpty, "\(writer.recovery)")
            let listed = try bench.repository(storage).list()
            #expect(listed.map(\.id.text) == [report.manifest.id] && listed[0].verified == BackupBench.moment)
            #expect(listed[0].manifest == report.manifest)
            // Nothing but its own files and papers stays.
            let names = storage.paths.filter { $0.starts(with: BackupBench.root) }.compactMap(\.lastComponent?.string)
            #expect(
                Set(names)
                    == Set(
                        report.manifest.files.map(\.name.string)
                            + ["manifest.json", "checksums.b2", "seal", "verified"]))
            let restored = try bench.restore(storage, report.directory, to: Self.elsewhere)
            #expect(restored.records == UInt64(records))
            #expect(try bench.hash(storage, FileSet(data: Self.elsewhere)).0 == wanted.sha256)
            #expect(throws: EngineError(.alreadyExists, "")) {
                try bench.restore(storage, report.directory, to: Self.elsewhere)
            }
            #expect(storage.paths.allSatisfy { !$0.string.contains("agent_new") })
        }
    }

    /// An interrupted transaction is rolled back in the copy, and stays in the database.
    @Test func aTransactionIsRolledBackInTheCopy() throws {
        let bench = try BackupBench("damaged/txn-interrupted")
        let storage = bench.bench.storage.copy()
        let before = BackupBench.files(storage, below: "/db")
        let report = try bench.create(storage)
        #expect(BackupBench.files(storage, below: "/db") == before)
        #expect(report.isVerified && !report.manifest.steps.isEmpty)
        let copied = FileSet(data: report.directory.appending(report.manifest.dataName))
        #expect(try bench.hash(storage, copied).0 == bench.bench.manifest.repaired?.sha256)
    }

    @Test(arguments: ["damaged/chain-order", "damaged/meta-truncated", "damaged/torn-wal", "damaged/txn-interrupted"])
    func aRawCopyHoldsEveryFile(_ name: String) throws {
        let bench = try BackupBench(name)
        let storage = bench.bench.storage.copy()
        var options = Backup.Options()
        options.isRaw = true
        let report = try bench.create(storage, options)
        let before = BackupBench.files(storage, below: "/db").filter { $0.key.lastComponent != "manifest.json" }
        for (path, bytes) in before where !bytes.isEmpty || path.extension == "blazedb" {
            #expect(storage[report.directory.appending(path.lastComponent!)] == bytes, "\(path)")
        }
        // It restores under its own name alone, whole.
        let base = FilePath("/other")
        try storage.makeDirectory(base, like: nil)
        #expect(throws: EngineError(.invalidRecord, "")) {
            try bench.restore(storage, report.directory, to: base.appending("another.blazedb"))
        }
        _ = try bench.restore(storage, report.directory, to: base.appending(report.manifest.dataName))
        for (path, bytes) in before where !bytes.isEmpty {
            #expect(storage[base.appending(path.lastComponent!)] == bytes, "\(path)")
        }
        #expect(throws: EngineError(.invalidRecord, "")) { try bench.restoreInPlace(storage, report.directory) }
    }

    @Test func aDamagedDatabaseIsCopiedAndSaidToBeDamaged() throws {
        let bench = try BackupBench("damaged/lost-second-owner")
        for underLease in [true, false] {
            let storage = bench.bench.storage.copy()
            let report = try bench.create(storage, underLease: underLease)
            #expect(!report.isVerified && !report.problems.isEmpty)
            #expect(try bench.repository(storage).list()[0].verified == nil)
            #expect(report.manifest.leftOut == (underLease ? 0 : 5))
            let found = try bench.verify(storage, report.directory)
            #expect(!found.isSound && found.problems.allSatisfy { $0.file == "records" })
            #expect(report.manifest.contents?.unreadable == (underLease ? 5 : 0))
        }
    }

    // MARK: Damage

    /// Bytes of the papers (every one with many rounds), and bytes of every page and file of the database, one after the other.
    @Test(arguments: ["tiny", "empty"]) func everyChangedByteIsFound(_ name: String) throws {
        let bench = try BackupBench(name)
        let storage = bench.bench.storage.copy()
        let report = try bench.create(storage)
        #expect(try bench.verify(storage, report.directory).isSound)
        var generator = SeededGenerator.printed("everyChangedByteIsFound(\(name))")
        for path in storage.paths where path.starts(with: BackupBench.root) {
            let bytes = try #require(storage[path])
            let isPaper = !report.manifest.files.contains { $0.name == path.lastComponent }
            let places =
                isPaper || bytes.isEmpty
                ? bytes.indices.filter { _ in testRounds(1) > 1 || Int.random(in: 0..<5, using: &generator) == 0 }
                : (0..<30).map { _ in Int.random(in: bytes.indices, using: &generator) }
            for place in places where !bytes.isEmpty {
                var changed = bytes
                changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                let other = storage.copy()
                other[path] = changed
                let what = "\(path), byte \(place)"
                if isPaper {
                    let found = try BackupDirectory(report.directory).checkPapers(key: bench.key, in: other)
                    #expect(!found.problems.isEmpty, "\(what)")
                } else {
                    #expect(try !bench.verify(other, report.directory).isSound, "\(what)")
                }
                guard path.lastComponent != "verified", Int.random(in: 0..<24, using: &generator) == 0 else { continue }
                #expect(throws: EngineError(.damaged, ""), "\(what)") {
                    try bench.restore(other, report.directory, to: Self.elsewhere)
                }
                #expect(throws: EngineError(.damaged, ""), "\(what)") {
                    try bench.restoreInPlace(other, report.directory)
                }
                #expect(
                    BackupBench.files(other, below: "/db") == BackupBench.files(storage, below: "/db"),
                    "\(what): something of the restore stays")
            }
            for cut in [0, bytes.count - 1] where cut < bytes.count && cut >= 0 {
                let other = storage.copy()
                other[path] = Array(bytes[..<cut])
                #expect(try !bench.verify(other, report.directory).isSound, "\(path), cut at \(cut)")
            }
            let longer = storage.copy()
            longer[path] = bytes + [0]
            #expect(try !bench.verify(longer, report.directory).isSound, "\(path), a byte more")
            guard path.lastComponent != "verified" else { continue }
            let missing = storage.copy()
            missing[path] = nil
            #expect(try !bench.verify(missing, report.directory).isSound, "\(path), missing")
        }
        let more = storage.copy()
        more[report.directory.appending("stranger")] = [1]
        #expect(try !bench.verify(more, report.directory).isSound)
    }

    /// Whoever writes other files, and fitting checksums, has no key to seal them with.
    @Test func forgedPapersAreFound() throws {
        let bench = try BackupBench("tiny")
        let storage = bench.bench.storage.copy()
        let report = try bench.create(storage)
        let directory = BackupDirectory(report.directory)
        let verified = storage[report.directory.appending("verified")]
        for name in ["manifest.json", "checksums.b2", "seal"] { storage[report.directory.appending(name)] = nil }
        try directory.commit(report.manifest, key: SymmetricKey(size: .bits256), in: storage)
        storage[report.directory.appending("verified")] = verified
        #expect(try bench.verify(storage, report.directory).problems.map(\.file) == ["seal"])
    }

    // MARK: In place

    @Test(arguments: ["tiny", "typed", "unclean"]) func comesBackInPlaceAndGoesAgain(_ name: String) throws {
        let bench = try BackupBench(name)
        let wanted = try #require(bench.bench.manifest.expect)
        let records = try #require(wanted.records)
        let storage = bench.bench.storage.copy()
        let backup = try bench.create(storage)
        let writer = try bench.bench.bench.open(storage)
        try writer.insert(WriterBench.record(9999))
        try writer.close()
        let changed = try bench.hash(storage, bench.files)
        #expect(changed.1 == records + 1)
        let report = try bench.restoreInPlace(storage, backup.directory)
        #expect(!report.isReencrypted && report.records == UInt64(records))
        #expect(try bench.hash(storage, bench.files).0 == wanted.sha256)
        #expect(try bench.bench.findings(storage).filter { $0.severity == .damage }.isEmpty)
        let lock = try storage.lock(bench.files.data)
        _ = try RepairUndo.run(
            bench.files, before: .restore, in: storage, locks: [lock], discardsChanges: false)
        #expect(try bench.hash(storage, bench.files) == changed)
        #expect(storage.paths.allSatisfy { !$0.string.contains("before-restore") })
    }

    /// A backup of another key is written anew, so that the password of the database that is there opens it.
    @Test func isReencryptedUnderTheCurrentKey() throws {
        let bench = try BackupBench("typed")
        let storage = bench.bench.storage.copy()
        let backup = try bench.create(storage)
        let other = WriterBench(files: FileSet(data: "/db/other.blazedb"))
        do {
            let writer = try DatabaseWriter.create(other.files, in: storage, key: other.key, salt: WriterBench.salt)
            try writer.insert(WriterBench.record(1))
            try writer.close()
        }
        let salt = storage[other.files.salt]
        let report = try bench.restoreInPlace(storage, backup.directory, over: other.files, key: other.key)
        #expect(report.isReencrypted)
        let wanted = try #require(bench.bench.manifest.expect)
        #expect(try bench.hash(storage, other.files, key: other.key).0 == wanted.sha256)
        #expect(storage[other.files.salt] == salt)
        let lock = try storage.lock(other.files.data)
        _ = try RepairUndo.run(other.files, before: .restore, in: storage, locks: [lock], discardsChanges: false)
        #expect(try other.contents(storage).count == 1)
    }

    // MARK: What must not be taken away

    /// A restore died when all names were given; the database went on, with metadata of its own. Nothing of it goes.
    @Test func aRestoredDatabaseThatWentOnStays() throws {
        let bench = try BackupBench("tiny")
        let made = bench.bench.storage.copy()
        let backup = try bench.create(made)
        let target = FileSet(data: Self.elsewhere)
        let whole = made.copy()
        _ = try bench.restore(whole, backup.directory, to: Self.elsewhere)
        let named = try #require(whole.calls.firstIndex { $0.hasPrefix("link") && $0.contains("copy.meta") })
        let cut = made.copy(.dies, at: named + 2)
        _ = try? bench.restore(cut, backup.directory, to: Self.elsewhere)
        let left = cut.survivors(.all)
        #expect(left[target.successor.data] != nil)
        let writer = try DatabaseWriter(target, in: left, key: bench.key, lock: try left.lock(target.data))
        try writer.insert(WriterBench.record(9999))
        try writer.close()
        let count = try bench.hash(left, target).1
        #expect(try Restore.resolve(target, in: left) != false)
        #expect(try bench.hash(left, target).1 == count)
    }

    /// BlazeDB puts what an operation left in the place of what it finds (traps T5, T6).
    @Test(arguments: ["copy.vacuum_success", "copy.vacuum_backup.blazedb", "copy.agent_repair"])
    func nothingIsRestoredBesideWhatWouldReplaceIt(_ name: String) throws {
        let bench = try BackupBench("tiny")
        let storage = bench.bench.storage.copy()
        let backup = try bench.create(storage)
        storage[FilePath("/db").appending(name)] = [1]
        let before = BackupBench.files(storage, below: "/db")
        #expect(throws: EngineError(.alreadyExists, "")) {
            try bench.restore(storage, backup.directory, to: Self.elsewhere)
        }
        // Nor is one imported or salvaged there.
        #expect(throws: EngineError(.alreadyExists, "")) {
            try FileSet(data: Self.elsewhere).checkFree(in: storage)
        }
        #expect(BackupBench.files(storage, below: "/db") == before)
    }

    /// The salt stays where it is; with another one there the old files could not be opened, and theirs would be gone.
    @Test func aRollbackBesideAnotherSaltIsRefused() throws {
        let bench = try BackupBench("tiny")
        let storage = bench.bench.storage.copy()
        let backup = try bench.create(storage)
        _ = try bench.restoreInPlace(storage, backup.directory)
        storage[bench.files.salt] = [UInt8](repeating: 7, count: 16)
        let before = BackupBench.files(storage, below: "/db")
        let lock = try storage.lock(bench.files.data)
        #expect(throws: EngineError(.recoveryUndecided, "")) {
            try RepairUndo.run(bench.files, before: .restore, in: storage, locks: [lock], discardsChanges: true)
        }
        #expect(BackupBench.files(storage, below: "/db") == before)
    }

    /// A key of the time before the files were replaced must not come over another salt.
    @Test func aKeyThatTheSaltInPlaceDoesNotGiveIsRefused() throws {
        let bench = try BackupBench("tiny")
        let storage = bench.bench.storage.copy()
        let backup = try bench.create(storage)
        storage[bench.files.salt] = [UInt8](repeating: 7, count: 16)
        let before = BackupBench.files(storage, below: "/db")
        #expect(throws: EngineError(.wrongPassword, "")) { try bench.restoreInPlace(storage, backup.directory) }
        #expect(BackupBench.files(storage, below: "/db") == before)
    }

    @Test func whatWasNeverOpenedIsNotVerified() throws {
        let bench = try BackupBench("damaged/meta-truncated")
        let storage = bench.bench.storage.copy()
        var options = Backup.Options()
        options.isRaw = true
        let report = try bench.create(storage, options)
        #expect(!report.isVerified && report.problems.isEmpty)
        #expect(try bench.verify(storage, report.directory).isSound)
        #expect(try bench.repository(storage).list()[0].verified == nil)
    }

    /// Names that another program has made in the repository neither show a backup twice nor stop the next one.
    @Test func strangersInTheRepositoryAreInNobodysWay() throws {
        let bench = try BackupBench("tiny")
        let storage = bench.bench.storage.copy()
        let report = try bench.create(storage)
        let parent = report.directory.removingLastComponent()
        let upper = (parent.lastComponent?.string ?? "").uppercased()
        try storage.makeDirectory(BackupBench.root.appending(upper), like: nil)
        #expect(try bench.repository(storage).list().count == 1)
        let odd = parent.appending("20200101T000000Z-000000")
        try storage.makeDirectory(odd, like: nil)
        storage[odd.appending("unfinished")] = []
        try storage.makeDirectory(odd.appending("@eaDir"), like: nil)
        try bench.repository(storage).sweep()
        _ = try bench.create(storage)
        #expect(try bench.repository(storage).list().count == 2)
    }

    // MARK: Crashes

    /// A backup is cut at every call: the database is untouched, and there is a sound backup or none.
    @Test(arguments: ["tiny", "unclean", "damaged/txn-interrupted"]) func isCutAtEveryCall(_ name: String) throws {
        let bench = try BackupBench(name)
        for underLease in name == "tiny" ? [true, false] : [true] {
            let whole = bench.bench.storage.copy()
            _ = try bench.create(whole, underLease: underLease)
            let calls = whole.calls
            var generator = SeededGenerator.printed("backup isCutAtEveryCall(\(name))")
            for n in 1...calls.count where testRounds(1) > 1 || Int.random(in: 0..<12, using: &generator) == 0 {
                let seeds = (0..<testRounds(1)).map { _ in CrashStorage.Survival.some(seed: generator.next()) }
                let what = "\(name), call \(n) (\(calls[n - 1]))"
                for survival in [.all, .nothing] + seeds {
                    let cut = bench.bench.storage.copy(.dies, at: n)
                    _ = try? bench.create(cut, underLease: underLease)
                    #expect(cut.isDead)
                    try check(cut.survivors(survival), bench, isMade: nil, "\(what), \(survival)")
                }
                for event in [CrashStorage.Event.fails(.noSpace), .failsAfterwards(.ioError)] {
                    let failing = bench.bench.storage.copy(event, at: n)
                    let isMade = (try? bench.create(failing, underLease: underLease)) != nil
                    try check(failing.survivors(.all), bench, isMade: isMade, "\(what), \(event)")
                }
            }
        }
    }

    private func check(_ storage: CrashStorage, _ bench: BackupBench, isMade: Bool?, _ what: String) throws {
        do {
            #expect(
                BackupBench.files(storage, below: "/db") == BackupBench.files(bench.bench.storage, below: "/db"),
                "\(what): the database is changed")
            try bench.repository(storage).sweep()
            let listed = try bench.repository(storage).list()
            #expect(listed.count <= 1 && (isMade != true || listed.count == 1), "\(what)")
            for entry in listed {
                #expect(try bench.verify(storage, entry.directory.path).isSound, "\(what)")
            }
            if listed.isEmpty {
                #expect(BackupBench.files(storage, below: BackupBench.root).isEmpty, "\(what): files stay")
            }
        } catch {
            Issue.record("\(what): \(error)")
        }
    }

    /// Removing a backup is cut at every call: it is whole, or it is gone.
    @Test func removalIsCutAtEveryCall() throws {
        let bench = try BackupBench("tiny")
        let made = bench.bench.storage.copy()
        _ = try bench.create(made)
        let whole = made.copy()
        let entry = try #require(try bench.repository(whole).list().first)
        try bench.repository(whole).remove(entry)
        for n in 1...whole.calls.count where testRounds(1) > 1 || n % 3 == 0 {
            for survival in [CrashStorage.Survival.all, .nothing, .some(seed: UInt64(n))] {
                let cut = made.copy(.dies, at: n)
                _ = try? bench.repository(cut).remove(entry)
                try check(cut.survivors(survival), bench, isMade: nil, "call \(n) (\(whole.calls[n - 1])), \(survival)")
            }
        }
    }

    /// A restore to another path is cut at every call: the database is there whole, or nothing is.
    @Test(arguments: ["tiny", "large"]) func restoreIsCutAtEveryCall(_ name: String) throws {
        let bench = try BackupBench(name)
        let wanted = try #require(bench.bench.manifest.expect)
        let made = bench.bench.storage.copy()
        let backup = try bench.create(made)
        let whole = made.copy()
        _ = try bench.restore(whole, backup.directory, to: Self.elsewhere)
        let target = FileSet(data: Self.elsewhere)
        var generator = SeededGenerator.printed("restoreIsCutAtEveryCall(\(name))")
        for n in 1...whole.calls.count where testRounds(1) > 1 || Int.random(in: 0..<12, using: &generator) == 0 {
            let what = "\(name), call \(n) (\(whole.calls[n - 1]))"
            for survival in [CrashStorage.Survival.all, .nothing, .some(seed: UInt64(n))] {
                let cut = made.copy(.dies, at: n)
                _ = try? bench.restore(cut, backup.directory, to: Self.elsewhere)
                let left = cut.survivors(survival)
                _ = try Restore.resolve(target, in: left)
                let before = BackupBench.files(made, below: "/db")
                let now = BackupBench.files(left, below: "/db")
                if left[target.meta] != nil {
                    #expect(try bench.hash(left, target).0 == wanted.sha256, "\(what), \(survival)")
                    #expect(now.count == before.count + 3, "\(what), \(survival): \(now.keys)")
                } else {
                    #expect(now == before, "\(what), \(survival): \(now.keys)")
                    _ = try bench.restore(left, backup.directory, to: Self.elsewhere)
                }
            }
            for event in [CrashStorage.Event.fails(.noSpace), .failsAfterwards(.ioError)] {
                let failing = made.copy(event, at: n)
                let isMade = (try? bench.restore(failing, backup.directory, to: Self.elsewhere)) != nil
                let isThere = failing[target.meta] != nil
                #expect(!isMade || isThere, "\(what), \(event)")
                if isThere { #expect(try bench.hash(failing, target).0 == wanted.sha256, "\(what), \(event)") }
            }
        }
    }

    /// A restore in place is cut at every call: the old set is there or the restored one.
    @Test(arguments: ["tiny", "unclean", "damaged/wal-over-overflow"])
    func restoreInPlaceIsCutAtEveryCall(_ name: String) throws {
        let bench = try BackupBench(name)
        let made = bench.bench.storage.copy()
        let backup = try bench.create(made)
        let wanted = try bench.hash(made, FileSet(data: backup.directory.appending(backup.manifest.dataName))).0
        let old = BackupBench.files(made, below: "/db")
        let whole = made.copy()
        _ = try bench.restoreInPlace(whole, backup.directory)
        var generator = SeededGenerator.printed("restoreInPlaceIsCutAtEveryCall(\(name))")
        for n in 1...whole.calls.count where testRounds(1) > 1 || Int.random(in: 0..<12, using: &generator) == 0 {
            let what = "\(name), call \(n) (\(whole.calls[n - 1]))"
            func look(_ left: CrashStorage, _ what: String) throws {
                let named = try left.status(of: bench.files.data) != nil ? bench.files.data : bench.files.dataAside
                do {
                    let lock = try left.lock(named)
                    _ = try FileRecovery.resolve(bench.files, in: left, locks: [lock])
                }
                let kept = try RepairUndo.kept(of: bench.files, before: .restore, in: left)
                if kept.isEmpty {
                    #expect(BackupBench.files(left, below: "/db") == old, "\(what): the old set is not whole")
                } else {
                    #expect(try bench.hash(left, bench.files).0 == wanted, "\(what)")
                    let lock = try left.lock(bench.files.data)
                    _ = try RepairUndo.run(
                        bench.files, before: .restore, in: left, locks: [lock], discardsChanges: false)
                    #expect(BackupBench.files(left, below: "/db").keys == old.keys, "\(what)")
                }
                #expect(try bench.verify(left, backup.directory).isSound, "\(what)")
            }
            for survival in [CrashStorage.Survival.all, .nothing, .some(seed: UInt64(n))] {
                let cut = made.copy(.dies, at: n)
                _ = try? bench.restoreInPlace(cut, backup.directory)
                try look(cut.survivors(survival), "\(what), \(survival)")
            }
            for event in [CrashStorage.Event.fails(.noSpace), .failsAfterwards(.ioError)] {
                let failing = made.copy(event, at: n)
                _ = try? bench.restoreInPlace(failing, backup.directory)
                try look(failing.survivors(.all), "\(what), \(event)")
            }
        }
    }
}

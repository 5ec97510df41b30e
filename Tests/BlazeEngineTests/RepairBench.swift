import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import TestSupport

@testable import BlazeEngine

/// A fixture in memory, with its key, and what a repair makes of it.
struct RepairBench {
    let bench: WriterBench
    let storage: CrashStorage
    let manifest: Fixture.Manifest

    /// - Parameter lacksMeta: the metadata is taken away, once the key is known.
    init(_ name: String, lacksMeta: Bool = false) throws {
        let fixture = Fixture.named(name)
        let files = FileSet(data: FilePath("/db").appending(fixture.manifest.database))
        storage = CrashStorage(try fixture.contents())
        manifest = fixture.manifest
        var password = try fixture.password()
        var derived = try DatabaseKey.deriveForRescue(
            of: files, in: storage, password: &password, iterations: fixture.manifest.pbkdf2Iterations)
        let key = derived.withKey { key in key.withUnsafeBytes { SymmetricKey(data: $0) } }
        bench = WriterBench(files: files, key: key)
        if lacksMeta { storage[files.meta] = nil }
    }

    var files: FileSet { bench.files }

    func repair(_ storage: CrashStorage, _ options: RepairOptions = RepairOptions()) throws -> Repair {
        let named = try storage.status(of: files.data) != nil ? files.data : files.dataAside
        return Repair(files, in: storage, key: bench.key, locks: [try storage.lock(named)], options: options)
    }

    /// Repairs, under a lock that is given up.
    @discardableResult
    func apply(
        _ storage: CrashStorage, _ options: RepairOptions = RepairOptions(), always: Bool = false
    ) throws -> Repair.Report {
        var repair = try repair(storage, options)
        return try repair.apply(always: always)
    }

    func undo(_ storage: CrashStorage, discardsChanges: Bool = false) throws {
        let lock = try storage.lock(files.data)
        _ = try RepairUndo.run(files, in: storage, locks: [lock], discardsChanges: discardsChanges)
    }

    /// The hash of all records, as manifests have it, and how many they are.
    func hash(_ storage: CrashStorage) throws -> (String, Int) {
        let reader = try DatabaseReader(files, in: storage, key: bench.key, underLease: true)
        var hash = FixtureHash()
        var count = 0
        _ = try reader.forEachRecord { _, record in
            hash.add(record)
            count += 1
        }
        return (hash.finish(), count)
    }

    /// Everything that is found above a note.
    func findings(_ storage: CrashStorage) throws -> [Finding] {
        let reader = try DatabaseReader(files, in: storage, key: bench.key, underLease: true)
        let read = try reader.forEachRecord { _, _ in }
        return (read.findings + (try reader.quickCheck()).findings).filter { $0.severity > .note }
    }

    /// All files but those that a repair keeps.
    static func outside(_ storage: CrashStorage) -> [FilePath: [UInt8]] {
        Dictionary(
            uniqueKeysWithValues: storage.paths.filter { $0.components.count == 2 }.map { ($0, storage[$0] ?? []) })
    }
}

import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import TestSupport

@testable import BlazeEngine

/// Backups of a fixture in memory, and what comes of them.
struct BackupBench {
    static let root = FilePath("/backups")
    static let moment: Int64 = 1_795_000_000_000_000_000
    let bench: RepairBench

    init(_ name: String) throws { bench = try RepairBench(name) }

    var files: FileSet { bench.files }
    var key: SymmetricKey { bench.bench.key }

    func repository(_ storage: CrashStorage) -> BackupRepository { BackupRepository(Self.root, in: storage) }

    func create(
        _ storage: CrashStorage, _ options: Backup.Options = Backup.Options(), underLease: Bool = true
    ) throws -> Backup.Report {
        let lock = underLease ? try storage.lock(files.data) : nil
        return try withExtendedLifetime(lock) {
            try BackupCreation(
                files, in: storage, observed: storage, key: key, to: repository(storage), options
            ).run(at: Self.moment, underLease: underLease)
        }
    }

    func verify(_ storage: CrashStorage, _ directory: FilePath) throws -> Backup.Verification {
        try BackupVerification(BackupDirectory(directory), in: storage, key: key)
            .run(at: Self.moment, in: repository(storage))
    }

    func restore(_ storage: CrashStorage, _ directory: FilePath, to path: FilePath) throws -> Restore.Report {
        try Restore(BackupDirectory(directory), to: FileSet(data: path), in: storage, key: key).run()
    }

    func restoreInPlace(
        _ storage: CrashStorage, _ directory: FilePath, over files: FileSet? = nil, key: SymmetricKey? = nil
    ) throws -> RestoreInPlace.Report {
        let files = files ?? self.files
        let named = try storage.status(of: files.data) != nil ? files.data : files.dataAside
        var restore = RestoreInPlace(
            BackupDirectory(directory), backupKey: self.key, over: files, in: storage, key: key ?? self.key,
            locks: [try storage.lock(named)])
        return try restore.apply()
    }

    /// The hash of all records of a database, as manifests have it, and how many they are.
    func hash(_ storage: CrashStorage, _ files: FileSet, key: SymmetricKey? = nil) throws -> (String, Int) {
        let reader = try DatabaseReader(files, in: storage, key: key ?? self.key, underLease: true)
        var hash = FixtureHash()
        var count = 0
        _ = try reader.forEachRecord { _, record in
            hash.add(record)
            count += 1
        }
        return (hash.finish(), count)
    }

    /// What stands beside the database and in the repository.
    static func files(_ storage: CrashStorage, below path: FilePath) -> [FilePath: [UInt8]] {
        Dictionary(
            uniqueKeysWithValues: storage.paths.filter { $0.starts(with: path) }.map { ($0, storage[$0] ?? []) })
    }
}

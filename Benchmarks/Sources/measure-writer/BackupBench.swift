import BlazeEngine
import BlazePlatform
import Foundation
import SampleDatabase
import SystemPackage

/// Backups and restores of one database, and the bare copy of its files.
extension WriterBench {
    private var root: FilePath { FilePath(directory.appendingPathComponent("backups").path) }
    private var repository: BackupRepository { BackupRepository(root, in: storage) }

    func keep(_ count: Int) throws -> Double {
        let writer = try create("kept-\(count)")
        let seconds = try timed { try fill(writer, 0..<count) }
        try writer.close()
        return seconds
    }

    private func take(_ count: Int) throws -> Backup.Report {
        let files = files("kept-\(count)")
        let lock = try storage.lock(files.data)
        return try withExtendedLifetime(lock) {
            try BackupCreation(
                files, in: storage, observed: storage, key: SampleDatabase.key, to: repository, Backup.Options()
            ).run(at: 1_795_000_000_000_000_000, underLease: true)
        }
    }

    private func removeAll() throws {
        for entry in try repository.list() { try repository.remove(entry) }
    }

    func backup(_ count: Int) throws -> Double {
        try removeAll()
        var report: Backup.Report?
        let seconds = try timed { report = try take(count) }
        guard report?.isVerified == true, report?.manifest.contents?.records == UInt64(count) else {
            throw WrongResult()
        }
        try removeAll()
        return seconds
    }

    func restore(_ count: Int) throws -> Double {
        let entry = try repository.list().first
        let directory = try entry?.directory.path ?? take(count).directory
        let target = files("restored")
        for path in [target.data, target.meta, target.salt] { try storage.remove(path) }
        var records: UInt64 = 0
        let seconds = try timed {
            records = try Restore(
                BackupDirectory(directory), to: target, in: storage, key: SampleDatabase.key
            ).run().records
        }
        guard records == UInt64(count) else { throw WrongResult() }
        return seconds
    }

    func copy(_ count: Int) throws -> Double {
        let (from, to) = (files("kept-\(count)"), files("copied"))
        let pairs = [(from.data, to.data), (from.meta, to.meta), (from.salt, to.salt)]
        for (_, path) in pairs { try storage.remove(path) }
        var records = 0
        let seconds = try timed {
            for (path, other) in pairs {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/bin/cp")
                process.arguments = ["--reflink=never", path.string, other.string]
                try process.run()
                process.waitUntilExit()
                guard process.terminationStatus == 0 else { throw WrongResult() }
                try storage.openForWriting(other).sync()
            }
            try storage.syncDirectory(of: to.data)
            let reader = try DatabaseReader(to, in: storage, key: SampleDatabase.key, underLease: true)
            records = try reader.forEachRecord { _, _ in }.readable
        }
        guard records == count else { throw WrongResult() }
        return seconds
    }
}

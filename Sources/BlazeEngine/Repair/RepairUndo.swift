public import BlazePlatform
public import SystemPackage

/// Puts the files back that a repair or a restore has kept, in the place of those that it made, by the protocol of FORMAT.md 8.1b. Needs no
/// key. Killed at any point, the next one to come finds the repaired set or the old one.
public enum RepairUndo {
    /// A set of files that a repair or a restore has kept.
    public struct Kept: Sendable, Hashable {
        /// The directory that keeps them.
        public let directory: FilePath
        /// Their sizes together, in bytes.
        public let bytes: UInt64
        /// Whether the database is still as the repair or the restore left it.
        public let isUnchanged: Bool
    }

    /// The sets that are kept beside a database, the newest first. Those that cannot be read are left out.
    public static func kept(
        of files: FileSet, before reason: KeptReason = .repair, in storage: any ChangingStorage
    ) throws(EngineError) -> [Kept] {
        try onStorage(files.data) {
            var out: [Kept] = []
            for set in try KeptSet.all(of: files, before: reason, in: storage) where try set.isWhole() {
                // Whoever wants to go back to this one is told why it cannot be read.
                guard let manifest = try? KeptManifest(set.path(KeptSet.manifestName), of: files, in: storage) else {
                    continue
                }
                out.append(
                    Kept(
                        directory: set.directory,
                        bytes: manifest.files.reduce(0) { $0.addingReportingOverflow($1.size).partialValue },
                        isUnchanged: try isUnchanged(manifest, files, in: storage)))
            }
            return out
        }
    }

    /// Goes back to the newest set that is kept, and takes its directory away.
    ///
    /// - Parameters:
    ///   - reason: what is undone.
    ///   - locks: those of the data file, and of the one that a vacuum set aside where there is one.
    ///   - discardsChanges: also where the database was changed afterwards: that is lost then.
    /// - Returns: the directory that the files came from.
    /// - Throws: `.nothingKept`, `.changedSince`, `.replacedMeanwhile`, and what changing files throws.
    public static func run(
        _ files: FileSet, before reason: KeptReason = .repair, in storage: any ChangingStorage, locks: [any FileLock],
        discardsChanges: Bool
    ) throws(EngineError) -> FilePath {
        try onStorage(files.data) {
            _ = try FileRecovery.resolve(files, in: storage, locks: locks)
            guard let set = try KeptSet.all(of: files, before: reason, in: storage).first(where: { try $0.isWhole() })
            else {
                throw EngineError(
                    .nothingKept, "no \(reason.rawValue) of \(files.data.displayString) has kept its old files",
                    path: files.data)
            }
            let manifest = try KeptManifest(set.path(KeptSet.manifestName), of: files, in: storage)
            guard let now = try storage.status(of: files.data), locks.contains(where: { $0.identity == now.identity })
            else {
                throw EngineError(
                    .replacedMeanwhile, "\(files.data.displayString) is another file than the one whose lock is held",
                    hint: "another process replaced it; try again", path: files.data)
            }
            guard try discardsChanges || isUnchanged(manifest, files, in: storage) else {
                throw EngineError(
                    .changedSince,
                    "\(files.data.displayString) was changed after its \(reason.rawValue), and that would be lost",
                    hint: "--discard-changes goes back all the same; \(set.directory.displayString) has the old files",
                    path: files.data)
            }
            try check(manifest, set, in: storage)
            try checkSalt(manifest, set, files, in: storage)
            try swap(files, manifest, set, now, in: storage, locks: locks)
            return set.directory
        }
    }

    private static func isUnchanged(
        _ manifest: KeptManifest, _ files: FileSet, in storage: any ChangingStorage
    ) throws -> Bool {
        guard let data = try storage.status(of: files.data), let meta = try storage.status(of: files.meta) else {
            return false
        }
        let wal = try storage.status(of: files.wal)?.size ?? 0
        return manifest.data == WrittenStamp(data) && manifest.meta == WrittenStamp(meta) && wal == 0
    }

    /// That everything that was kept is there.
    private static func check(_ manifest: KeptManifest, _ set: KeptSet, in storage: any ChangingStorage) throws {
        for file in manifest.files {
            let status = try storage.ownStatus(of: set.path(file.name))
            guard let status, status.kind == .regular, status.size == file.size else {
                throw EngineError(
                    .nothingKept, "\(set.path(file.name).displayString) is missing, or not as it was kept",
                    hint: "the database was left as it is", path: set.path(file.name))
            }
        }
    }

    /// That the salt in place is the one that the old files were encrypted by: it stays where it is.
    private static func checkSalt(
        _ manifest: KeptManifest, _ set: KeptSet, _ files: FileSet, in storage: any ChangingStorage
    ) throws {
        func bytes(_ path: FilePath) throws -> [UInt8]? {
            // Whatever it holds, also nothing: the files come back as they were.
            guard try storage.status(of: path) != nil else { return nil }
            return try storage.open(path).bytes(count: Int(EngineLimits.saltBytes) + 1, at: 0)
        }
        guard let name = files.salt.lastComponent, let kept = manifest.files.first(where: { $0.name == name }) else {
            return
        }
        guard try bytes(set.path(kept.name)) == bytes(files.salt) else {
            throw EngineError(
                .recoveryUndecided, "\(files.salt.displayString) is not the salt that the old files belong to",
                hint: "copy \(set.path(kept.name).displayString) over it first, and keep the other one",
                path: files.salt)
        }
    }

    private static func swap(
        _ files: FileSet, _ manifest: KeptManifest, _ set: KeptSet, _ now: FileStatus, in storage: any ChangingStorage,
        locks given: [any FileLock]
    ) throws {
        func kept(_ path: FilePath) -> FilePath? {
            manifest.files.first { $0.name == path.lastComponent }.map { set.path($0.name) }
        }
        guard let data = kept(files.data), let directory = set.directory.lastComponent else {
            throw EngineError(.nothingKept, "the data file was not kept", path: set.directory)
        }
        try FileSwap.checkNames(files, in: storage, probe: files.data)
        var marker = RepairMarker(.undo, kept: directory, from: WrittenStamp(now))
        let new = files.successor
        var locks = given
        do {
            for path in [new.data, new.meta] { try storage.remove(path) }
            try storage.link(data, to: new.data)
            let meta = kept(files.meta)
            if let meta { try storage.link(meta, to: new.meta) }
            let status = try storage.open(new.data).status()
            let identity = status.identity
            marker.data = WrittenStamp(status)
            marker.dropsMeta = meta == nil
            let inPlace = [files.data, files.meta, files.salt].compactMap(\.lastComponent)
            for file in manifest.files where !inPlace.contains(file.name) {
                marker.moves.append(RepairMarker.Move(name: file.name, inode: file.inode))
            }
            try marker.write(files, in: storage)
            // It belongs to the repaired files, which may stay after all.
            if try storage.status(of: files.wal) != nil {
                try storage.remove(files.walAside)
                try storage.rename(files.wal, to: files.walAside)
            }
            let swap = FileSwap(
                files, in: storage, like: now, to: new, data: identity,
                meta: try meta.map { try storage.open($0).status().identity })
            try swap.prepare { locks.append($0) }
            try swap.check()
            try swap.finish()
        } catch {
            // Where the old files may count already, only the next opening can tell; else the repaired ones stay. Why it ended
            // is the error to tell.
            if (try? storage.status(of: files.swapSuccess)) == .some(nil) {
                _ = try? FileRecovery.resolve(files, in: storage, locks: locks)
            }
            throw error
        }
        _ = try marker.finish(files, set, in: storage)
    }
}

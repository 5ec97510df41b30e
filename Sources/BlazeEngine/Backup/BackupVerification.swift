public import BlazePlatform
public import Crypto
internal import SystemPackage

/// Proves that a backup restores: its files are put into a scratch directory as a restore would, hashed, opened, and every record
/// is decrypted; what comes out is compared with the manifest.
public struct BackupVerification {
    /// What problems of the records themselves are told of.
    public static let contentsName = "records"

    private let directory: BackupDirectory
    private let storage: any ChangingStorage
    private let key: SymmetricKey

    /// - Parameter key: the key of the database as it was when the backup was taken.
    public init(_ directory: BackupDirectory, in storage: any ChangingStorage, key: SymmetricKey) {
        self.directory = directory
        self.storage = storage
        self.key = key
    }

    /// What does not hold of the papers and of the small files, which need no key: where a salt or metadata is not what was copied,
    /// a key can only be told as wrong.
    public static func problemsBeforeKey(
        of directory: BackupDirectory, in storage: any Storage
    ) throws(EngineError) -> [Backup.Problem] {
        let (manifest, papers) = try directory.checkPapers(key: nil, in: storage)
        var problems = papers
        for file in manifest?.files ?? [] {
            do throws(EngineError) {
                let path = directory.file(file.name)
                let (bytes, digest) = try onStorage(path) {
                    let open = try storage.open(path)
                    let size = try open.status().size
                    // The pages are many, and their size says enough for now.
                    guard size == file.bytes, file.name != manifest?.dataName else { return (size, file.digest) }
                    return try FileCopy.digest(of: open) {}
                }
                guard bytes != file.bytes || digest != file.digest else { continue }
                problems.append(Backup.Problem(file.name, "its bytes are not those that were copied"))
            } catch {
                guard error.code == .notFound || error.code == .notRegularFile else { throw error }
                problems.append(Backup.Problem(file.name, "it is missing"))
            }
        }
        return problems
    }

    /// Verifies, and notes in the backup what came of it.
    ///
    /// - Parameters:
    ///   - moment: now, in nanoseconds since 1970.
    ///   - progress: called now and then; what it throws ends the verification.
    /// - Throws: what looking at files throws; what is wrong with the backup is no error.
    public func run(
        at moment: Int64, in repository: BackupRepository,
        progress: (MaintenanceProgress) throws -> Void = { _ in }
    ) throws -> Backup.Verification {
        let (manifest, problems) = try directory.checkPapers(key: key, in: storage)
        var found = Backup.Verification(problems: problems)
        // What papers say that do not fit each other is not worth to be held against anything.
        if let manifest, problems.allSatisfy({ $0.file == BackupDirectory.verifiedName.string }) {
            found = try run(manifest, in: repository, progress)
            found.problems = problems + found.problems
        }
        // A medium that cannot be written is verified all the same.
        do throws(EngineError) {
            // Of what was never opened nothing is proven.
            if found.isSound, found.contents != nil {
                try directory.markVerified(at: moment, key: key, in: storage)
            } else {
                try directory.unmarkVerified(in: storage)
            }
        } catch {
            guard [.readOnly, .permissionDenied, .noSpace].contains(error.code) else { throw error }
        }
        return found
    }

    func run(
        _ manifest: BackupManifest, in repository: BackupRepository,
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> Backup.Verification {
        var found = Backup.Verification()
        let names = Set(manifest.files.map(\.name)).union(BackupDirectory.ownNames)
        for name in try onStorage(directory.path, { try storage.names(in: directory.path) }).sorted(by: {
            $0.string < $1.string
        })
        where !names.contains(name) {
            found.problems.append(Backup.Problem(name, "the manifest does not know it"))
        }
        for file in manifest.files {
            guard let status = try onStorage(directory.path, { try storage.ownStatus(of: directory.file(file.name)) })
            else {
                found.problems.append(Backup.Problem(file.name, "it is missing"))
                continue
            }
            guard status.kind == .regular else {
                found.problems.append(Backup.Problem(file.name, "it is no regular file"))
                continue
            }
            guard status.size == file.bytes else {
                found.problems.append(
                    Backup.Problem(file.name, "it has \(status.size) bytes, and \(file.bytes) were copied"))
                continue
            }
            let (bytes, digest) = try FileCopy.digest(of: try storage.open(directory.file(file.name))) {
                try progress(MaintenanceProgress(.verifying, done: 0, total: 0))
            }
            found.bytes += bytes
            if bytes != file.bytes || digest != file.digest {
                found.problems.append(Backup.Problem(file.name, "its bytes are not those that were copied"))
            }
        }
        // Of files that are not those that were copied nothing else is to be learnt.
        guard found.problems.isEmpty else { return found }
        // A raw copy of what could not be opened is sound when it is the same.
        guard manifest.method != .raw || manifest.contents != nil else { return found }
        try compare(manifest, in: repository, &found, progress)
        return found
    }

    private func compare(
        _ manifest: BackupManifest, in repository: BackupRepository, _ found: inout Backup.Verification,
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws {
        var scratch = directory
        var unfinished: (any FileLock)?
        do throws(EngineError) {
            let made = try repository.makeScratch(beside: directory)
            (scratch, unfinished) = (made.0, made.1)
        } catch {
            // A medium that cannot be written is read where it is.
            guard error.code == .readOnly || error.code == .permissionDenied else { throw error }
        }
        defer {
            // What stays behind, the next one to come removes.
            if let unfinished { withExtendedLifetime(unfinished) { try? scratch.remove(in: storage) } }
        }
        if unfinished != nil { for file in manifest.files { try place(file.name, in: scratch, progress) } }
        let contents: BackupManifest.Contents
        do {
            let reader = try DatabaseReader(scratch.files(manifest.dataName), in: storage, key: key, underLease: true)
            contents = try reader.tallyContents(progress, as: .verifying)
        } catch let error as EngineError where Self.isFault(error) {
            found.problems.append(Backup.Problem(Self.contentsName, error.message))
            return
        }
        found.records = contents.records
        found.contents = contents
        if let told = manifest.contents, told != contents {
            found.problems.append(
                Backup.Problem(
                    Self.contentsName,
                    "\(contents.records) can be read and \(contents.unreadable) cannot, or they are others than the "
                        + "\(told.records) and \(told.unreadable) that were copied"))
        }
        if manifest.leftOut > 0 {
            found.problems.append(
                Backup.Problem(Self.contentsName, "\(manifest.leftOut) damaged records could not be copied"))
        }
        if contents.unreadable > 0 {
            found.problems.append(
                Backup.Problem(
                    Self.contentsName, "\(contents.unreadable) are damaged, as they were when the backup was taken"))
        }
    }

    /// Whether an error says something of the backup, and not of the way to it.
    private static func isFault(_ error: EngineError) -> Bool {
        switch error.code {
        case .metadataMissing, .metadataNotJSON, .metadataMalformed, .metadataUnsigned, .metadataUnverified,
            .unsupportedFormat, .limitExceeded, .notADatabase, .damaged:
            true
        default: false
        }
    }

    /// Gives a file a second name in the scratch directory; where the file system has no second names, a copy.
    private func place(
        _ name: FilePath.Component, in scratch: BackupDirectory, _ progress: (MaintenanceProgress) throws -> Void
    ) throws {
        do throws(StorageError) {
            try storage.link(directory.file(name), to: scratch.file(name))
        } catch {
            guard error.code == .failed || error.code == .permissionDenied else { throw error }
            _ = try FileCopy(storage: storage).copy(directory.file(name), to: scratch.file(name)) {
                try progress(MaintenanceProgress(.verifying, done: 0, total: 0))
            }
        }
    }
}

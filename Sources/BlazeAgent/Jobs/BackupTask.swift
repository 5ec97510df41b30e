internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

/// A backup that a job is to take.
struct BackupTask: Sendable {
    let root: FilePath
    let options: Backup.Options
    let lockUse: MaintenanceTask.LockUse
    /// How looking at a database sees it beside an owner.
    let observed: any Storage

    /// Takes it.
    ///
    /// - Parameter underLease: whether the database's lock is held.
    func run(
        _ files: FileSet, in storage: any ChangingStorage, key: DatabaseKey.Shared, underLease: Bool,
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> Backup.Report {
        let repository = BackupRepository(root, in: storage)
        try repository.sweep()
        return try BackupCreation(
            files, in: storage, observed: observed, key: key, to: repository, options
        ).run(at: JobRegistry.now(), underLease: underLease, progress: progress)
    }

    /// The backup that is taken under the lock before a database's files are replaced; its name.
    ///
    /// - Parameter kind: what comes; a repair is of a damaged database, of which all files are copied as they are.
    /// - Throws: `Fault.backupFailed` for one that is not sound.
    static func first(
        of files: FileSet, in storage: any ChangingStorage, key: DatabaseKey.Shared, to root: FilePath,
        before kind: Operation, _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> String {
        var options = Backup.Options()
        options.tag = "before-\(kind.properties.name)"
        options.isRaw = kind == .repair
        let task = BackupTask(root: root, options: options, lockUse: .required, observed: storage)
        let report = try task.run(files, in: storage, key: key, underLease: true, progress)
        // What is damaged in a raw copy is what the repair is for.
        guard report.isVerified || options.isRaw else {
            throw Fault(
                .damaged, "the backup that is taken first is not sound: \(report.problems.first?.message ?? "")",
                hint: "blazectl backup verify \(report.manifest.id) tells more; --no-backup does without")
        }
        return report.manifest.id
    }
}

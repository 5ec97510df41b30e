internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// restore, restore-in-place and restore-rollback.
enum RestoreHandlers {
    static func restore(
        _ request: WireRestoreRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireRestoreReply {
        let state = call.state
        let (_, entry) = try BackupPlaces.find(request.backup, state)
        let manifest = try entry.readable()
        guard let path = FilePath(bytes: [UInt8](request.to)), path.isAbsolute, path.lastComponent != nil else {
            throw Fault(.invalidRequest, "a restore needs the absolute path of the new database")
        }
        let target = FileSet(data: path)
        if let job = state.jobs.active(on: path) { throw JobError(busyWith: job) }
        // What an interrupted restore to the same place has left.
        let lock = try state.changing.status(of: path).map { _ in try state.changing.lock(path) }
        _ = try withExtendedLifetime(lock) { try Restore.resolve(target, in: state.changing) }
        try Restore.check(manifest, to: target, in: state.changing)
        let use = state.keyUses.begin(entry.located(manifest), abandon: call.responder.abandon)
        let key = try BackupKey.find(
            entry, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil, state)
        try use.check()
        let report = try key.use { symmetric in
            try Restore(entry.directory, to: target, in: state.changing, key: symmetric).run { progress in
                try use.check()
                try key.check()
                key.noteUse()
                try call.responder.part(WireBackupPart(progress))
            }
        }
        var reply = WireRestoreReply()
        reply.facts = WireBackupFacts(entry, state)
        reply.records = report.records
        reply.unreadable = report.unreadable
        reply.row = DatabaseRows.row(for: LocatedDatabase(path: path, state: state), state)
        return reply
    }

    static func inPlace(
        _ request: WireRestoreInPlaceRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireRestoreInPlaceReply {
        let state = call.state
        let (_, entry) = try BackupPlaces.find(request.backup, state)
        let manifest = try entry.readable()
        try RestoreInPlace.check(manifest)
        let database =
            try request.hasTarget
            ? LocatedDatabase(request.target, state: state) : origin(of: manifest, state)
        guard try state.storage.status(of: database.path) != nil else {
            throw Fault(
                .notFound, "\(database.title) is not there: there is nothing to restore in the place of",
                hint: "blazectl restore \(manifest.id) --to \(database.path.displayString)", target: database.title)
        }
        let backupKey = try BackupKey.find(
            entry, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil, state)
        var none: SecretBytes?
        let own = try JobKey(database, secret: &none, iterations: nil, state, isRescue: true)
        let reencrypts = try own.use { own in try backupKey.use { $0 != own } }
        var reply = WireRestoreInPlaceReply()
        reply.facts = WireBackupFacts(entry, state)
        if request.plan {
            guard !request.detach, request.wait == 0 else {
                throw Fault(.invalidRequest, "a plan takes no lock and begins no job: it neither waits nor detaches")
            }
            reply.reencrypts = reencrypts
        } else {
            let begun = try MaintenanceStart.begin(
                .restore(entry.directory, backupKey: backupKey), on: database, wait: request.wait, secret: &none,
                iterations: nil, call)
            reply.job = WireJob(request.detach ? begun : try JobFollowing.attend(begun.id, call))
        }
        reply.row = DatabaseRows.row(for: database, state)
        return reply
    }

    /// The database that a backup is of, where it is now.
    private static func origin(of manifest: BackupManifest, _ state: AgentState) throws -> LocatedDatabase {
        let path = FilePath(manifest.source)
        if path.isAbsolute,
            (try? FileSummary.read(FileSet(data: path), in: state.storage).identity) == manifest.database
        {
            return LocatedDatabase(path: path, state: state)
        }
        let known = state.catalog.entries().filter { $0.id == manifest.database }
        guard let entry = known.first, known.count == 1 else {
            throw Fault(
                known.isEmpty ? .notFound : .ambiguous,
                known.isEmpty
                    ? "the database that backup \(manifest.id) is of is not known"
                    : "\(known.count) databases are copies of the one that backup \(manifest.id) is of",
                hint: "name the one to restore in the place of: --over DB", target: manifest.id)
        }
        return LocatedDatabase(path: entry.path, entry: entry)
    }

    static func rollback(_ request: WireRestoreRollbackRequest, _ call: Call) throws -> WireRestoreRollbackReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        var reply = WireRestoreRollbackReply()
        if request.plan {
            guard !request.detach, request.wait == 0 else {
                throw Fault(.invalidRequest, "a plan takes no lock and begins no job: it neither waits nor detaches")
            }
            guard let kept = try RepairUndo.kept(of: database.files, before: .restore, in: state.changing).first else {
                throw Fault(
                    .notFound, "no restore in the place of \(database.title) has kept its old files",
                    target: database.title)
            }
            reply.kept = Data(kept.directory.bytes)
            reply.keptBytes = kept.bytes
            reply.unchanged = kept.isUnchanged
        } else {
            var none: SecretBytes?
            let begun = try MaintenanceStart.begin(
                .restoreRollback(discardsChanges: request.discardChanges), on: database, wait: request.wait,
                secret: &none, iterations: nil, call)
            reply.job = WireJob(request.detach ? begun : try JobFollowing.attend(begun.id, call))
        }
        reply.row = DatabaseRows.row(for: database, state)
        return reply
    }
}

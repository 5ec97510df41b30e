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

/// backup-create, backup-list, backup-show, backup-verify, backup-remove and backup-prune.
enum BackupHandlers {
    static func create(
        _ request: WireBackupCreateRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireBackupCreateReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        let places = try BackupPlaces(request.repository, state)
        guard request.tag.utf8.count <= Backup.longestTag else {
            throw Fault(.invalidRequest, "a tag has at most \(Backup.longestTag) bytes")
        }
        let lockUse: MaintenanceTask.LockUse =
            switch request.tier {
            case .lease: .required
            case .observe: .none
            case .unspecified: request.raw ? .required : .preferred
            case .file, .UNRECOGNIZED:
                throw Fault(.invalidRequest, "a backup is taken at tier lease or observe")
            }
        guard request.wait == 0 || lockUse == .required else {
            throw Fault(.invalidRequest, "only tier lease takes a lock that could be waited for")
        }
        guard !request.raw || lockUse == .required else {
            throw Fault(.invalidRequest, "a raw copy takes the lock")
        }
        var options = Backup.Options()
        options.tag = request.tag
        options.verifies = !request.noVerify
        options.isRaw = request.raw
        let task = BackupTask(root: places.root, options: options, lockUse: lockUse, observed: state.storage)
        let begun = try MaintenanceStart.begin(
            .backup(task), on: database, wait: request.wait, secret: &secret,
            iterations: request.hasKdfIterations ? request.kdfIterations : nil, call)
        var reply = WireBackupCreateReply()
        reply.job = WireJob(request.detach ? begun : try JobFollowing.attend(begun.id, call))
        reply.row = DatabaseRows.row(for: database, state)
        return reply
    }

    static func list(_ request: WireBackupListRequest, _ call: Call) throws -> WireBackupListReply {
        var reply = WireBackupListReply()
        reply.backups = try entries(
            request.hasTarget ? request.target : nil, try BackupPlaces(request.repository, call.state), call
        ).map { WireBackupFacts($0, call.state) }
        return reply
    }

    /// The backups of one database or of all, the newest first.
    private static func entries(
        _ target: WireTarget?, _ places: BackupPlaces, _ call: Call
    ) throws -> [BackupRepository.Entry] {
        guard let target else { return try places.repository.list() }
        let database = try LocatedDatabase(target, state: call.state)
        // A database that is lost has backups all the same.
        let known = try? FileSummary.read(database.files, in: call.state.storage).identity
        guard let id = known ?? database.entry?.id else {
            let path = database.path.displayString
            return try places.repository.list().filter { $0.manifest?.source == path }
        }
        return try places.repository.list(of: id)
    }

    static func show(_ request: WireBackupShowRequest, _ call: Call) throws -> WireBackupShowReply {
        var reply = WireBackupShowReply()
        reply.facts = WireBackupFacts(try BackupPlaces.find(request.backup, call.state).entry, call.state)
        return reply
    }

    static func verify(
        _ request: WireBackupVerifyRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireBackupVerifyReply {
        let state = call.state
        let (places, entry) = try BackupPlaces.find(request.backup, state)
        var reply = WireBackupVerifyReply()
        guard entry.manifest != nil else {
            // A medium that cannot be written keeps its mark; the reply says what is wrong all the same.
            try? entry.directory.unmarkVerified(in: state.changing)
            reply.facts = WireBackupFacts(entry, state)
            reply.problems = [WireBackupProblem("manifest.json", entry.problem ?? "")]
            return reply
        }
        let early = try BackupVerification.problemsBeforeKey(of: entry.directory, in: state.storage)
        guard early.isEmpty else {
            reply.facts = WireBackupFacts(entry, state)
            // A medium that cannot be written keeps its mark; the reply says what is wrong all the same.
            try? entry.directory.unmarkVerified(in: state.changing)
            reply.problems = early.map { WireBackupProblem($0.file, $0.message) }
            return reply
        }
        let use = state.keyUses.begin(try entry.located(entry.readable()), abandon: call.responder.abandon)
        let key = try BackupKey.find(
            entry, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil, state)
        try use.check()
        let found = try key.use { symmetric in
            try BackupVerification(entry.directory, in: state.changing, key: symmetric)
                .run(at: JobRegistry.now(), in: places.repository) { progress in
                    try use.check()
                    try key.check()
                    key.noteUse()
                    try call.responder.part(WireBackupPart(progress))
                }
        }
        reply.facts = WireBackupFacts(try places.repository.entry(at: entry.directory.path) ?? entry, state)
        reply.problems = found.problems.map { WireBackupProblem($0.file, $0.message) }
        return reply
    }

    static func remove(_ request: WireBackupRemoveRequest, _ call: Call) throws -> WireBackupRemoveReply {
        let (places, entry) = try BackupPlaces.find(request.backup, call.state)
        var reply = WireBackupRemoveReply()
        reply.facts = WireBackupFacts(entry, call.state)
        try places.repository.remove(entry)
        return reply
    }

    /// What backups are of that stand for one another.
    private struct Origin: Hashable {
        let database: DatabaseID
        let source: String
    }

    static func prune(_ request: WireBackupPruneRequest, _ call: Call) throws -> WireBackupPruneReply {
        var counts = Retention.Counts()
        counts.last = Int(request.keepLast)
        counts.hourly = Int(request.keepHourly)
        counts.daily = Int(request.keepDaily)
        counts.weekly = Int(request.keepWeekly)
        counts.monthly = Int(request.keepMonthly)
        counts.yearly = Int(request.keepYearly)
        guard !counts.isEmpty else {
            throw Fault(.invalidRequest, "pruning needs a rule that keeps something, such as keep_last")
        }
        let kept = try BackupPlaces(request.repository, call.state)
        let repository = kept.repository
        let entries = try entries(request.hasTarget ? request.target : nil, kept, call)
        let retention = Retention(counts)
        var reply = WireBackupPruneReply()
        // One whose manifest cannot be read is left for people to look at, and keeps none of the others from staying.
        let readable = entries.filter { $0.manifest != nil }
        for entry in entries where entry.manifest == nil {
            reply.decisions.append(WireBackupDecision(entry, ["its manifest cannot be read"], call.state))
        }
        // Copies of a database share its id, but not their backups.
        let places = Set(readable.compactMap { $0.manifest.map { Origin(database: $0.database, source: $0.source) } })
        let now = JobRegistry.now()
        for entry in readable where (entry.manifest?.taken ?? 0) > now {
            reply.decisions.append(WireBackupDecision(entry, ["its moment is yet to come"], call.state))
        }
        for place in places.sorted(by: { ($0.database, $0.source) < ($1.database, $1.source) }) {
            let own = readable.filter {
                $0.manifest?.database == place.database && $0.manifest?.source == place.source
                    && ($0.manifest?.taken ?? 0) <= now
            }
            let reasons = retention.reasons(
                own.map { Retention.Item(taken: $0.manifest?.taken ?? 0, isVerified: $0.verified != nil) })
            for (entry, reasons) in zip(own, reasons) {
                reply.decisions.append(WireBackupDecision(entry, reasons, call.state))
                if reasons.isEmpty, !request.dryRun { try repository.remove(entry) }
            }
        }
        return reply
    }
}

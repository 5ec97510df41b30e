internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// repair and repair-undo.
enum RepairHandlers {
    static func repair(
        _ request: WireRepairRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireRepairReply {
        let database = try LocatedDatabase(request.target, state: call.state)
        let iterations = request.hasKdfIterations ? request.kdfIterations : nil
        var options = try RepairOptions(request.options)
        options.acceptsTotalLoss = request.always
        var reply = WireRepairReply()
        reply.tier = .lease
        if request.plan {
            guard !request.detach else { throw Fault(.invalidRequest, "a plan begins no job: it does not detach") }
            reply.facts = WireRepairFacts(
                try plan(database, options, wait: request.wait, secret: &secret, iterations, call))
        } else {
            let begun = try MaintenanceStart.begin(
                .repair(
                    options, always: request.always, backup: request.noBackup ? nil : call.state.paths.backups),
                on: database, wait: request.wait, secret: &secret,
                iterations: iterations, call)
            reply.job = WireJob(request.detach ? begun : try JobFollowing.attend(begun.id, call))
        }
        reply.row = DatabaseRows.row(for: database, call.state)
        return reply
    }

    /// Plans under the lock, because what a writer is at work on is no damage.
    private static func plan(
        _ database: LocatedDatabase, _ options: RepairOptions, wait: UInt64, secret: inout SecretBytes?,
        _ iterations: UInt32?, _ call: Call
    ) throws -> RepairPlan {
        let state = call.state
        let wait = Duration.nanoseconds(Int64(clamping: wait))
        guard wait <= DatabaseAccess.longestWait else { throw Fault(.invalidRequest, "a wait is at most a day") }
        let use = state.keyUses.begin(database, abandon: call.responder.abandon)
        let key = try JobKey(database, secret: &secret, iterations: iterations, state, isRescue: true)
        try use.check()
        let files = database.files
        // What an interrupted vacuum has moved aside has no lease; its lock is as good.
        var aside: (any FileLock)?
        var lease: DatabaseLease?
        if try state.changing.status(of: files.data) == nil, try state.changing.status(of: files.dataAside) != nil {
            aside = try state.changing.lock(files.dataAside)
        } else {
            let seeker = LockSeeker(state, .repair, client: call.peer.processID, abandon: call.responder.abandon)
            lease = try seeker.lease(database, within: wait) { _ in
                try use.check()
                return !call.responder.isForNobody
            }
            guard lease != nil else { throw ConnectionLost() }
        }
        return try withExtendedLifetime((aside, lease)) {
            try key.use { key in
                try Repair(files, in: state.changing, key: key, locks: [], options: options).plan { _ in
                    try use.check()
                    try lease?.check()
                    if call.responder.isForNobody { throw ConnectionLost() }
                }
            }
        }
    }

    static func undo(_ request: WireRepairUndoRequest, _ call: Call) throws -> WireRepairUndoReply {
        let database = try LocatedDatabase(request.target, state: call.state)
        var reply = WireRepairUndoReply()
        if request.plan {
            guard !request.detach, request.wait == 0 else {
                throw Fault(.invalidRequest, "a plan takes no lock and begins no job: it neither waits nor detaches")
            }
            guard let kept = try RepairUndo.kept(of: database.files, in: call.state.changing).first else {
                throw Fault(.notFound, "no repair of \(database.title) has kept its old files", target: database.title)
            }
            reply.tier = .file
            reply.kept = Data(kept.directory.bytes)
            reply.keptBytes = kept.bytes
            reply.unchanged = kept.isUnchanged
        } else {
            var none: SecretBytes?
            let begun = try MaintenanceStart.begin(
                .repairUndo(discardsChanges: request.discardChanges), on: database, wait: request.wait, secret: &none,
                iterations: nil, call)
            reply.tier = .lease
            reply.job = WireJob(request.detach ? begun : try JobFollowing.attend(begun.id, call))
        }
        reply.row = DatabaseRows.row(for: database, call.state)
        return reply
    }
}

extension RepairOptions {
    init(_ wire: WireRepairOptions) throws {
        self.init()
        transaction =
            switch wire.transaction {
            case .automatic: .automatic
            case .rollBack: .rollBack
            case .keep: .keep
            case .UNRECOGNIZED: throw Fault(.invalidRequest, "this agent knows no such choice for a transaction")
            }
        includesFree = wire.includeFree
        includesPlain = wire.includePlain
        prefersNewest = wire.preferNewest
    }
}

extension WireRepairFacts {
    init(_ plan: RepairPlan) {
        self.init(RepairOutcome(plan))
        findings = plan.findings.map(WireFinding.init)
        diskNeeded = plan.diskNeeded
        if let available = plan.diskAvailable { diskAvailable = available }
        needed = plan.isNeeded
    }

    init(_ outcome: RepairOutcome) {
        self.init()
        records = outcome.records
        steps = outcome.steps.map { step in
            var wire = WireRecoveryStep()
            wire.kind = step.kind
            wire.message = step.message
            return wire
        }
        (recovered, recoveredCount) = (outcome.recovered.items.map(WireRepairItem.init), outcome.recovered.count)
        (lost, lostCount) = (outcome.lost.items.map(WireRepairItem.init), outcome.lost.count)
        (duplicates, duplicatesCount) = (outcome.duplicates.items.map(WireRepairItem.init), outcome.duplicates.count)
        (rolledBack, rolledBackCount) = (outcome.rolledBack.items.map(WireRepairItem.init), outcome.rolledBack.count)
        deletedCount = outcome.deleted
        bytesBefore = outcome.bytesBefore
        bytesAfter = outcome.bytesAfter
        needed = outcome.isRepaired
    }
}

extension WireRepairItem {
    init(_ item: RepairOutcome.Item) {
        self.init()
        id = item.id ?? ""
        if let page = item.page { self.page = page }
        reason = item.reason
    }
}

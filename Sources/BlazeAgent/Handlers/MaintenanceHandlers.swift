internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// vacuum, gc-status and gc-run.
enum MaintenanceHandlers {
    static func vacuum(
        _ request: WireVacuumRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireVacuumReply {
        let database = try LocatedDatabase(request.target, state: call.state)
        let iterations = request.hasKdfIterations ? request.kdfIterations : nil
        var reply = WireVacuumReply()
        if request.dryRun {
            guard request.wait == 0, !request.detach else {
                throw Fault(.invalidRequest, "a dry run takes no lock and begins no job: it neither waits nor detaches")
            }
            let (tier, facts) = try space(of: database, secret: &secret, iterations, for: .vacuum, call)
            reply.tier = tier
            reply.space = facts
        } else {
            let task = MaintenanceTask.vacuum(
                dropsUnindexed: request.dropUnindexed, always: request.always,
                backup: request.noBackup ? nil : call.state.paths.backups)
            let begun = try MaintenanceStart.begin(
                task, on: database, wait: request.wait, secret: &secret, iterations: iterations, call)
            reply.tier = .lease
            reply.job = WireJob(request.detach ? begun : try JobFollowing.attend(begun.id, call))
        }
        reply.row = DatabaseRows.row(for: database, call.state)
        return reply
    }

    static func gcStatus(
        _ request: WireGcStatusRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireGcStatusReply {
        let database = try LocatedDatabase(request.target, state: call.state)
        let iterations = request.hasKdfIterations ? request.kdfIterations : nil
        let (tier, facts) = try space(of: database, secret: &secret, iterations, for: .gcStatus, call)
        var reply = WireGcStatusReply()
        reply.tier = tier
        reply.space = facts
        reply.row = DatabaseRows.row(for: database, call.state)
        return reply
    }

    static func gcRun(
        _ request: WireGcRunRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireGcRunReply {
        let database = try LocatedDatabase(request.target, state: call.state)
        let begun = try MaintenanceStart.begin(
            .collection, on: database, wait: request.wait, secret: &secret,
            iterations: request.hasKdfIterations ? request.kdfIterations : nil, call)
        var reply = WireGcRunReply()
        reply.tier = .lease
        reply.job = WireJob(request.detach ? begun : try JobFollowing.attend(begun.id, call))
        reply.row = DatabaseRows.row(for: database, call.state)
        return reply
    }

    /// Looks at every record, without a lock.
    private static func space(
        of database: LocatedDatabase, secret: inout SecretBytes?, _ iterations: UInt32?, for operation: Operation,
        _ call: Call
    ) throws -> (tier: WireTier, facts: WireSpaceFacts) {
        let access = try DatabaseAccess(.observe, wait: 0, for: operation)
        let opened = try OpenDatabase.open(
            database, secret: &secret, iterations: iterations, access: access, call)
        let report = try opened.reader.space { _ in
            try opened.check()
            if call.responder.isForNobody { throw ConnectionLost() }
        }
        return (opened.tier, WireSpaceFacts(report))
    }
}

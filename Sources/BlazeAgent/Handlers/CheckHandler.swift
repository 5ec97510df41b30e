internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol

/// check: what is wrong with a database.
enum CheckHandler {
    static func check(_ request: WireCheckRequest, secret: inout SecretBytes?, _ call: Call) throws -> WireCheckReply {
        guard request.depth == .quick else {
            throw Fault(.invalidRequest, "a check needs a depth, and this agent knows quick only")
        }
        let state = call.state
        let access = try DatabaseAccess(request.tier, wait: request.wait, for: .check)
        let database = try LocatedDatabase(request.target, state: state)
        var summary = try FileSummary.read(database.files, in: state.storage)
        var reply = WireCheckReply()
        // Metadata that cannot be read is what the check is to tell, not a reason to fail.
        if summary.metadataProblem == nil, summary.status.data != nil,
            let opened = try OpenDatabase.openIfPossible(
                database, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil,
                access: access, call)
        {
            if opened.lease != nil {
                summary = try FileSummary.read(database.files, in: state.storage, ownership: .leased)
            }
            reply.tier = opened.tier
            reply.findings = try withExtendedLifetime(opened.lease) {
                do throws(EngineError) {
                    return try opened.reader.quickCheck(while: { opened.isWanted }).findings.map(WireFinding.init)
                } catch {
                    // Why it was ended is told rather than that it was.
                    try opened.check()
                    throw error
                }
            }
            try opened.check()
            reply.row = DatabaseRows.row(for: database, summary: summary, state)
            reply.row.ownership = WireOwnership(opened.reader.ownership, of: state)
            return reply
        }
        // Without metadata there is nothing to read under a lock, but the lock tells that nobody has it open.
        let lease = try access.lease(database, call)
        if lease != nil { summary = try FileSummary.read(database.files, in: state.storage, ownership: .leased) }
        reply.row = DatabaseRows.row(for: database, summary: summary, state)
        reply.tier = lease == nil ? .file : .lease
        reply.findings = summary.findings.map(WireFinding.init)
        let why =
            summary.metadataProblem != nil
            ? "the metadata cannot be read"
            : access.tier == .file ? "only stat was asked for" : "the database is locked"
        reply.warnings = [why + ": its signature was not verified, and no page was read"]
        return reply
    }
}

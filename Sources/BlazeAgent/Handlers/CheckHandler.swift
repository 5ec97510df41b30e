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
        let database = try LocatedDatabase(request.target, state: state)
        let summary = try FileSummary.read(database.files, in: state.storage)
        var reply = WireCheckReply()
        reply.row = DatabaseRows.row(for: database, summary: summary, state)
        // Metadata that cannot be read is what the check is to tell, not a reason to fail.
        if summary.metadataProblem == nil, summary.status.data != nil,
            let opened = try OpenDatabase.openIfPossible(
                database, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil,
                state: state)
        {
            reply.tier = .observe
            reply.findings = try opened.reader.quickCheck().findings.map(WireFinding.init)
            return reply
        }
        reply.tier = .file
        reply.findings = summary.findings.map(WireFinding.init)
        reply.warnings = [
            (summary.metadataProblem == nil ? "the database is locked" : "the metadata cannot be read")
                + ": its signature was not verified, and no page was read"
        ]
        return reply
    }
}

internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault

/// prompt and prompt-end: one client asks its user for what several need.
enum PromptHandlers {
    static func prompt(_ request: WirePromptRequest, _ call: Call) throws -> WirePromptReply {
        let state = call.state
        let database = request.hasTarget ? try LocatedDatabase(request.target, state: state) : nil
        var reply = WirePromptReply()
        // What came while the client was on its way need not be asked for again.
        if let database {
            if state.sessions[database.path] != nil { return retry() }
            reply.title = database.title
            if let vault = state.vault.current,
                let id = try FileSummary.read(database.files, in: state.storage).identity,
                let hint = try vault.entry(for: id)?.hint
            {
                reply.hint = hint
            }
        } else if state.vault.current != nil {
            return retry()
        }
        let subject = database.map { PromptRegistry.Subject.database($0.path) } ?? .vault
        let turn = try state.prompts.turn(
            subject, canAsk: request.canAsk, connection: call.connection, call.responder
        ) {
            database.map { state.sessions[$0.path] != nil } ?? (state.vault.current != nil)
        }
        switch turn {
        case .retry: return retry()
        case .ask(let ticket, let left):
            reply.role = .ask
            reply.ticket = ticket
            reply.limit = UInt64(max(0, left / .nanoseconds(1)))
            return reply
        case .nobody:
            throw Fault(
                .nobodyToAsk, "a password is needed, and there is nobody to ask",
                hint: "unlock from a terminal, or give it by --vault-password-fd or --password-fd and their like")
        }
    }

    static func end(_ request: WirePromptEndRequest, _ call: Call) -> WirePromptEndReply {
        call.state.prompts.cancelled(request.ticket, connection: call.connection)
        return WirePromptEndReply()
    }

    private static func retry() -> WirePromptReply {
        var reply = WirePromptReply()
        reply.role = .retry
        return reply
    }
}

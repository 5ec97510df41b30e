internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault

/// hand-over: a database's password for a program that the client runs, and no lock of ours on the database meanwhile.
enum HandOverHandler {
    static func handOver(_ request: WireHandOverRequest, _ call: Call) throws -> WireHandOverReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        let summary = try FileSummary.read(database.files, in: state.storage)
        var password = request.ownPassword ? nil : try kept(for: database, summary, state)
        let wake: WakePipe
        do {
            wake = try WakePipe()
        } catch {
            throw Fault(.insufficient, "the agent has no descriptor left to wait with", hint: "try again")
        }
        // From here on nobody gets a lock on it, and whoever has one gives it up before the program runs.
        let number = state.handOvers.begin(database.path, processID: call.peer.processID)
        defer { state.handOvers.end(number) }
        guard state.leases.recall(database.path).ended else {
            throw Fault(
                .busy, "an operation of the agent still holds the lock of \(database.title)",
                hint: "blazectl status shows it", target: database.title)
        }
        var part = WireHandOverPart()
        part.row = DatabaseRows.row(for: database, withContents: false, state)
        try call.responder.part(part, secret: &password)
        password = nil
        while !call.responder.waitForClient(or: wake, within: .seconds(3600)) {}
        if state.connections.isStopping { throw Fault.stopping }
        return WireHandOverReply()
    }

    /// The password that the vault has, or the fault that makes a client ask for one.
    private static func kept(
        for database: LocatedDatabase, _ summary: FileSummary, _ state: AgentState
    ) throws -> SecretBytes? {
        guard let vault = state.vault.current else { throw try OpenDatabase.locked(database, state) }
        guard let identity = summary.identity, let password = try vault.password(of: identity) else {
            throw Fault(
                .locked, "the vault has no password for \(database.title)",
                hint: "keep it there: blazectl vault add \(database.title)", target: database.title)
        }
        vault.noteUse(identity)
        state.timer.touch()
        return password
    }
}

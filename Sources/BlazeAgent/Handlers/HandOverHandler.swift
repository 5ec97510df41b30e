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
        // Whether there is one is told before anything else is done.
        if !request.ownPassword { try requireKept(for: database, summary, state) }
        let wake = try WakePipe()
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
        try send(part, request, database, summary, call)
        while !call.responder.waitForClient(or: wake, within: .seconds(3600)) {}
        if state.connections.isStopping { throw Fault.stopping }
        return WireHandOverReply()
    }

    /// A lock that comes before the password is sent ends the connection; the program that has it goes on.
    private static func send(
        _ part: WireHandOverPart, _ request: WireHandOverRequest, _ database: LocatedDatabase, _ summary: FileSummary,
        _ call: Call
    ) throws {
        let use = call.state.keyUses.begin(database, abandon: call.responder.abandon)
        var password = request.ownPassword ? nil : try kept(for: database, summary, call.state)
        try use.check()
        try call.responder.part(part, secret: &password)
    }

    /// The password that the vault has, or the fault that makes a client ask for one.
    private static func kept(
        for database: LocatedDatabase, _ summary: FileSummary, _ state: AgentState
    ) throws -> SecretBytes? {
        let (vault, entry) = try requireKept(for: database, summary, state)
        guard let password = try vault.password(of: entry.identity) else {
            throw try OpenDatabase.locked(database, state)
        }
        vault.noteUse(entry.identity)
        state.timer.touch()
        return password
    }

    /// That the vault is unlocked and has a password.
    @discardableResult
    private static func requireKept(
        for database: LocatedDatabase, _ summary: FileSummary, _ state: AgentState
    ) throws -> (vault: OpenVault, entry: VaultEntry) {
        guard let vault = state.vault.current else { throw try OpenDatabase.locked(database, state) }
        guard let identity = summary.identity, let entry = try vault.entry(for: identity), entry.hasPassword else {
            throw Fault(
                .locked, "the vault has no password for \(database.title)",
                hint: "keep it there: blazectl vault add \(database.title)", target: database.title)
        }
        return (vault, entry)
    }
}

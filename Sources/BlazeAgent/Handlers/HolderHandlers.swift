internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol

/// holders and release: who has a database's lock, and letting go of the agent's own.
enum HolderHandlers {
    static func holders(_ request: WireHoldersRequest, _ call: Call) throws -> WireHoldersReply {
        let database = try LocatedDatabase(request.target, state: call.state)
        var reply = WireHoldersReply()
        reply.row = DatabaseRows.row(for: database, call.state)
        guard reply.row.state != .missing else {
            throw Fault(
                .notFound, "\(database.path.displayString) does not exist",
                hint: "blazectl scan looks for moved databases",
                target: database.title)
        }
        return reply
    }

    static func release(_ request: WireReleaseRequest, _ call: Call) throws -> WireReleaseReply {
        guard request.all != !request.targets.isEmpty else {
            throw Fault(.invalidRequest, "a release names databases, or all of them, and not both")
        }
        // All names are looked up before anything ends, so that a typing error changes nothing.
        let paths = try request.targets.map { try LocatedDatabase($0, state: call.state).path }
        var reply = WireReleaseReply()
        for path in request.all ? [nil] : paths.map(Optional.some) {
            let (asked, ended) = call.state.leases.recall(path)
            reply.released += asked.map { WireLease($0, call.state) }
            guard ended else {
                throw Fault(
                    .busy, "an operation still holds the lock of \(asked.first?.path.displayString ?? "a database")",
                    hint: "blazectl status shows it; blazectl agent stop ends it")
            }
        }
        return reply
    }
}

extension WireLease {
    init(_ lease: DatabaseLease.Facts, _ state: AgentState) {
        self.init()
        row = DatabaseRows.row(for: LocatedDatabase(path: lease.path, state: state), withContents: false, state)
        operation = lease.operation.properties.name
        clientPid = lease.clientProcessID
        since = lease.since
    }
}

internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol

/// How closely a request wants to look at a database, and how long it waits for the lock that this may take.
struct DatabaseAccess {
    /// Nil: as closely as the key at hand allows, without a lock.
    let tier: WireTier?
    private let wait: Duration
    private let operation: Operation

    /// The longest wait for a lock.
    static let longestWait: Duration = .seconds(86_400)

    init(_ tier: WireTier, wait: UInt64, for operation: Operation) throws {
        self.tier = tier == .unspecified ? nil : tier
        self.operation = operation
        self.wait = .nanoseconds(Int64(clamping: wait))
        guard self.wait <= Self.longestWait else { throw Fault(.invalidRequest, "a wait is at most a day") }
        guard wait == 0 || tier == .lease else {
            throw Fault(.invalidRequest, "only tier lease takes a lock that could be waited for")
        }
    }

    /// How long a client may let an operation wait that holds a lock.
    static let clientLimit: Duration = .seconds(5)

    /// The lock for this request; nil when it needs none.
    ///
    /// - Parameter isWanted: whether the request can still be carried out; asked while it waits.
    /// - Throws: `Fault.busy` when another process holds it for as long as the request waits; `ConnectionLost` when the
    ///   client leaves meanwhile.
    func lease(
        _ database: LocatedDatabase, _ call: Call, while isWanted: () -> Bool = { true }
    ) throws -> DatabaseLease? {
        guard tier == .lease else { return nil }
        let deadline = Deadline.after(wait)
        var pause: Int32 = 5
        while true {
            try refuseWhileHandedOver(database, call)
            let lease: DatabaseLease?
            do throws(StorageError) {
                lease = try call.state.leases.lease(
                    database.files, for: operation, peer: call.peer, abandon: call.responder.abandon)
            } catch {
                lease = nil
                guard error.code == .locked else { throw error }
            }
            if let lease {
                // One that was handed over meanwhile may have asked for the locks before there was this one.
                try refuseWhileHandedOver(database, call)
                return lease
            }
            guard isWanted() else { return nil }
            // The lock cannot be waited for with a limit, so it is tried again and again.
            guard deadline.millisecondsLeft > 0 else { throw busy(database, call) }
            if call.responder.isForNobody { throw ConnectionLost() }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 100)
        }
    }

    private func refuseWhileHandedOver(_ database: LocatedDatabase, _ call: Call) throws {
        guard let client = call.state.handOvers.client(of: database.path) else { return }
        throw Fault(
            .busy, "\(database.title) is busy: it is handed to a program that process \(client) runs",
            hint: "--tier observe reads beside it", target: database.title,
            holder: LockHolder(processID: client, executable: nil))
    }

    private func busy(_ database: LocatedDatabase, _ call: Call) -> Fault {
        let ownership = database.files.ownership(in: call.state.storage)
        let own = LockHolder(processID: call.state.processID, executable: Executables.own())
        let holder = ownership.holders.first ?? (ownership == .leased ? own : nil)
        let who = holder.map { "it is open in \($0.title)" } ?? "another process has it open"
        let since = holder?.started.map { ", which has run since \(Moments.text($0))" } ?? ""
        return Fault(
            .busy, "\(database.title) is busy: \(who)\(since)",
            hint: "--wait 30s waits for it; --tier observe reads beside it", target: database.title, holder: holder)
    }
}

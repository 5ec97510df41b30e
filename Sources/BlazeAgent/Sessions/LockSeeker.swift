internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// Takes a database's lock for an operation, and waits for it where another process holds it.
struct LockSeeker {
    private let state: AgentState
    private let operation: Operation
    private let client: Int32
    private let abandon: @Sendable () -> Void

    init(_ state: AgentState, _ operation: Operation, client: Int32, abandon: @escaping @Sendable () -> Void) {
        self.state = state
        self.operation = operation
        self.client = client
        self.abandon = abandon
    }

    /// The lock.
    ///
    /// - Parameter isWanted: whether the operation can still be carried out; asked while it waits, with what tells who
    ///   holds the lock.
    /// - Returns: nil when it is not wanted any more.
    /// - Throws: `Fault.busy` when another process holds it for as long as the operation waits, and what `isWanted` throws.
    func lease(
        _ database: LocatedDatabase, within wait: Duration, while isWanted: (_ holder: () -> LockHolder?) throws -> Bool
    ) throws -> DatabaseLease? {
        let deadline = Deadline.after(wait)
        var pause: Int32 = 5
        while true {
            if let lease = try leaseNow(database) { return lease }
            guard try isWanted({ holder(of: database) }) else { return nil }
            // The lock cannot be waited for with a limit, so it is tried again and again.
            guard deadline.millisecondsLeft > 0 else { throw busy(database) }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 100)
        }
    }

    /// The lock; nil when somebody has it, or the database is handed to a program.
    private func leaseNow(_ database: LocatedDatabase) throws -> DatabaseLease? {
        guard state.handOvers.client(of: database.path) == nil else { return nil }
        do throws(StorageError) {
            let lease = try state.leases.lease(database.files, for: operation, client: client, abandon: abandon)
            // One that was handed over meanwhile may have asked for the locks before there was this one.
            return state.handOvers.client(of: database.path) == nil ? lease : nil
        } catch {
            guard error.code == .locked else { throw error }
            return nil
        }
    }

    /// Whether the operation could do without the lock.
    private var canRead: Bool { !operation.properties.changesDatabase }

    private func holder(of database: LocatedDatabase) -> LockHolder? {
        if let client = state.handOvers.client(of: database.path) {
            return LockHolder(processID: client, executable: nil)
        }
        let ownership = database.files.ownership(in: state.storage)
        let own = LockHolder(processID: state.processID, executable: Executables.own())
        return ownership.holders.first ?? (ownership == .leased ? own : nil)
    }

    private func busy(_ database: LocatedDatabase) -> Fault {
        let holder = holder(of: database)
        if let job = state.jobs.active(on: database.path), job.state != .waiting {
            var fault = Fault(reporting: JobError(busyWith: job))
            fault.target = database.title
            fault.holder = holder
            return fault
        }
        if let client = state.handOvers.client(of: database.path) {
            return Fault(
                .busy, "\(database.title) is busy: it is handed to a program that process \(client) runs",
                hint: "--wait 30s waits for it\(canRead ? "; --tier observe reads beside it" : "")",
                target: database.title, holder: holder)
        }
        let who = holder.map { "it is open in \($0.title)" } ?? "another process has it open"
        let since = holder?.started.map { ", which has run since \(Moments.text($0))" } ?? ""
        return Fault(
            .busy, "\(database.title) is busy: \(who)\(since)",
            hint: "--wait 30s waits for it\(canRead ? "; --tier observe reads beside it" : "")", target: database.title,
            holder: holder)
    }
}

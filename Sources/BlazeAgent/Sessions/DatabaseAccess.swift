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
        return try LockSeeker(call.state, operation, client: call.peer.processID, abandon: call.responder.abandon)
            .lease(
                database, within: wait
            ) { _ in
                if call.responder.isForNobody { throw ConnectionLost() }
                return isWanted()
            }
    }
}

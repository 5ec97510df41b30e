internal import BlazePlatform
internal import BlazeProtocol
internal import Dispatch
internal import Synchronization

/// The live connections: how many there are, which are without a request, and the handle by which a stop ends them.
/// Does no I/O under its lock.
final class ConnectionRegistry: Sendable {
    private struct Connection {
        let stream: SocketStream
        /// Since when it has no request under way; nil while it has one.
        var unusedSince: ContinuousClock.Instant?
    }

    private struct State {
        var connections: [UInt64: Connection] = [:]
        /// Those whose seats were given away, and whose threads have yet to see it.
        var leaving: Set<UInt64> = []
        var next: UInt64 = 0
        var stopping = false
    }

    let limit: Int
    private let spareTime: Duration
    private let state = Mutex(State())
    private let overdue = Atomic(false)
    private let group = DispatchGroup()

    /// - Parameters:
    ///   - limit: the most connections at once.
    ///   - spareTime: how long a connection is safe without a request when all are taken.
    init(limit: Int, spareTime: Duration = .seconds(ProtocolLimits.spareSeconds)) {
        self.limit = limit
        self.spareTime = spareTime
    }

    var count: Int { state.withLock { $0.connections.count } }

    enum Admission {
        case admitted(Seat)
        case full
        case stopping
    }

    /// One connection's place among those that are served. It is left exactly once.
    struct Seat: Sendable {
        fileprivate let registry: ConnectionRegistry
        fileprivate let id: UInt64

        /// Before a request is carried out; false when the seat was given away, and the request must not begin.
        func beginRequest() -> Bool { registry.mark(id, unusedSince: nil) }
        /// After its last answer.
        func endRequest() { _ = registry.mark(id, unusedSince: .now) }
        /// Whether another connection has it now.
        var isGivenAway: Bool { registry.state.withLock { $0.leaving.contains(id) } }
        /// At the end of the connection's thread.
        func leave() { registry.remove(id) }
    }

    /// Takes a connection in. When all seats are taken, the one without a request for longest gives its up, provided
    /// that its spare time is over: connections that do nothing must not keep out those that would.
    func admit(_ stream: SocketStream) -> Admission {
        let now = ContinuousClock.now
        let (admission, loser): (Admission, SocketStream?) = state.withLock { state in
            guard !state.stopping else { return (.stopping, nil) }
            var loser: SocketStream?
            if state.connections.count >= limit {
                let unused = state.connections.compactMap { id, connection in
                    connection.unusedSince.map { (id: id, since: $0) }
                }
                guard let longest = unused.min(by: { $0.since < $1.since }), now - longest.since >= spareTime else {
                    return (.full, nil)
                }
                loser = state.connections.removeValue(forKey: longest.id)?.stream
                state.leaving.insert(longest.id)
            }
            state.next += 1
            state.connections[state.next] = Connection(stream: stream, unusedSince: now)
            group.enter()
            return (.admitted(Seat(registry: self, id: state.next)), loser)
        }
        // Only reading ends, so that its own thread can still say why.
        loser?.shutDown(readingOnly: true)
        return admission
    }

    private func mark(_ id: UInt64, unusedSince: ContinuousClock.Instant?) -> Bool {
        state.withLock { state in
            guard state.connections[id] != nil else { return false }
            state.connections[id]?.unusedSince = unusedSince
            return true
        }
    }

    private func remove(_ id: UInt64) {
        let was = state.withLock { state in
            let isSeated = state.connections.removeValue(forKey: id) != nil
            return state.leaving.remove(id) != nil || isSeated
        }
        if was { group.leave() }
    }

    /// Admits nobody from now on, and lets every connection see the end of its stream when it next reads.
    func stop() {
        let streams = state.withLock { state in
            state.stopping = true
            return state.connections.values.map(\.stream)
        }
        for stream in streams { stream.shutDown(readingOnly: true) }
    }

    /// Requests that answer in parts end at the next one from now on.
    func endRequests() { overdue.store(true, ordering: .relaxed) }

    /// Whether requests under way have had their time.
    var isOverdue: Bool { overdue.load(ordering: .relaxed) }

    /// Waits for the connections to end; false when some are left after that time.
    func waitUntilEmpty(within time: DispatchTimeInterval) -> Bool {
        group.wait(timeout: .now() + time) == .success
    }
}

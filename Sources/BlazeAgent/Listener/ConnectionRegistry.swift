internal import BlazePlatform
internal import BlazeProtocol
internal import Dispatch
internal import Synchronization

/// The live connections: how many there are, which are without a request, and the handle by which a stop ends them.
/// Does no I/O under its lock, and no request takes the lock: 64 connections at once would stand in line for it.
final class ConnectionRegistry: Sendable {
    private struct State {
        var seats: [UInt64: Seat] = [:]
        /// Those whose seats were given away, and whose threads have yet to see it.
        var leaving: Set<UInt64> = []
        var next: UInt64 = 0
        var stopping = false
    }

    let limit: Int
    private let spareNanoseconds: Int64
    private let start = ContinuousClock.now
    private let state = Mutex(State())
    private let overdue = Atomic(false)
    private let group = DispatchGroup()

    /// - Parameters:
    ///   - limit: the most connections at once.
    ///   - spareTime: how long a connection is safe without a request when all are taken.
    init(limit: Int, spareTime: Duration = .seconds(ProtocolLimits.spareSeconds)) {
        self.limit = limit
        spareNanoseconds = Int64(spareTime / .nanoseconds(1))
    }

    var isStopping: Bool { state.withLock { $0.stopping } }
    var count: Int { state.withLock { $0.seats.count } }

    enum Admission {
        case admitted(Seat)
        case full
        case stopping
    }

    /// One connection's place among those that are served. It is left exactly once.
    final class Seat: Sendable {
        fileprivate let registry: ConnectionRegistry
        let id: UInt64
        fileprivate let stream: SocketStream
        /// Since when it has no request under way, in nanoseconds of the registry's clock, or one of the two below. The
        /// connection's own thread changes it, and `admit`, which may only give an unused seat away.
        private let unusedSince: Atomic<Int64>

        private static let inUse: Int64 = -1
        private static let givenAway: Int64 = -2

        fileprivate init(_ registry: ConnectionRegistry, _ id: UInt64, _ stream: SocketStream) {
            self.registry = registry
            self.id = id
            self.stream = stream
            unusedSince = Atomic(registry.now)
        }

        /// Before a request is carried out; false when the seat was given away, and the request must not begin.
        func beginRequest() -> Bool {
            let since = unusedSince.load(ordering: .relaxed)
            return since != Self.givenAway
                && unusedSince.compareExchange(expected: since, desired: Self.inUse, ordering: .acquiringAndReleasing)
                    .exchanged
        }

        /// After its last answer.
        func endRequest() { unusedSince.store(registry.now, ordering: .releasing) }

        /// Whether another connection has it now.
        var isGivenAway: Bool { unusedSince.load(ordering: .acquiring) == Self.givenAway }

        /// At the end of the connection's thread.
        func leave() { registry.remove(self) }

        /// Since when it has no request under way; nil while it has one.
        fileprivate var unused: Int64? {
            let since = unusedSince.load(ordering: .relaxed)
            return since >= 0 ? since : nil
        }

        /// Gives it away, if it has been unused since that moment until now.
        fileprivate func giveAway(unusedSince since: Int64) -> Bool {
            unusedSince.compareExchange(expected: since, desired: Self.givenAway, ordering: .acquiringAndReleasing)
                .exchanged
        }
    }

    /// Takes a connection in. When all seats are taken, the one without a request for longest gives its up, provided
    /// that its spare time is over: connections that do nothing must not keep out those that would.
    ///
    /// - Parameter isSpared: whether a connection, by its number, keeps its seat all the same.
    func admit(_ stream: SocketStream, sparing isSpared: (UInt64) -> Bool = { _ in false }) -> Admission {
        let (admission, loser): (Admission, Seat?) = state.withLock { state in
            guard !state.stopping else { return (.stopping, nil) }
            var loser: Seat?
            if state.seats.count >= limit {
                loser = longestUnused(of: state.seats.values.filter { !isSpared($0.id) })
                guard let loser else { return (.full, nil) }
                state.seats[loser.id] = nil
                state.leaving.insert(loser.id)
            }
            state.next += 1
            let seat = Seat(self, state.next, stream)
            state.seats[seat.id] = seat
            group.enter()
            return (.admitted(seat), loser)
        }
        // Only reading ends, so that its own thread can still say why.
        loser?.stream.shutDown(readingOnly: true)
        return admission
    }

    /// Takes the seat away that has been without a request for longest, and for longer than the spare time; nil when there
    /// is none. Requests begin meanwhile: a seat that was just taken into use is left alone, and the next one looked at.
    private func longestUnused(of seats: some Collection<Seat>) -> Seat? {
        let latest = now - spareNanoseconds
        let unused = seats.compactMap { seat in seat.unused.map { (seat: seat, since: $0) } }
        for (seat, since) in unused.sorted(by: { $0.since < $1.since }) {
            guard since <= latest else { return nil }
            if seat.giveAway(unusedSince: since) { return seat }
        }
        return nil
    }

    /// Nanoseconds since the registry was made.
    private var now: Int64 { Int64((ContinuousClock.now - start) / .nanoseconds(1)) }

    private func remove(_ seat: Seat) {
        let was = state.withLock { state in
            let isSeated = state.seats.removeValue(forKey: seat.id) != nil
            return state.leaving.remove(seat.id) != nil || isSeated
        }
        if was { group.leave() }
    }

    /// Admits nobody from now on, and lets every connection see the end of its stream when it next reads.
    func stop() {
        let streams = state.withLock { state in
            state.stopping = true
            return state.seats.values.map(\.stream)
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

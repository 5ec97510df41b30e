internal import BlazePlatform
internal import Dispatch
internal import Synchronization

/// The live connections: how many there are, and the handle by which a stop ends them. Does no I/O under its lock.
final class ConnectionRegistry: Sendable {
    private struct State {
        var streams: [UInt64: SocketStream] = [:]
        var next: UInt64 = 0
        var stopping = false
    }

    let limit: Int
    private let state = Mutex(State())
    private let group = DispatchGroup()

    init(limit: Int) {
        self.limit = limit
    }

    var isStopping: Bool { state.withLock { $0.stopping } }
    var count: Int { state.withLock { $0.streams.count } }

    enum Admission {
        /// Under this number it is removed again.
        case admitted(UInt64)
        case full
        case stopping
    }

    /// Takes a connection in.
    func admit(_ stream: SocketStream) -> Admission {
        state.withLock { state in
            guard !state.stopping else { return .stopping }
            guard state.streams.count < limit else { return .full }
            state.next += 1
            state.streams[state.next] = stream
            group.enter()
            return .admitted(state.next)
        }
    }

    func remove(_ id: UInt64) {
        if state.withLock({ $0.streams.removeValue(forKey: id) }) != nil { group.leave() }
    }

    /// Admits nobody from now on, and lets every connection see the end of its stream when it next reads.
    func stop() {
        let streams = state.withLock { state in
            state.stopping = true
            return Array(state.streams.values)
        }
        for stream in streams { stream.shutDown(readingOnly: true) }
    }

    /// Waits for the connections to end; false when some are left after that time.
    func waitUntilEmpty(within time: DispatchTimeInterval) -> Bool {
        group.wait(timeout: .now() + time) == .success
    }
}

internal import Synchronization

/// Tells those who asked that something has changed, not what: they look for themselves.
public final class ChangeNotices: Sendable {
    private struct State {
        var listeners: [UInt64: @Sendable () -> Void] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Nobody listens yet.
    public init() {}

    /// Calls `listener` after every change, on the thread that made it; it must not block.
    ///
    /// - Returns: what `remove` takes.
    public func add(_ listener: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLock { state in
            state.next += 1
            state.listeners[state.next] = listener
            return state.next
        }
    }

    /// Ends the notices to a listener. One under way may still come.
    public func remove(_ number: UInt64) {
        state.withLock { _ = $0.listeners.removeValue(forKey: number) }
    }

    /// Tells all.
    public func tell() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener() }
    }
}

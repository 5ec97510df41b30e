internal import BlazePlatform
internal import BlazeProtocol
internal import Synchronization

/// The rows of all known databases, kept current for everybody who watches them by one thread, which runs only while
/// somebody does.
final class LiveList: Sendable {
    private struct State {
        var watchers: [UInt64: WakePipe] = [:]
        var next: UInt64 = 0
        var rows: [WireDatabaseRow] = []
        /// Counts the lists that were published.
        var generation: UInt64 = 0
        /// Whether the keeper has published one.
        var isReady = false
        /// Wakes the keeper; nil while there is none.
        var keeper: WakePipe?
    }

    private let state = Mutex(State())

    /// Somebody who watches. It is woken when there are new rows, and ends its watching when it is released.
    final class Watcher {
        let pipe: WakePipe
        private let list: LiveList
        private let number: UInt64
        private var seen: UInt64 = 0

        fileprivate init(_ list: LiveList, _ number: UInt64, _ pipe: WakePipe) {
            self.list = list
            self.number = number
            self.pipe = pipe
        }

        deinit { list.leave(number) }

        /// The rows, when they are other ones than last time.
        func newRows() -> [WireDatabaseRow]? {
            pipe.clear()
            return list.state.withLock { state in
                guard state.isReady, state.generation != seen else { return nil }
                seen = state.generation
                return state.rows
            }
        }

        /// Whether there are rows that were not taken yet.
        var isBehind: Bool { list.state.withLock { $0.isReady && $0.generation != seen } }

        /// The rows as they are.
        var rows: [WireDatabaseRow] { list.state.withLock { $0.rows } }
    }

    /// Begins to watch.
    ///
    /// - Throws: `ThreadError` when the system gives no thread or descriptors.
    func join(_ agent: AgentState) throws(ThreadError) -> Watcher {
        let (pipe, wake) = (try WakePipe(), try WakePipe())
        let (number, needsKeeper) = state.withLock { state in
            state.next += 1
            state.watchers[state.next] = pipe
            guard state.keeper == nil else {
                // A watcher that comes later has the rows at once.
                if state.isReady { pipe.wake() }
                return (state.next, false)
            }
            state.keeper = wake
            state.isReady = false
            state.rows = []
            return (state.next, true)
        }
        let watcher = Watcher(self, number, pipe)
        guard needsKeeper else { return watcher }
        do throws(ThreadError) {
            try spawnThread(named: "list") { [self] in
                ListKeeper(agent, wake: wake).run(publish: publish, isWanted: { self.isWanted(wake) })
            }
        } catch {
            state.withLock { $0.keeper = nil }
            throw error
        }
        return watcher
    }

    /// Whether anybody watches; when nobody does, the keeper that asks has to end, and the next watcher starts another.
    private func isWanted(_ wake: WakePipe) -> Bool {
        state.withLock { state in
            guard state.watchers.isEmpty else { return true }
            if state.keeper === wake { state.keeper = nil }
            return false
        }
    }

    private func publish(_ rows: [WireDatabaseRow]) {
        let pipes = state.withLock { state in
            if state.isReady, state.rows == rows { return [WakePipe]() }
            state.rows = rows
            state.isReady = true
            state.generation += 1
            return Array(state.watchers.values)
        }
        for pipe in pipes { pipe.wake() }
    }

    private func leave(_ number: UInt64) {
        let keeper = state.withLock { state in
            state.watchers[number] = nil
            return state.watchers.isEmpty ? state.keeper : nil
        }
        keeper?.wake()
    }
}

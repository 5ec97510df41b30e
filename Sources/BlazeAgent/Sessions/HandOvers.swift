internal import BlazeProtocol
internal import Synchronization
internal import SystemPackage

/// The databases whose passwords programs have been handed that still run: the agent takes no lock on them, since it would
/// keep the program from opening its database.
final class HandOvers: Sendable {
    private struct State {
        var clients: [UInt64: (path: FilePath, processID: Int32)] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// A database is in a program's hands until `end`.
    func begin(_ path: FilePath, processID: Int32) -> UInt64 {
        state.withLock { state in
            state.next += 1
            state.clients[state.next] = (path, processID)
            return state.next
        }
    }

    func end(_ number: UInt64) { state.withLock { _ = $0.clients.removeValue(forKey: number) } }

    /// The client that has handed the database to a program; nil when none has.
    func client(of path: FilePath) -> Int32? {
        state.withLock { $0.clients.values.first { $0.path == path }?.processID }
    }
}

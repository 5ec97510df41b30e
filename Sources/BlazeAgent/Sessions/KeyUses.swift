internal import BlazePlatform
internal import BlazeProtocol
internal import Synchronization
internal import SystemPackage

/// One operation that works with a database's key, for as long as the value lives.
final class KeyUse: Sendable {
    private let registry: KeyUses
    private let number: UInt64
    private let title: String

    fileprivate init(_ registry: KeyUses, _ number: UInt64, _ title: String) {
        self.registry = registry
        self.number = number
        self.title = title
    }

    /// Whether its database was locked.
    var isEnded: Bool { registry.isEnded(number) }

    /// Ends the operation when its database was locked.
    func check() throws {
        guard registry.isEnded(number) else { return }
        throw Fault.lockedBeforeTheEnd(title)
    }

    deinit { registry.end(number) }
}

/// The operations that work with keys now: a lock ends them, since each holds a copy of its key.
final class KeyUses: Sendable {
    private struct Entry {
        let path: FilePath?
        /// Ends an operation that waits for its client.
        let abandon: @Sendable () -> Void
        var isEnded = false
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How long a lock lets operations end by themselves, and how long it waits in all: keys are gone within a second.
    static let grace: Duration = .milliseconds(300)
    static let limit: Duration = .milliseconds(900)

    func begin(_ database: LocatedDatabase, abandon: @escaping @Sendable () -> Void) -> KeyUse {
        begin(database.path, database.title, abandon: abandon)
    }

    /// Nil stands for an operation that only the lock of everything ends.
    func begin(_ path: FilePath?, _ title: String, abandon: @escaping @Sendable () -> Void) -> KeyUse {
        let number = state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry(path: path, abandon: abandon)
            return state.next
        }
        return KeyUse(self, number, title)
    }

    /// Ends the operations on a database, or all, and waits until their keys are gone; false when some are not.
    @discardableResult
    func endAll(on path: FilePath? = nil) -> Bool {
        let numbers = state.withLock { state in
            let numbers = state.entries.filter { path == nil || $0.value.path == path }.map(\.key)
            for number in numbers { state.entries[number]?.isEnded = true }
            return numbers
        }
        let (grace, deadline) = (Deadline.after(Self.grace), Deadline.after(Self.limit))
        var isAbandoned = false
        var pause: Int32 = 1
        while true {
            if state.withLock({ state in numbers.allSatisfy { state.entries[$0] == nil } }) { return true }
            guard deadline.millisecondsLeft > 0 else { return false }
            if grace.millisecondsLeft == 0, !isAbandoned {
                isAbandoned = true
                for abandon in state.withLock({ state in numbers.compactMap { state.entries[$0]?.abandon } }) {
                    abandon()
                }
            }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 20)
        }
    }

    fileprivate func isEnded(_ number: UInt64) -> Bool { state.withLock { $0.entries[number]?.isEnded ?? true } }
    fileprivate func end(_ number: UInt64) { state.withLock { _ = $0.entries.removeValue(forKey: number) } }
}

extension Fault {
    /// A database was locked while an operation worked with its key.
    static func lockedBeforeTheEnd(_ title: String) -> Fault {
        Fault(
            .lockedMeanwhile, "\(title) was locked before the end", hint: "unlock it and run the command again",
            target: title)
    }
}

internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import Dispatch
internal import Synchronization
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// One operation that holds a database's lock. The lock is given back when the value goes.
final class DatabaseLease: Sendable {
    /// What is told of it.
    struct Facts: Sendable {
        let path: FilePath
        let operation: BlazeProtocol.Operation
        let clientProcessID: Int32
        /// Nanoseconds since 1970.
        let since: Int64
    }

    let facts: Facts
    private let locks: Mutex<[FileLease]>
    private let registry: LeaseRegistry
    private let number: UInt64

    fileprivate init(_ facts: Facts, _ locks: [FileLease], _ registry: LeaseRegistry, _ number: UInt64) {
        self.facts = facts
        self.locks = Mutex(locks)
        self.registry = registry
        self.number = number
    }

    /// The data file's lock.
    var dataLock: FileLease? { locks.withLock { $0.last } }
    /// The lock of the file that a vacuum has set aside, where there is one.
    var asideLock: FileLease? { locks.withLock { $0.count > 1 ? $0.first : nil } }

    /// Whether somebody has asked for the lock.
    var isRecalled: Bool { registry.isRecalled(number) }

    /// Ends the operation when somebody has asked for the lock.
    func check() throws {
        guard registry.isRecalled(number) else { return }
        throw Fault(
            .released, "the lock of \(facts.path.displayString) was released on request before the end",
            hint: "run the command again", target: facts.path.displayString)
    }

    deinit {
        // Whoever is told that the lease has ended can have the lock.
        locks.withLock { $0 = [] }
        registry.end(number)
    }
}

/// The locks that the agent holds: each for one operation. Holds a map and does no I/O under its lock.
final class LeaseRegistry: Sendable {
    private struct Entry {
        let facts: DatabaseLease.Facts
        /// Ends an operation that waits for its client.
        let abandon: @Sendable () -> Void
        var isRecalled = false
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How long a recall lets the operations end by themselves, and how long it waits in all.
    static let recallGrace: Duration = .seconds(1)
    static let recallLimit: Duration = .seconds(5)

    /// Takes a database's lock for an operation, without waiting.
    ///
    /// A vacuum of the owner's holds the old data file aside while the new one stands in its place, for a moment without a
    /// lock of its own (FORMAT.md 7.4): whoever took that would stop the vacuum half-way. So the one aside is locked as well,
    /// and first.
    ///
    /// - Throws: `StorageError`, `locked` when another process or operation holds it.
    func lease(
        _ files: FileSet, for operation: BlazeProtocol.Operation, client: Int32, abandon: @escaping @Sendable () -> Void
    ) throws(StorageError) -> DatabaseLease {
        let path = files.data
        var locks: [FileLease] = []
        let aside = try PosixStorage().status(of: files.dataAside)
        // A vacuum of ours that did not end has left one file under both names.
        let data = try PosixStorage().status(of: path)
        if aside != nil, aside?.identity != data?.identity { locks.append(try FileLease(path: files.dataAside)) }
        locks.append(try FileLease(path: path))
        guard try PosixStorage().status(of: files.dataAside)?.identity == aside?.identity else {
            throw StorageError(.locked, operation: "lock", path: path)
        }
        let facts = DatabaseLease.Facts(
            path: path, operation: operation, clientProcessID: client,
            since: Int64(Date().timeIntervalSince1970 * 1_000_000_000))
        let number = state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry(facts: facts, abandon: abandon)
            return state.next
        }
        return DatabaseLease(facts, locks, self, number)
    }

    /// The operations that hold a lock now.
    var all: [DatabaseLease.Facts] { state.withLock { $0.entries.values.map(\.facts) }.sorted { $0.since < $1.since } }

    /// Asks the operations that hold a lock on `path`, or on any, to end, and waits until they have.
    ///
    /// - Returns: the operations that were asked; whether all of them have ended.
    func recall(_ path: FilePath?) -> (asked: [DatabaseLease.Facts], ended: Bool) {
        let asked = state.withLock { state in
            let numbers = state.entries.filter { path == nil || $0.value.facts.path == path }.map(\.key)
            for number in numbers { state.entries[number]?.isRecalled = true }
            return numbers.compactMap { number in state.entries[number].map { (number, $0.facts) } }
        }
        let deadline = Deadline.after(Self.recallLimit)
        let grace = Deadline.after(Self.recallGrace)
        var isAbandoned = false
        var pause: Int32 = 1
        while deadline.millisecondsLeft > 0 {
            if state.withLock({ state in asked.allSatisfy { state.entries[$0.0] == nil } }) {
                return (asked.map(\.1), true)
            }
            if grace.millisecondsLeft == 0, !isAbandoned {
                isAbandoned = true
                for abandon in state.withLock({ state in asked.compactMap { state.entries[$0.0]?.abandon } }) {
                    abandon()
                }
            }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 50)
        }
        return (asked.map(\.1), false)
    }

    fileprivate func isRecalled(_ number: UInt64) -> Bool { state.withLock { $0.entries[number]?.isRecalled ?? true } }
    fileprivate func end(_ number: UInt64) { state.withLock { _ = $0.entries.removeValue(forKey: number) } }
}

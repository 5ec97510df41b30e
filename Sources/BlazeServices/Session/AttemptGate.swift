public import BlazePlatform
internal import Dispatch
internal import Synchronization
public import SystemPackage

/// Lets each user try one passphrase at a time, and after wrong ones only so often: 0.25 s after the first, doubled with
/// each one up to 30 s, until one is right.
///
/// The pauses outlive the agent: they are kept in a file of the state directory. A file that cannot be read or
/// understood counts as the longest pause, from the agent's start, for whoever tries first, and is told as a warning. One
/// user's attempts and pauses hold nobody else up.
public final class AttemptGate: Sendable {
    /// How often a waiting attempt looks whether anybody still wants it.
    private static let look: Duration = .milliseconds(100)

    private struct Lane {
        var record: AttemptRecord?
        var isBusy = false
        var waiting: [Waiter] = []
    }

    private final class Waiter: Sendable {
        let turn = DispatchSemaphore(value: 0)
    }

    private let path: FilePath
    private let clock: any MachineClock
    /// Which start of the machine this is. Where the system does not tell, it is a start of its own.
    private let bootID: String
    /// What users have that the file says nothing about: set where the file was broken.
    private let fallback: AttemptRecord?
    private let lanes: Mutex<[UInt32: Lane]>
    private let saving = Mutex(())
    private let problem: Mutex<String?>

    /// The gate whose pauses are kept in `path`. Never fails: see `warning`.
    public init(file path: FilePath, clock: any MachineClock = SystemMachineClock()) {
        self.path = path
        self.clock = clock
        let bootID = clock.bootID ?? "unknown-\(UInt64.random(in: .min ... .max))"
        self.bootID = bootID
        var lanes: [UInt32: Lane] = [:]
        var fallback: AttemptRecord?
        var problem: String?
        do throws(StorageError) {
            if let text = try Self.read(path) {
                guard let parsed = AttemptText(text) else {
                    throw StorageError(.failed, operation: "understand", path: path)
                }
                for (uid, record) in parsed.records {
                    lanes[uid] = Lane(record: record.on(bootID, clock))
                }
            }
        } catch {
            fallback = AttemptRecord(failures: AttemptRecord.failuresOfLongestPause, bootID, clock)
            problem =
                "\(error); the first attempt to unlock has to wait for \(AttemptRecord.longestPause), and the file is "
                + "written anew then"
        }
        self.fallback = fallback
        self.lanes = Mutex(lanes)
        self.problem = Mutex(problem)
    }

    /// What is wrong with the file, for people; nil when nothing is.
    public var warning: String? { problem.withLock { $0 } }

    /// How long the user has to wait before another attempt.
    public func retryAfter(uid: UInt32) -> Duration {
        lanes.withLock { lanes in record(uid, in: lanes)?.remaining(bootID, clock) ?? .zero }
    }

    /// Waits for the user's earlier attempts, and for the pause after wrong ones, in the order of the calls.
    ///
    /// - Parameter wait: whether to wait for a pause. Attempts that are under way are waited for in any case: they take
    ///   a second.
    /// - Parameter isWanted: asked several times a second while waiting.
    /// - Throws: `.rateLimited` when there is a pause and `wait` is false; `.cancelled` when nobody wants it any more.
    public func begin(uid: UInt32, wait: Bool, isWanted: () -> Bool) throws(AttemptError) -> Attempt {
        let waiter = Waiter()
        lanes.withLock { $0[uid, default: Lane(record: fallback)].waiting.append(waiter) }
        while true {
            let state = lanes.withLock { lanes -> (isOurs: Bool, pause: Duration) in
                let pause = lanes[uid]?.record?.remaining(bootID, clock) ?? .zero
                guard lanes[uid]?.isBusy == false, lanes[uid]?.waiting.first === waiter, pause == .zero else {
                    return (false, pause)
                }
                lanes[uid]?.isBusy = true
                lanes[uid]?.waiting.removeFirst()
                return (true, pause)
            }
            if state.isOurs { return Attempt(self, uid) }
            if state.pause > .zero, !wait {
                leave(uid, waiter)
                throw AttemptError(.rateLimited, retryAfter: state.pause)
            }
            guard isWanted() else {
                leave(uid, waiter)
                throw AttemptError(.cancelled)
            }
            let time = state.pause > .zero ? min(state.pause, Self.look) : Self.look
            _ = waiter.turn.wait(timeout: .now() + .milliseconds(Int(time / .milliseconds(1)) + 1))
        }
    }

    /// One attempt, from its turn on. Tell it how it ended; one that is let go without that counts as none.
    public final class Attempt: Sendable {
        private let gate: AttemptGate
        private let uid: UInt32
        private let isOver = Mutex(false)

        fileprivate init(_ gate: AttemptGate, _ uid: UInt32) {
            self.gate = gate
            self.uid = uid
        }

        deinit { finish { _ in } }

        /// The passphrase was right: earlier wrong ones are forgotten.
        public func succeeded() { finish { $0 = nil } }

        /// The passphrase was wrong.
        ///
        /// - Returns: how long the next attempt has to wait.
        @discardableResult
        public func failed() -> Duration {
            finish { record in
                let failures = min((record?.failures ?? 0) + 1, AttemptRecord.mostFailures)
                record = AttemptRecord(failures: failures, gate.bootID, gate.clock)
            }
            return gate.retryAfter(uid: uid)
        }

        private func finish(_ change: (inout AttemptRecord?) -> Void) {
            let isFirst = isOver.withLock { over in
                defer { over = true }
                return !over
            }
            if isFirst { gate.finish(uid, change) }
        }
    }

    // MARK: Lanes

    /// Changes the record, keeps it, and lets the next one have its turn, in this order.
    private func finish(_ uid: UInt32, _ change: (inout AttemptRecord?) -> Void) {
        let isChanged = lanes.withLock { lanes -> Bool in
            let before = lanes[uid]?.record
            var record = before
            change(&record)
            lanes[uid]?.record = record
            return record != before
        }
        // The user's lane is still busy; nobody else waits for the disk.
        if isChanged { save() }
        lanes.withLock { lanes in
            lanes[uid]?.isBusy = false
            lanes[uid]?.waiting.first?.turn.signal()
        }
    }

    private func leave(_ uid: UInt32, _ waiter: Waiter) {
        lanes.withLock { lanes in
            lanes[uid]?.waiting.removeAll { $0 === waiter }
            lanes[uid]?.waiting.first?.turn.signal()
        }
    }

    private func record(_ uid: UInt32, in lanes: [UInt32: Lane]) -> AttemptRecord? {
        if let lane = lanes[uid] { return lane.record }
        return fallback
    }

    // MARK: The file

    private static func read(_ path: FilePath) throws(StorageError) -> String? {
        let storage = PosixStorage()
        guard try storage.status(of: path) != nil else { return nil }
        let file = try storage.open(path)
        let size = try file.status().size
        guard size <= AttemptText.sizeLimit else { throw StorageError(.failed, operation: "understand", path: path) }
        guard let text = String(validating: try file.bytes(count: Int(size), at: 0), as: UTF8.self) else {
            throw StorageError(.failed, operation: "understand", path: path)
        }
        return text
    }

    private func save() {
        saving.withLock { _ in
            let records = lanes.withLock { $0.compactMapValues(\.record) }
            do throws(StorageError) {
                try PrivateDirectory.ensure(path.removingLastComponent())
                try AtomicFile.write(Array(AttemptText(records: records).text.utf8), to: path)
                problem.withLock { $0 = nil }
            } catch {
                problem.withLock { $0 = "\(error); pauses after wrong passphrases end with the agent" }
            }
        }
    }
}

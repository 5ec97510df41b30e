public import BlazeModel
public import BlazePlatform
internal import Synchronization
public import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The agent's jobs: those that are active, and the last ones that are over. Holds a map, and does no I/O under its lock,
/// so that asking for them never waits for a disk.
///
/// Whoever begins a job is the only one that tells of its start, progress and end.
public final class JobRegistry: Sendable {
    /// So many jobs that are over are kept.
    public static let keptJobs = 100
    private static let keptProblems = 20
    /// Progress is told so often at most.
    private static let tellInterval: Duration = .milliseconds(100)

    struct Entry {
        var job: Job
        var pace = JobPace()
        var told: ContinuousClock.Instant?
        /// Why it was asked to end.
        var cancellation: JobFailure?
        /// A thread is about to put right what it left.
        var isBeingResolved = false
    }

    struct State {
        var entries: [UInt64: Entry] = [:]
        var last: UInt64 = 0
        var stopping: JobFailure?
        /// What is wrong with the journal, for people.
        var problems: [String] = []
    }

    let journal: JobJournal
    let state: Mutex<State>
    /// Told of every change, and of progress now and then.
    public let changes = ChangeNotices()

    /// Says that the journal is this process's alone.
    private let lock: LockFile?

    /// The jobs of a directory's journal. Those that were not over are interrupted.
    ///
    /// - Parameter held: the lock that keeps other agents off the journal.
    public init(directory: FilePath, held: LockFile? = nil) {
        lock = held
        journal = JobJournal(directory: directory)
        let contents = journal.load()
        var initial = State(last: contents.highest, problems: contents.problems)
        for job in contents.jobs { initial.entries[job.id] = Entry(job: job) }
        state = Mutex(initial)
        forgetOldest()
    }

    // MARK: Looking

    /// All jobs, the newest first.
    public var all: [Job] { state.withLock { $0.entries.values.map(\.job) }.sorted { $0.id > $1.id } }

    /// A job by its number.
    ///
    /// - Throws: `notFound`.
    public func job(_ id: UInt64) throws(JobError) -> Job {
        guard let job = state.withLock({ $0.entries[id]?.job }) else { throw JobError(noJob: id) }
        return job
    }

    /// The job that works on a database, or waits to.
    public func active(on path: FilePath) -> Job? {
        state.withLock { $0.entries.values.first { $0.job.state.isActive && $0.job.path == path }?.job }
    }

    /// Whether a job holds the lock of a database, and may be changing its files.
    public func isChanging(_ path: FilePath) -> Bool {
        active(on: path).map { $0.state != .waiting && $0.kind.changesDatabase } ?? false
    }

    /// What is wrong with the journal, for people.
    public var problems: [String] { state.withLock { $0.problems } }

    /// Why a job was asked to end; nil when it was not.
    public func cancellation(of id: UInt64) -> JobFailure? { state.withLock { $0.entries[id]?.cancellation } }

    // MARK: A job's life

    /// Takes down a job that is about to wait for its database's lock, or to work.
    ///
    /// - Throws: `busy` when another one works on the database, `journalFailed`, `stopping`.
    public func begin(
        _ kind: JobKind, on path: FilePath, title: String, clientProcessID: Int32
    ) throws(JobError) -> Job {
        let now = Self.now()
        let begun: Result<Job, JobError> = state.withLock { state in
            if let stopping = state.stopping { return .failure(JobError(.stopping, stopping.message)) }
            if let other = state.entries.values.first(where: { $0.job.state.isActive && $0.job.path == path }) {
                return .failure(JobError(busyWith: other.job))
            }
            state.last += 1
            let job = Job(
                id: state.last, kind: kind, path: path, title: title, clientProcessID: clientProcessID, started: now)
            state.entries[job.id] = Entry(job: job)
            return .success(job)
        }
        let job = try begun.get()
        do throws(StorageError) {
            try journal.write(job)
        } catch {
            state.withLock { _ = $0.entries.removeValue(forKey: job.id) }
            throw JobError(error)
        }
        changes.tell()
        return job
    }

    /// The job has the lock and works from now on.
    ///
    /// - Parameter file: the file that the job will replace, as it is now.
    /// - Throws: `journalFailed`.
    public func start(_ id: UInt64, replacing file: FileIdentity) throws(JobError) {
        let job = change(id) { job in
            if job.state == .waiting { job.state = .running }
            job.file = file
            job.holder = nil
        }
        guard let job else { return }
        do throws(StorageError) {
            try journal.write(job)
        } catch {
            throw JobError(error)
        }
        changes.tell()
    }

    /// The job waits for a lock that somebody holds.
    public func wait(_ id: UInt64, for holder: LockHolder?) {
        let before = state.withLock { $0.entries[id]?.job.holder }
        guard before != holder else { return }
        change(id) { $0.holder = holder }
        changes.tell()
    }

    /// How far the job is.
    public func report(_ id: UInt64, phase: String, done: Int, total: Int) {
        let now = ContinuousClock.now
        let isDue = state.withLock { state -> Bool in
            guard var entry = state.entries[id] else { return false }
            let isNew = entry.job.progress?.phase != phase
            entry.job.progress = entry.pace.progress(phase, done: done, total: total, at: now)
            let isDue = isNew || entry.told.map { now - $0 >= Self.tellInterval } ?? true
            if isDue { entry.told = now }
            state.entries[id] = entry
            return isDue
        }
        if isDue { changes.tell() }
    }

    /// Something was put right when the job's database was opened.
    public func note(_ id: UInt64, _ steps: [JobRecovery]) {
        guard !steps.isEmpty else { return }
        change(id) { $0.recovery += steps }
        changes.tell()
    }

    /// The job is over.
    ///
    /// - Parameter moment: when it was, in nanoseconds since 1970.
    public func end(
        _ id: UInt64, _ state: JobState, outcome: JobOutcome? = nil, failure: JobFailure? = nil, at moment: Int64
    ) {
        // It counts as active until it is written down, so that nobody is told of an end that the next agent does not know.
        guard var job = self.state.withLock({ $0.entries[id]?.job }) else { return }
        job.state = state
        job.outcome = outcome
        job.failure = failure
        job.ended = moment
        job.holder = nil
        writeDown(job)
        change(id) { $0 = job }
        forgetOldest()
        changes.tell()
    }

    /// Asks a job to end. One that is over stays as it is.
    ///
    /// - Returns: the job as it is then.
    /// - Throws: `notFound`.
    public func cancel(_ id: UInt64, because failure: JobFailure) throws(JobError) -> Job {
        let job: Job? = state.withLock { state in
            guard var entry = state.entries[id] else { return nil }
            Self.cancel(&entry, failure)
            state.entries[id] = entry
            return entry.job
        }
        guard let job else { throw JobError(noJob: id) }
        changes.tell()
        return job
    }

    /// Asks all jobs to end, and lets none begin.
    public func stop(because failure: JobFailure) {
        state.withLock { state in
            state.stopping = failure
            for id in state.entries.keys {
                if var entry = state.entries[id] {
                    Self.cancel(&entry, failure)
                    state.entries[id] = entry
                }
            }
        }
        changes.tell()
    }

    private static func cancel(_ entry: inout Entry, _ failure: JobFailure) {
        guard entry.job.state.isActive, entry.cancellation == nil else { return }
        entry.cancellation = failure
        entry.job.state = .cancelling
    }

    // MARK: Within

    @discardableResult
    func change(_ id: UInt64, _ body: (inout Job) -> Void) -> Job? {
        state.withLock { state in
            guard var job = state.entries[id]?.job else { return nil }
            body(&job)
            state.entries[id]?.job = job
            return job
        }
    }

    /// Writes down how a job ended. When that fails the next agent takes it for interrupted, and looks for itself.
    func writeDown(_ job: Job) {
        do throws(StorageError) {
            try journal.write(job)
        } catch {
            note("the end of job \(job.id) could not be written down: \(error)")
        }
    }

    private func forgetOldest() {
        let old = state.withLock { state in
            let over = state.entries.values.map(\.job).filter(\.state.isOver)
            let old = over.sorted { ($0.ended ?? 0, $0.id) > ($1.ended ?? 0, $1.id) }.dropFirst(Self.keptJobs).map(\.id)
            for id in old { state.entries[id] = nil }
            return old
        }
        do throws(StorageError) {
            try journal.remove(old)
        } catch {
            note("old jobs could not be removed from the journal: \(error)")
        }
    }

    private func note(_ problem: String) {
        state.withLock { state in
            state.problems.append(problem)
            if state.problems.count > Self.keptProblems { state.problems.removeFirst() }
        }
    }

    /// Nanoseconds since 1970.
    public static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000_000) }
}

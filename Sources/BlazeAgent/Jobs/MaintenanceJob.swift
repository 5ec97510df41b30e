internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Logging
internal import Synchronization

/// The work of one job, on a thread of its own: takes the lock, puts right what a crash left, does the task, and gives everything
/// back before the job counts as over.
final class MaintenanceJob: Sendable {
    /// What the job holds from its beginning, and gives back at its end.
    struct Held {
        let key: JobKey?
        let use: KeyUse
        /// The lock, where it was free.
        var lease: DatabaseLease?
    }

    private let state: AgentState
    private let job: Job
    private let database: LocatedDatabase
    private let task: MaintenanceTask
    private let wait: Duration
    private let held: Mutex<Held?>

    init(
        _ job: Job, _ task: MaintenanceTask, on database: LocatedDatabase, within wait: Duration,
        holding held: sending Held, _ state: AgentState
    ) {
        self.job = job
        self.task = task
        self.database = database
        self.wait = wait
        self.held = Mutex(held)
        self.state = state
    }

    /// How the work ended, and when.
    private struct End {
        var state: JobState
        var outcome: JobOutcome?
        var failure: JobFailure?
        var moment = JobRegistry.now()
    }

    /// Carries the job out, to its end.
    func run() {
        let end = work()
        state.jobs.end(job.id, end.state, outcome: end.outcome, failure: end.failure, at: end.moment)
        state.log.info(
            "job over",
            metadata: [
                "job": "\(job.id)", "kind": "\(job.kind.rawValue)", "state": "\(end.state.rawValue)",
                "failure": "\(end.failure?.name ?? "none")",
            ])
    }

    private func work() -> End {
        let taken = held.withLock { held -> Held? in
            defer { held = nil }
            return held
        }
        do {
            guard let taken else { throw Fault(.internal, "the job has begun twice") }
            return try work(taken)
        } catch {
            let fault = error as? Fault ?? Fault(reporting: error)
            let isAsked: Set<FaultCode> = [.cancelled, .released, .lockedMeanwhile, .stopping]
            return End(state: isAsked.contains(fault.code) ? .cancelled : .failed, failure: JobFailure(fault))
        }
    }

    private func work(_ held: Held) throws -> End {
        let lease = try held.lease ?? (task.lockUse == .required ? takeLock(held) : nil)
        guard let lease else { return try observe(held) }
        guard let lock = lease.dataLock else { throw Fault(.internal, "the job has no lock") }
        try check(held, lease)
        let files = database.files
        let meta = try state.changing.status(of: files.meta)?.identity
        try state.jobs.start(job.id, replacing: task.kind.replacesData ? lock.identity : meta ?? lock.identity)
        let locks: [any FileLock] = (lease.asideLock.map { [$0] } ?? []) + [lock]
        func run(_ key: DatabaseKey.Shared?) throws -> End {
            let outcome = try task.run(
                files, in: state.changing, key: key, locks: locks, recovered: noteRecovery(of: files, meta),
                progress: progress(held, lease))
            return End(state: .done, outcome: outcome)
        }
        return try held.key.map { try $0.use(run) } ?? run(nil)
    }

    /// Does what needs no lock, beside whoever has the database open.
    private func observe(_ held: Held) throws -> End {
        try check(held, nil)
        guard let data = try state.changing.status(of: database.files.data)?.identity else {
            throw Fault(.notFound, "\(database.title) is not there", target: database.title)
        }
        try state.jobs.start(job.id, replacing: data)
        guard let key = held.key else { throw Fault(.internal, "the job has no key") }
        return try key.use { key in
            let outcome = try task.run(
                database.files, in: state.changing, key: key, locks: [], recovered: { _ in },
                progress: progress(held, nil))
            return End(state: .done, outcome: outcome)
        }
    }

    /// Keeps what opening has put right, for this job and for those that had left it.
    private func noteRecovery(of files: FileSet, _ meta: FileIdentity?) -> ([RecoveryStep]) -> Void {
        { [self] steps in
            state.jobs.note(job.id, steps.map(JobRecovery.init))
            // Without a data file there is none that could tell of a job that was through.
            let data = (try? state.changing.status(of: files.data)) ?? nil
            state.jobs.settleInterrupted(on: database.path, files: (data?.identity, meta), steps)
        }
    }

    private func takeLock(_ held: Held) throws -> DatabaseLease {
        let seeker = LockSeeker(state, task.operation, client: job.clientProcessID, abandon: {})
        let lease = try seeker.lease(database, within: wait) { holder in
            try check(held, nil)
            state.jobs.wait(job.id, for: holder())
            return true
        }
        guard let lease else { throw Fault(.internal, "the job has no lock") }
        return lease
    }

    private func progress(_ held: Held, _ lease: DatabaseLease?) -> (MaintenanceProgress) throws -> Void {
        { [self] progress in
            state.jobs.report(job.id, phase: progress.phase.rawValue, done: progress.done, total: progress.total)
            held.key?.noteUse()
            // While the files are swapped there is nothing to go back to, and the end is near.
            if progress.phase != .swapping { try check(held, lease) }
        }
    }

    /// Ends the job when it was asked to end, its database locked, or its lock wanted by somebody.
    private func check(_ held: Held, _ lease: DatabaseLease?) throws {
        if let failure = state.jobs.cancellation(of: job.id) { throw Fault(failure, target: database.title) }
        try held.use.check()
        // A job that works has its key; another unlock may have put a newer session in the place of the one it is from.
        guard lease != nil || held.key?.isValid != false else { throw Fault.lockedBeforeTheEnd(database.title) }
        try lease?.check()
    }
}

extension JobRecovery {
    init(_ step: RecoveryStep) {
        self.init(kind: step.kind.rawValue, message: step.message)
    }
}

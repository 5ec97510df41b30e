internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Dispatch

/// Begins a job: everything that can be told at once is told as a fault, before there is a job.
enum MaintenanceStart {
    /// - Parameters:
    ///   - wait: how long to wait for the lock, in nanoseconds.
    ///   - secret: the database's password, where one came along.
    /// - Returns: the job, which a thread works on.
    static func begin(
        _ task: MaintenanceTask, on database: LocatedDatabase, wait: UInt64, secret: inout SecretBytes?,
        iterations: UInt32?, _ call: Call
    ) throws -> Job {
        let state = call.state
        let wait = Duration.nanoseconds(Int64(clamping: wait))
        guard wait <= DatabaseAccess.longestWait else { throw Fault(.invalidRequest, "a wait is at most a day") }
        if let other = state.jobs.active(on: database.path) { throw busy(other, database, state) }
        let steps = try bringBack(database, state)
        let use = state.keyUses.begin(database, abandon: {})
        let key: JobKey? =
            switch task.need {
            case .nothing: nil
            case .metadata:
                try JobKey(
                    database, secret: &secret, iterations: iterations, state, checksSalt: task.kind == .backup)
            case .anything: try JobKey(database, secret: &secret, iterations: iterations, state, isRescue: true)
            }
        try use.check()
        let seeker = LockSeeker(state, task.operation, client: call.peer.processID, abandon: {})
        let lease = try lease(task, database, seeker, waits: wait != .zero)
        let job: Job
        do throws(JobError) {
            job = try state.jobs.begin(
                task.kind, on: database.path, title: database.title, clientProcessID: call.peer.processID)
        } catch {
            guard error.code == .busy, let other = state.jobs.active(on: database.path) else { throw error }
            throw busy(other, database, state)
        }
        state.jobs.note(job.id, steps)
        let work = MaintenanceJob(
            job, task, on: database, within: wait, holding: MaintenanceJob.Held(key: key, use: use, lease: lease), state
        )
        let threads = state.jobThreads
        threads.enter()
        do throws(ThreadError) {
            try spawnThread(named: "job") {
                work.run()
                threads.leave()
            }
        } catch {
            threads.leave()
            state.jobs.end(job.id, .failed, failure: JobFailure(Fault(reporting: error)), at: JobRegistry.now())
            throw error
        }
        return job
    }

    /// The lock, as far as the task takes it now; nil where it waits for it, or does without.
    private static func lease(
        _ task: MaintenanceTask, _ database: LocatedDatabase, _ seeker: LockSeeker, waits: Bool
    ) throws -> DatabaseLease? {
        switch task.lockUse {
        case .required: return try seeker.lease(database, within: .zero) { _ in !waits }
        case .none: return nil
        case .preferred:
            do {
                return try seeker.lease(database, within: .zero) { _ in true }
            } catch let fault as Fault where fault.code == .busy {
                return nil
            }
        }
    }

    private static func busy(_ job: Job, _ database: LocatedDatabase, _ state: AgentState) -> Fault {
        var fault = Fault(reporting: JobError(busyWith: job))
        fault.target = database.title
        fault.holder = LockHolder(processID: state.processID, executable: Executables.own())
        return fault
    }

    /// A data file that an interrupted vacuum has moved aside is put back into its place, or the new one into it, since
    /// without one there is nothing to take a lock of and nothing to verify a key by.
    private static func bringBack(_ database: LocatedDatabase, _ state: AgentState) throws -> [JobRecovery] {
        let files = database.files
        guard try state.changing.status(of: files.data) == nil,
            try state.changing.status(of: files.dataAside) != nil
        else { return [] }
        let lock: any FileLock
        do throws(StorageError) {
            lock = try state.changing.lock(files.dataAside)
        } catch {
            guard error.code == .locked else { throw error }
            throw Fault(
                .busy, "\(database.title) is busy: another process is swapping its files", hint: "try again",
                target: database.title, holder: files.ownership(in: state.storage).holders.first)
        }
        let (_, steps) = try FileRecovery.resolve(files, in: state.changing, locks: [lock])
        state.jobs.settleInterrupted(
            on: database.path,
            files: (
                try state.changing.status(of: files.data)?.identity, try state.changing.status(of: files.meta)?.identity
            ), steps)
        return steps.map(JobRecovery.init)
    }
}

public import BlazeEngine
internal import BlazeModel
public import BlazePlatform
internal import Synchronization
public import SystemPackage

/// What an agent left that ended too early is put right by the next one: under the database's lock, and without a key.
extension JobRegistry {
    /// Puts right what interrupted jobs left. Those whose database another process has open stay interrupted.
    public func resolveInterrupted(in storage: any ChangingStorage) {
        for job in takeInterrupted() { settle(job) { resolve(job, in: storage) } }
    }

    /// The interrupted jobs of a database that has been opened for a change, which put right whatever they had left.
    ///
    /// - Parameters:
    ///   - files: what tells of a job that was through: the data file, or the metadata for gc.
    ///   - steps: what was put right.
    public func settleInterrupted(
        on path: FilePath, files: (data: FileIdentity?, meta: FileIdentity?), _ steps: [RecoveryStep]
    ) {
        let kinds = Set(steps.map(\.kind))
        let outcome: FileRecovery.Outcome =
            kinds.isDisjoint(with: [.vacuumFinished, .repairFinished])
            ? kinds.isDisjoint(with: [.vacuumUndone, .repairUndone]) ? .nothing : .old : .new
        for job in takeInterrupted(on: path) {
            // A backup leaves nothing beside the database, and what it had begun is removed where it was begun.
            let outcome = job.kind.changesDatabase ? outcome : .old
            settle(job) { resolved(job, outcome, steps, now: job.kind.replacesData ? files.data : files.meta) }
        }
    }

    /// The interrupted jobs that no other thread is about to resolve, for this one to do it.
    private func takeInterrupted(on path: FilePath? = nil) -> [Job] {
        state.withLock { state in
            let busy = Set(state.entries.values.filter(\.job.state.isActive).map(\.job.path))
            let found = state.entries.values.filter { entry in
                guard entry.job.state == .interrupted, !entry.isBeingResolved else { return false }
                // A job that works on the database does it itself, when it has the lock.
                return path.map { entry.job.path == $0 } ?? !busy.contains(entry.job.path)
            }
            for entry in found { state.entries[entry.job.id]?.isBeingResolved = true }
            return found.map(\.job).sorted { $0.id < $1.id }
        }
    }

    private func settle(_ job: Job, _ body: () -> Job) {
        let now = body()
        if now.state.isOver { writeDown(now) }
        state.withLock { state in
            state.entries[job.id]?.job = now
            state.entries[job.id]?.isBeingResolved = false
        }
        if now != job { changes.tell() }
    }

    private func resolve(_ job: Job, in storage: any ChangingStorage) -> Job {
        guard job.kind.changesDatabase else { return resolved(job, .old, [], now: nil) }
        let files = FileSet(data: job.path)
        do {
            guard let lock = try Self.lock(files, in: storage) else {
                guard job.file != nil else { return resolved(job, .nothing, [], now: nil) }
                // Its disk may come back.
                return still(job, named: "not-found", "the database is not there now")
            }
            let (outcome, steps) = try FileRecovery.resolve(files, in: storage, locks: [lock])
            return resolved(
                job, outcome, steps,
                now: try storage.status(of: job.kind.replacesData ? files.data : files.meta)?.identity)
        } catch let error as EngineError where error.code != .replacedMeanwhile {
            return still(job, named: error.code.rawValue, error.description, hint: error.hint ?? "")
        } catch let error as StorageError where error.code != .locked {
            return still(job, named: "cannot-change", "\(error)")
        } catch {
            let holder = files.ownership(in: storage).holders.first
            let who = holder.map { "it is open in \($0.title)" } ?? "another process has it open"
            return still(
                job, named: "busy", "what it left is put right when \(job.title) is free: \(who)", holder)
        }
    }

    /// The lock under which files may be put right: the data file's, or that of the one set aside when there is no data
    /// file; nil when neither is there.
    ///
    /// A vacuum of an owner's holds the old data file aside while the new one stands in its place, for a moment without a
    /// lock of its own (FORMAT.md 7.4), so nobody may have that one locked either.
    private static func lock(_ files: FileSet, in storage: any ChangingStorage) throws(StorageError) -> (any FileLock)?
    {
        let aside = try storage.status(of: files.dataAside)
        guard let data = try storage.status(of: files.data) else {
            return aside == nil ? nil : try storage.lock(files.dataAside)
        }
        let lock = try storage.lock(files.data)
        // Ours have one file under both names for a while.
        if let aside, aside.identity != data.identity { _ = try storage.lock(files.dataAside) }
        return lock
    }

    private func resolved(
        _ job: Job, _ outcome: FileRecovery.Outcome, _ steps: [RecoveryStep], now: FileIdentity?
    ) -> Job {
        var job = job
        job.recovery += steps.map { JobRecovery(kind: $0.kind.rawValue, message: $0.message) }
        job.state = outcome == .new ? .finishedAfterRestart : .rolledBack
        // Where nothing was left over, it had either not come as far as that, or was through with it.
        if outcome == .nothing, let before = job.file, let now, now != before {
            job.state = .finishedAfterRestart
        }
        job.failure = nil
        job.holder = nil
        job.ended = Self.now()
        return job
    }

    private func still(
        _ job: Job, named name: String, _ message: String, _ holder: LockHolder? = nil, hint: String = ""
    ) -> Job {
        var job = job
        job.failure = JobFailure(name: name, message: message, hint: hint)
        job.holder = holder
        return job
    }
}

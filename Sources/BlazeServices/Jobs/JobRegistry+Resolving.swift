internal import BlazeEngine
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

    /// The same for one database, whose lock the caller holds.
    public func resolveInterrupted(on path: FilePath, in storage: any ChangingStorage, under lease: any FileLock) {
        for job in takeInterrupted(on: path) { settle(job) { resolve(job, in: storage, under: lease) } }
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
        let files = FileSet(data: job.path)
        do throws(StorageError) {
            guard let locks = try ResolvingLocks(files, in: storage) else {
                return over(job, .failed, "not-found", "the database is not there any more")
            }
            return resolve(job, in: storage, under: locks.effective)
        } catch {
            guard error.code == .locked else { return still(job, "\(error)") }
            let holder = files.ownership(in: storage).holders.first
            let who = holder.map { "it is open in \($0.title)" } ?? "another process has it open"
            return still(job, "what it left is put right when \(job.title) is free: \(who)", holder)
        }
    }

    private func resolve(_ job: Job, in storage: any ChangingStorage, under lease: any FileLock) -> Job {
        let files = FileSet(data: job.path)
        do {
            let (outcome, steps) = try FileRecovery.resolve(files, in: storage, lease: lease)
            var resolved = job
            resolved.recovery += steps.map { JobRecovery(kind: $0.kind.rawValue, message: $0.message) }
            resolved.state = .rolledBack
            switch outcome {
            case .new: resolved.state = .finishedAfterRestart
            case .old: break
            case .nothing:
                // Nothing was left over: either it had not come as far as that, or it was through with it.
                if job.kind == .vacuum, let before = job.dataFile,
                    let after = try storage.status(of: job.path)?.identity, after != before
                {
                    resolved.state = .finishedAfterRestart
                }
            }
            resolved.failure = nil
            resolved.holder = nil
            resolved.ended = Self.now()
            return resolved
        } catch let error as EngineError {
            return still(job, error.description, hint: error.hint ?? "")
        } catch {
            return still(job, "\(error)")
        }
    }

    private func over(_ job: Job, _ state: JobState, _ name: String, _ message: String) -> Job {
        var job = job
        job.state = state
        job.failure = JobFailure(name: name, message: message, hint: "")
        job.holder = nil
        job.ended = Self.now()
        return job
    }

    private func still(_ job: Job, _ message: String, _ holder: LockHolder? = nil, hint: String = "") -> Job {
        var job = job
        job.failure = JobFailure(name: holder == nil ? "damaged" : "busy", message: message, hint: hint)
        job.holder = holder
        return job
    }
}

/// The locks under which a database's files may be put right. A vacuum of an owner's holds the old data file aside while the
/// new one stands in its place, for a moment without a lock of its own (FORMAT.md 7.4): the one aside is locked first.
private struct ResolvingLocks {
    private let aside: (any FileLock)?
    private let data: (any FileLock)?
    /// The lock that counts: the data file's, or the other's when there is no data file.
    let effective: any FileLock

    /// Nil when neither file is there.
    init?(_ files: FileSet, in storage: any ChangingStorage) throws(StorageError) {
        aside = try storage.status(of: files.dataAside) == nil ? nil : try storage.lock(files.dataAside)
        data = try storage.status(of: files.data) == nil ? nil : try storage.lock(files.data)
        guard let effective = data ?? aside else { return nil }
        self.effective = effective
    }
}

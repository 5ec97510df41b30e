public import BlazeModel
public import BlazePlatform
public import SystemPackage

/// A long operation on one database, as it stands now.
public struct Job: Sendable, Equatable {
    /// Its number: the later a job, the higher.
    public let id: UInt64
    /// What it does.
    public let kind: JobKind
    /// The data file.
    public let path: FilePath
    /// The name by which people knew the database when the job began.
    public let title: String
    /// The client that began it.
    public let clientProcessID: Int32
    /// When it began, in nanoseconds since 1970.
    public let started: Int64
    /// Where it stands.
    public internal(set) var state: JobState = .waiting
    /// When it was over, in nanoseconds since 1970; nil while it is not.
    public internal(set) var ended: Int64?
    /// How far it is; nil before its first phase.
    public internal(set) var progress: JobProgress?
    /// What it has done; nil unless it is done.
    public internal(set) var outcome: JobOutcome?
    /// Why it failed, was cancelled, or is still to be put right.
    public internal(set) var failure: JobFailure?
    /// What was put right when the database was opened, or after the agent had ended too early.
    public internal(set) var recovery: [JobRecovery] = []
    /// While it waits: who holds the lock, where that is known.
    public internal(set) var holder: LockHolder?
    /// The file that the job replaces, when it began to work: the metadata for gc, else the data file. Another one
    /// afterwards is the one that it made.
    public internal(set) var file: FileIdentity?

    init(id: UInt64, kind: JobKind, path: FilePath, title: String, clientProcessID: Int32, started: Int64) {
        self.id = id
        self.kind = kind
        self.path = path
        self.title = title
        self.clientProcessID = clientProcessID
        self.started = started
    }
}

/// How far a job is.
public struct JobProgress: Sendable, Equatable {
    /// A stable name, such as `writing`.
    public var phase: String
    /// Records done in this phase.
    public var done: Int
    /// Of so many.
    public var total: Int
    /// Records a second, smoothed; nil while it cannot be told.
    public var rate: Double?
    /// Seconds that are left of the phase; nil while it cannot be told.
    public var secondsLeft: Double?

    /// A job's progress.
    public init(phase: String, done: Int, total: Int, rate: Double? = nil, secondsLeft: Double? = nil) {
        self.phase = phase
        self.done = done
        self.total = total
        self.rate = rate
        self.secondsLeft = secondsLeft
    }
}

/// What a job has done.
public enum JobOutcome: Sendable, Equatable, Codable {
    /// What a vacuum has done.
    case vacuum(Vacuum)
    /// What a garbage collection has done.
    case collection(Collection)
    /// What a repair has done.
    case repair(RepairOutcome)
    /// Which files an undone repair had kept: the directory that they came from.
    case repairUndo(StoredPath)
    /// Which backup was made.
    case backup(BackupOutcome)
    /// What a restore in place has done.
    case restore(RestoreOutcome)
    /// Which files an undone restore had kept: the directory that they came from.
    case restoreRollback(StoredPath)

    /// A vacuum's figures; sizes in bytes, of data file and metadata together.
    public struct Vacuum: Sendable, Equatable, Codable {
        /// Records that the database has.
        public var records: UInt64
        /// Entries of deleted records that the index does not have any more.
        public var entriesRemoved: UInt64
        /// Records that the index did not have, and that are lost.
        public var unindexedDropped: UInt64
        /// The size before.
        public var bytesBefore: UInt64
        /// The size after.
        public var bytesAfter: UInt64
        /// False when there was nothing to gain, and nothing was done.
        public var isRewritten: Bool
        /// The backup that was taken first.
        public var backup: String?

        /// Figures.
        public init(
            records: UInt64, entriesRemoved: UInt64, unindexedDropped: UInt64, bytesBefore: UInt64, bytesAfter: UInt64,
            isRewritten: Bool
        ) {
            self.records = records
            self.entriesRemoved = entriesRemoved
            self.unindexedDropped = unindexedDropped
            self.bytesBefore = bytesBefore
            self.bytesAfter = bytesAfter
            self.isRewritten = isRewritten
        }
    }

    /// A garbage collection's figures; sizes in bytes, of data file and metadata together.
    public struct Collection: Sendable, Equatable, Codable {
        /// Pages put on the free list.
        public var pagesFreed: UInt64
        /// Pages cut off at the end of the file.
        public var pagesCut: UInt64
        /// Entries of deleted records that the index does not have any more.
        public var entriesRemoved: UInt64
        /// The size before.
        public var bytesBefore: UInt64
        /// The size after.
        public var bytesAfter: UInt64

        /// Figures.
        public init(
            pagesFreed: UInt64, pagesCut: UInt64, entriesRemoved: UInt64, bytesBefore: UInt64, bytesAfter: UInt64
        ) {
            self.pagesFreed = pagesFreed
            self.pagesCut = pagesCut
            self.entriesRemoved = entriesRemoved
            self.bytesBefore = bytesBefore
            self.bytesAfter = bytesAfter
        }
    }
}

/// Why a job is not done, in the words that its clients are told.
public struct JobFailure: Sendable, Equatable, Codable {
    /// A stable name, such as `busy`.
    public var name: String
    /// What happened.
    public var message: String
    /// What to do next; may be empty.
    public var hint: String

    /// A failure.
    public init(name: String, message: String, hint: String) {
        self.name = name
        self.message = message
        self.hint = hint
    }
}

/// Something that was put right about a database's files.
public struct JobRecovery: Sendable, Equatable, Codable {
    /// A stable name, such as `wal-applied`.
    public var kind: String
    /// One sentence for a person.
    public var message: String

    /// A step.
    public init(kind: String, message: String) {
        self.kind = kind
        self.message = message
    }
}

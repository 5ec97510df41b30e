public import SystemPackage

/// A process that holds the lock of a data file (FORMAT.md 1.1), as far as the system tells.
public struct LockHolder: Sendable, Hashable {
    /// Its process id.
    public var processID: Int32
    /// Its user; nil when unknown.
    public var userID: UInt32?
    /// Its program; nil when unknown, as for another user's process.
    public var executable: FilePath?
    /// Its short name, as the system keeps it; nil when unknown.
    public var name: String?
    /// When the process started, in nanoseconds since 1970; nil when unknown. No system tells when a lock was taken:
    /// it has been held since then at the earliest.
    public var started: Int64?
    /// Whether the lock keeps everybody else out, as an owner's does, or only writers.
    public var isExclusive: Bool

    /// A holder.
    public init(
        processID: Int32, userID: UInt32? = nil, executable: FilePath? = nil, name: String? = nil,
        started: Int64? = nil, isExclusive: Bool = true
    ) {
        self.processID = processID
        self.userID = userID
        self.executable = executable
        self.name = name
        self.started = started
        self.isExclusive = isExclusive
    }
}

/// Whether a process has a database open (FORMAT.md 8.1a). It decides what a state means: what is normal beside a live
/// owner is what a crash leaves where there is none.
public enum Ownership: Sendable, Hashable {
    /// Another process holds the data file's lock.
    case owned([LockHolder])
    /// Nobody holds it.
    case free
    /// Others hold it together, for reading only: it has no owner, and nobody writes.
    case shared([LockHolder])
    /// The system does not tell, and why.
    case unknown(String)
    /// This process holds it, for an operation.
    case leased

    /// Who else holds the lock.
    public var holders: [LockHolder] {
        switch self {
        case .owned(let holders), .shared(let holders): holders
        case .free, .unknown, .leased: []
        }
    }

    /// Whether no other process can be writing, so that whatever is found stands still.
    public var isQuiet: Bool {
        switch self {
        case .free, .shared, .leased: true
        case .owned, .unknown: false
        }
    }

    /// Whether another process holds the lock.
    public var isOwned: Bool {
        if case .owned = self { return true }
        return false
    }
}

extension LockHolder {
    /// The holder for a person: its program's name, and its process id.
    public var title: String {
        let program = executable?.lastComponent.map { FilePath(root: nil, [$0]).displayString } ?? name
        return "\(program ?? "a process") (pid \(processID))"
    }
}

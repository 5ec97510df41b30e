/// Where a job stands.
public enum JobState: String, Sendable, Hashable, CaseIterable, Codable {
    /// It waits for the database's lock.
    case waiting
    /// It works.
    case running
    /// It was asked to end, and has not yet.
    case cancelling
    /// It has done what it was to do.
    case done
    /// It could not do it; the database is as it was.
    case failed
    /// It was asked to end, and has left the database as it was.
    case cancelled
    /// The agent ended before it did; what it had begun was undone.
    case rolledBack = "rolled-back"
    /// The agent ended before it did; what it had begun was brought to its end.
    case finishedAfterRestart = "finished-after-restart"
    /// The agent ended before it did, and what it left has not been put right yet.
    case interrupted

    /// Whether a thread of the agent works on it, or waits to.
    public var isActive: Bool {
        switch self {
        case .waiting, .running, .cancelling: true
        case .done, .failed, .cancelled, .rolledBack, .finishedAfterRestart, .interrupted: false
        }
    }

    /// Whether nothing of it is left to be done.
    public var isOver: Bool { !isActive && self != .interrupted }
}

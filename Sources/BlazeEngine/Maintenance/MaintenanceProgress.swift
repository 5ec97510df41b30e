/// How far a long operation has come. It is handed to the caller between slices of some 10 ms; what the caller throws ends
/// the operation, which leaves the database as it was.
public struct MaintenanceProgress: Sendable, Hashable {
    /// What the operation is doing.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// Putting right what was interrupted.
        case recovering
        /// Reading records.
        case reading
        /// Writing new files.
        case writing
        /// Reading the new files back.
        case verifying
        /// Putting the new files, or the new metadata, in place. Cannot be ended.
        case swapping
    }

    /// What the operation is doing.
    public let phase: Phase
    /// Records done in this phase.
    public let done: Int
    /// Records in all; 0 when that is not known.
    public let total: Int

    /// A progress.
    public init(_ phase: Phase, done: Int, total: Int) {
        self.phase = phase
        self.done = done
        self.total = total
    }
}

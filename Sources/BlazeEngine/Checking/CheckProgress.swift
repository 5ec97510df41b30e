/// How far a check has come. It is handed to the caller several times a second; what the caller throws ends the check.
public struct CheckProgress: Sendable, Hashable {
    /// What is being read.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// Indexed records.
        case records
        /// The headers of all pages, and the lists.
        case headers
        /// Pages that no record uses.
        case pages
    }

    /// What is being read.
    public let phase: Phase
    /// How many of these are done.
    public let done: Int
    /// How many there are; 0 when that is not known.
    public let total: Int

    init(_ phase: Phase, done: Int = 0, total: Int = 0) {
        self.phase = phase
        self.done = done
        self.total = total
    }
}

public import BlazeModel

/// What a read of all records found.
public struct ReadReport: Sendable {
    /// Records that could be read.
    public internal(set) var readable = 0
    /// Of these, those that BlazeDB's own counts and queries show.
    public internal(set) var visible = 0
    /// Of these, those marked as deleted (FORMAT.md 4.1).
    public internal(set) var hidden = 0
    /// Readable records by the layer that wrote them.
    public internal(set) var byKind: [RecordKind: Int] = [:]
    /// Indexed records whose page is zero: deleted, and the index not saved since (trap T4).
    public internal(set) var deleted = 0
    /// Records that another process kept changing while they were read: whether and what they are cannot be told.
    public internal(set) var unstable = 0
    /// Indexed records that could not be read.
    public internal(set) var unreadable = 0
    /// What was found, the gravest first.
    public internal(set) var findings: [Finding] = []
}

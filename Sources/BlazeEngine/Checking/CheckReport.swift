public import BlazeModel

/// What a check found.
public struct CheckReport: Sendable {
    /// The findings, the gravest first.
    public let findings: [Finding]
    /// How the pages are used.
    public let survey: PageSurvey
    /// What was read besides headers and metadata; nil for a quick check, which reads no record.
    public internal(set) var reading: CheckReading?

    /// The gravest finding's severity; nil when there are none.
    public var worst: Finding.Severity? { findings.map(\.severity).max() }
}

/// What a full check or a sample has read.
public struct CheckReading: Sendable, Hashable {
    /// Index entries when the check ended.
    public internal(set) var indexed = 0
    /// Index entries that were followed; as many as there are, but for a sample or beside a writer.
    public internal(set) var looked = 0
    /// Records that could be read.
    public internal(set) var readable = 0
    /// Of these, those that BlazeDB hides because they are marked as deleted.
    public internal(set) var hidden = 0
    /// Index entries whose page is zero.
    public internal(set) var deleted = 0
    /// Index entries whose record is damaged.
    public internal(set) var unreadable = 0
    /// Records that another process kept changing.
    public internal(set) var unstable = 0
    /// Whole records in pages that no index entry leads to. Not looked for by a sample.
    public internal(set) var unindexed = 0
    /// Pages that were authenticated, or that failed to be: each one counts once.
    public internal(set) var pages: UInt64 = 0
    /// Bytes of the records that were read, as they are stored.
    public internal(set) var bytes: UInt64 = 0
}

/// Something that a look at a database found, by a stable name. It tells places and counts, never a value.
public struct Finding: Sendable, Hashable {
    /// How much it matters.
    public enum Severity: String, Sendable, Hashable, Comparable, CaseIterable {
        /// Worth knowing; nothing to do.
        case note
        /// Waste, or a state that a tidy-up mends; no record is in danger.
        case advice
        /// Records are lost, unreadable or in danger.
        case damage

        /// note < advice < damage.
        public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
        private var rank: Int {
            switch self {
            case .note: 0
            case .advice: 1
            case .damage: 2
            }
        }
    }

    /// A finding's stable name: lower-case words joined by hyphens, never renamed.
    public struct Name: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The name as scripts see it.
        public let rawValue: String
        /// A name.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// The name as scripts see it.
        public var description: String { rawValue }
    }

    /// The stable name.
    public var name: Name
    /// How much it matters.
    public var severity: Severity
    /// The first page concerned, if the finding is about pages.
    public var page: UInt32?
    /// The record concerned, if the finding is about one.
    public var record: RecordID?
    /// How many places the finding stands for (pages, entries, files): at least 1.
    public var count: Int
    /// Whether it holds only if no process has the database open, which could not be found out.
    public var isPossible = false
    /// One sentence for a person.
    public var message: String

    /// A finding.
    public init(
        _ name: Name, _ severity: Severity, page: UInt32? = nil, record: RecordID? = nil, count: Int = 1,
        _ message: String
    ) {
        self.name = name
        self.severity = severity
        self.page = page
        self.record = record
        self.count = count
        self.message = message
    }
}

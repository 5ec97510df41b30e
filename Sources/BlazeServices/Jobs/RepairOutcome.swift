public import BlazeEngine
internal import BlazeModel

/// What a repair has done, as its job and the journal have it. Of each list the first ones; the counts are of all, and
/// `repair.json` in the directory that keeps the old files has them all.
public struct RepairOutcome: Sendable, Equatable, Codable {
    /// How many of each list are kept.
    public static let listed = 1000

    /// A record that something is told of.
    public struct Item: Sendable, Equatable, Codable {
        /// Its id; nil where nothing tells it.
        public var id: String?
        /// The page concerned.
        public var page: UInt32?
        /// Why, as a sentence or a stable word.
        public var reason: String
    }

    /// Records of one kind.
    public struct List: Sendable, Equatable, Codable {
        /// The first ones.
        public var items: [Item]
        /// How many there are.
        public var count: UInt64

        init(_ all: some Collection<Item>) {
            items = Array(all.prefix(RepairOutcome.listed))
            count = UInt64(all.count)
        }
    }

    /// Records of the database.
    public var records: UInt64
    /// What was done besides the records.
    public var steps: [JobRecovery]
    /// Records that came back although the index did not lead to them.
    public var recovered: List
    /// Records that the bytes did not hold any more.
    public var lost: List
    /// Records of which more than one copy was there.
    public var duplicates: List
    /// What rolling a transaction back has undone.
    public var rolledBack: List
    /// Entries of deleted records that went.
    public var deleted: UInt64
    /// Data file and metadata before, in bytes.
    public var bytesBefore: UInt64
    /// Data file and metadata after, in bytes.
    public var bytesAfter: UInt64
    /// False when there was nothing to repair.
    public var isRepaired = false
    /// The directory that keeps the old files.
    public var kept: StoredPath?
    /// The backup that was taken first.
    public var backup: String?

    /// What a plan says will be done.
    public init(_ plan: RepairPlan) {
        records = UInt64(plan.records)
        steps = plan.steps.map { JobRecovery(kind: $0.kind.rawValue, message: $0.message) }
        recovered = List(plan.recovered.lazy.map { Item(id: $0.id.description, page: $0.page, reason: $0.reason) })
        lost = List(plan.lost.lazy.map { Item(id: $0.id?.description, page: $0.page, reason: $0.reason) })
        duplicates = List(
            plan.duplicates.lazy.map {
                Item(
                    id: $0.id.description, page: $0.kept,
                    reason: "the copies in pages \($0.kept) and \($0.dropped): \($0.reason)")
            })
        rolledBack = List(
            plan.rolledBack.lazy.map { Item(id: $0.id.description, page: nil, reason: $0.change.rawValue) })
        deleted = UInt64(plan.deleted.count)
        bytesBefore = plan.bytesBefore
        bytesAfter = plan.bytesAfter
    }

    /// What a repair has done.
    public init(_ report: Repair.Report) {
        self.init(report.plan)
        isRepaired = report.isRepaired
        bytesAfter = report.bytesAfter
        kept = report.kept.map { StoredPath($0) }
    }
}

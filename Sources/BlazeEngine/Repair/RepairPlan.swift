public import BlazeModel

/// What a rescue may decide by itself, and what its caller has decided for it.
public struct RepairOptions: Sendable, Hashable {
    /// What becomes of a transaction that did not end (trap T5).
    public enum Transaction: String, Sendable, Hashable, CaseIterable {
        /// Rolled back where nothing speaks against it; else the repair is refused.
        case automatic
        /// Rolled back whatever speaks against it.
        case rollBack = "roll-back"
        /// What it wrote stays.
        case keep
    }

    /// What becomes of a transaction that did not end.
    public var transaction = Transaction.automatic
    /// Also records that stand in pages of the free list: deleted ones, unless an older metadata file was put back.
    public var includesFree = false
    /// Also records in plain text pages (version 1), which prove nothing of who wrote them.
    public var includesPlain = false
    /// Of two copies of a record the newer one, also where the index leads to the other.
    public var prefersNewest = false
    /// Also where nothing of a database that has records can be read.
    public var acceptsTotalLoss = false

    /// Nothing decided.
    public init() {}
}

/// What a repair will do, or has done, to the last record. It tells ids, pages and counts, never a value.
public struct RepairPlan: Sendable, Hashable {
    /// A record that comes back although the index does not lead to it, or in a state that may not be its last one.
    public struct Recovered: Sendable, Hashable {
        /// Which one.
        public let id: RecordID
        /// The main page that it stands in.
        public let page: UInt32
        /// Why the index does not lead to it, or why it may be older, as a sentence.
        public let reason: String
    }

    /// A record that the bytes do not hold any more.
    public struct Lost: Sendable, Hashable {
        /// Which one; nil where nothing tells it.
        public let id: RecordID?
        /// The page that is wrong; nil where the index lists none.
        public let page: UInt32?
        /// Why it cannot be read, as a sentence.
        public let reason: String
    }

    /// A record of which two copies stand whole.
    public struct Duplicate: Sendable, Hashable {
        /// Which one.
        public let id: RecordID
        /// The main page of the copy that stays.
        public let kept: UInt32
        /// The main page of the one that goes.
        public let dropped: UInt32
        /// By what it was decided, as a sentence.
        public let reason: String
    }

    /// What an interrupted transaction did to a record, and what rolling it back undoes.
    public struct RolledBack: Sendable, Hashable {
        /// What becomes of the record.
        public enum Change: String, Sendable, Hashable, CaseIterable {
            /// It was inserted, and goes.
            case removed
            /// It was updated, and is as before.
            case reverted
            /// It was deleted, and is there again.
            case restored
        }
        /// Which one.
        public let id: RecordID
        /// What becomes of it.
        public let change: Change
    }

    /// Something that is done besides the records.
    public struct Step: Sendable, Hashable {
        /// What kind of thing.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            /// The index is made from the pages, because no metadata verifies.
            case metadataRebuilt = "metadata-rebuilt"
            /// Index definitions and settings come from another metadata file of the set that verifies.
            case definitionsTaken = "definitions-taken"
            /// Index definitions and settings are lost.
            case definitionsLost = "definitions-lost"
            /// The data file, or the metadata, is taken from where a vacuum has put it aside (trap T5b).
            case vacuumResolved = "vacuum-resolved"
            /// The state before an interrupted transaction is taken (trap T5).
            case transactionRolledBack = "transaction-rolled-back"
            /// What an interrupted transaction wrote stays.
            case transactionKept = "transaction-kept"
            /// Torn pages are taken from the WAL (FORMAT.md 8.1a).
            case walApplied = "wal-applied"
            /// The WAL is emptied.
            case walEmptied = "wal-emptied"
            /// Pages of a change of this program that was not finished do not count.
            case unfinishedLeftOut = "unfinished-left-out"
            /// Entries of deleted records are taken off the index (trap T4).
            case entriesRemoved = "entries-removed"
            /// Old forms are written in the present one.
            case formsRenewed = "forms-renewed"
            /// Records in plain text pages are left out.
            case plainLeftOut = "plain-left-out"
            /// Records in pages of the free list are left out.
            case freeLeftOut = "free-left-out"
            /// Pages that no record uses are given back.
            case pagesGivenBack = "pages-given-back"
            /// Files that operations left go to the kept set.
            case leftoversMoved = "leftovers-moved"
            /// A finding stays, because nothing here can mend it.
            case findingStays = "finding-stays"
        }
        /// What kind of thing.
        public let kind: Kind
        /// One sentence for a person.
        public let message: String

        init(_ kind: Kind, _ message: String) {
            self.kind = kind
            self.message = message
        }
    }

    /// What a full check finds, the gravest first; nothing to repair where there is none of advice or damage that can be mended.
    public internal(set) var findings: [Finding] = []
    /// Findings among them that stay as they are: no repair can mend them, and they are no reason for one.
    public internal(set) var staying: [Finding] = []
    /// What is done, in this order.
    public internal(set) var steps: [Step] = []
    /// Records of the repaired database.
    public internal(set) var records = 0
    /// Those among them that the index does not lead to, or that may be older than what is lost.
    public internal(set) var recovered: [Recovered] = []
    /// Records that are lost.
    public internal(set) var lost: [Lost] = []
    /// Records of which there was more than one copy.
    public internal(set) var duplicates: [Duplicate] = []
    /// What rolling a transaction back does.
    public internal(set) var rolledBack: [RolledBack] = []
    /// Indexed records that were deleted before, and whose entries go.
    public internal(set) var deleted: [RecordID] = []
    /// Data file and metadata before, in bytes.
    public internal(set) var bytesBefore: UInt64 = 0
    /// Data file and metadata afterwards, in bytes; the metadata's part about right.
    public internal(set) var bytesAfter: UInt64 = 0
    /// Bytes of disk that are needed meanwhile.
    public internal(set) var diskNeeded: UInt64 = 0
    /// Bytes of disk that are free; nil where that cannot be told.
    public internal(set) var diskAvailable: UInt64?

    /// Whether there is anything to repair.
    public var isNeeded: Bool {
        findings.contains { $0.severity > .note && !staying.contains($0) } || !recovered.isEmpty || !lost.isEmpty
            || !duplicates.isEmpty
            || !rolledBack.isEmpty || !deleted.isEmpty || steps.contains { $0.kind.isReason }
    }
}

extension RepairPlan.Step.Kind {
    /// Whether this alone is a reason to repair.
    fileprivate var isReason: Bool {
        switch self {
        case .plainLeftOut, .freeLeftOut, .pagesGivenBack, .transactionKept, .walEmptied, .findingStays: false
        default: true
        }
    }
}

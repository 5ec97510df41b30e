internal import BlazeModel

/// What became of one indexed record.
enum RecordOutcome: Sendable {
    /// It was read. Whether it carries the id by which it was looked up is for the caller to see.
    case read(FoundRecord)
    /// The index lists no page for it.
    case noPages
    /// Its pages hold no record that can be read, or none any more.
    case absent(RecordReader.Absence)
    /// It left the index while it was looked for.
    case gone
    /// Its pages kept changing for as long as they were tried.
    case unstable(page: UInt32?)

    /// Whether the record itself was read.
    func isRecord(_ id: RecordID) -> Bool {
        if case .read(let found) = self { return found.id == id }
        return false
    }

    /// Whether the main page is zero: deleted, or a delete under way.
    var isDeleted: Bool {
        if case .absent(let absence) = self { return absence.failure.kind == .empty }
        return false
    }
}

/// A record that was read for an index entry.
struct FoundRecord: Sendable {
    let record: Record
    /// The id that the record carries itself.
    let id: RecordID?
    let isHidden: Bool
    let kind: RecordKind
    let holdsVector: Bool
    let isJSON: Bool
    /// The main page, then the overflow pages in chain order.
    let chain: [UInt32]
    let isOldForm: Bool
    let isPlain: Bool
    /// Whether the main page is not the first of the list, where BlazeDB looks for it (trap T1).
    let isOutOfOrder: Bool

    var main: UInt32 { chain[0] }

    init(_ decoded: RecordCodec.Decoded, _ stored: StoredRecord, isOutOfOrder: Bool) {
        record = decoded.record
        id = decoded.record.id
        isHidden = decoded.record.isHidden
        kind = decoded.record.kind
        holdsVector = decoded.holdsVector
        isJSON = decoded.isJSON
        chain = stored.chain
        isOldForm = stored.isOldForm
        isPlain = stored.isPlain
        self.isOutOfOrder = isOutOfOrder
    }
}

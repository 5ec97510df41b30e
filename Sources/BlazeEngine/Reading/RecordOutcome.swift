internal import BlazeModel

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

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

    /// How many bytes the record has as it is stored; 0 for none.
    var storedBytes: Int {
        if case .read(let found) = self { return found.storedBytes }
        return 0
    }

    /// The same without the record's values, for those who only ask where it stands.
    var withoutValues: RecordOutcome {
        guard case .read(var found) = self else { return self }
        found.record = Record(fields: [])
        return .read(found)
    }

    /// Whether the record itself was read.
    func isRecord(_ id: RecordID) -> Bool {
        if case .read(let found) = self { return found.id == id }
        return false
    }

    /// Whether the record itself was read, from the page where its list begins.
    func isSound(_ id: RecordID) -> Bool {
        if case .read(let found) = self { return found.id == id && !found.isOutOfOrder }
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
    var record: Record
    /// Bytes as stored.
    let storedBytes: Int
    /// The bytes themselves, where they were asked for.
    let bytes: Data?
    /// The id that the record carries itself.
    let id: RecordID?
    let isHidden: Bool
    let kind: RecordKind
    let holdsVector: Bool
    let isJSON: Bool
    let main: UInt32
    /// The overflow pages in chain order.
    let overflow: [UInt32]
    let isOldForm: Bool
    let isPlain: Bool
    /// Whether the main page is not the first of the list, where BlazeDB looks for it (trap T1).
    let isOutOfOrder: Bool

    /// The main page, then the overflow pages in chain order.
    var chain: [UInt32] { [main] + overflow }

    init(
        _ decoded: RecordCodec.Decoded, _ gathered: RecordReader.Gathered, isOutOfOrder: Bool, keepsBytes: Bool,
        keepsValues: Bool
    ) {
        record = keepsValues ? decoded.record : Record(fields: [])
        storedBytes = gathered.byteCount
        bytes = keepsBytes ? gathered.bytes : nil
        id = decoded.record.id
        isHidden = decoded.record.isHidden
        kind = decoded.record.kind
        holdsVector = decoded.holdsVector
        isJSON = decoded.isJSON
        main = gathered.main
        overflow = gathered.overflow
        isOldForm = gathered.isOldForm
        isPlain = gathered.isPlain
        self.isOutOfOrder = isOutOfOrder
    }
}

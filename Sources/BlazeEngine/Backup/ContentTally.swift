internal import BlazeModel
internal import BlazePlatform

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What all records of a database are together, while they come by in the order of their ids.
struct ContentTally {
    private(set) var records: UInt64 = 0
    private(set) var unreadable: UInt64 = 0
    private let digest = BLAKE2b()
    private var shapes: Set<UInt64> = []
    /// `NAME`, a zero byte, and the name of a type: each pair that some record has.
    private var fields: Set<[UInt8]> = []

    /// Adds a record that was read with its bytes and its values.
    mutating func add(_ id: RecordID, _ record: Record, _ bytes: UnsafeRawBufferPointer) {
        records += 1
        for word in [id.high, id.low, UInt64(bytes.count)] {
            withUnsafeBytes(of: word.bigEndian) { digest.update($0) }
        }
        digest.update(bytes)
        guard shapes.insert(Self.shape(record)).inserted else { return }
        for field in record.fields { fields.insert(Array(field.name.utf8) + [0] + Array(field.value.typeName.utf8)) }
    }

    mutating func addUnreadable() { unreadable += 1 }

    /// A number that records of the same names and types share.
    private static func shape(_ record: Record) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for field in record.fields {
            for byte in field.name.utf8 { add(byte) }
            add(0)
            add(field.value.typeNumber)
        }
        return hash
    }

    /// What it comes to.
    ///
    /// - Parameter indexes: the secondary indexes that the metadata defines.
    func contents(indexes: [Metadata.IndexSummary]) -> BackupManifest.Contents {
        let schema = BLAKE2b()
        for line in fields.sorted(by: { $0.lexicographicallyPrecedes($1) }) { schema.update(line + [10]) }
        for name in indexes.map({ Array($0.name.utf8) }).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            schema.update([1] + name + [10])
        }
        return BackupManifest.Contents(
            records: records, unreadable: unreadable, digest: digest.finishHex(), schema: schema.finishHex())
    }
}

extension Value {
    fileprivate var typeNumber: UInt8 {
        switch self {
        case .string: 1
        case .int: 2
        case .double: 3
        case .bool: 4
        case .uuid: 5
        case .date: 6
        case .data: 7
        case .array: 8
        case .dictionary: 9
        case .vector: 10
        case .null: 11
        }
    }

    fileprivate var typeName: String {
        switch self {
        case .string: "string"
        case .int: "int"
        case .double: "double"
        case .bool: "bool"
        case .uuid: "uuid"
        case .date: "date"
        case .data: "data"
        case .array: "array"
        case .dictionary: "dictionary"
        case .vector: "vector"
        case .null: "null"
        }
    }
}

extension DatabaseReader {
    /// Reads every record and tells what they are together; nobody may be writing, so that there is one answer.
    func tallyContents(
        _ progress: (MaintenanceProgress) throws -> Void, as phase: MaintenanceProgress.Phase
    ) throws -> BackupManifest.Contents {
        var tally = ContentTally()
        let total = metadata.index.count
        var done = 0
        try forEachOutcome(
            keepsBytes: true, interrupt: { try progress(MaintenanceProgress(phase, done: done, total: total)) }
        ) { id, outcome, _ in
            done += 1
            switch outcome {
            case .read(let found) where found.id == id:
                if let bytes = found.bytes {
                    bytes.withUnsafeBytes { tally.add(id, found.record, $0) }
                } else {
                    tally.addUnreadable()
                }
            // Its page is zero: deleted, and the index not saved since (trap T4).
            case .absent(let absence) where absence.failure.severity == .advice: break
            case .gone: break
            case .read, .absent, .noPages, .unstable: tally.addUnreadable()
            }
        }
        return tally.contents(indexes: metadata.indexes)
    }
}

import BlazeEngine
import BlazeModel
import FormatWriter

/// The input is a record's bytes, or the JSON of very old pages.
public enum RecordTarget: FuzzTarget {
    /// `record`.
    public static let name = "record"

    /// What decodes is written and decoded again to the same; as version 2, with its checksum, it is the same record.
    public static func run(_ input: [UInt8]) throws(Violation) {
        guard let record = decoded(input) else { return }
        try RecordProperties.check(record)
        guard input.starts(with: Array("BLAZE".utf8)), input[5] == 1 else { return }
        var second = input
        second[5] = 2
        second += WALWriter.checksum(second).bigEndianBytes
        guard let same = decoded(second) else { throw Violation("version 2 of a good record is refused") }
        try require(
            RecordWriter.bytes(same) == RecordWriter.bytes(record), "version 2 of a record is another record")
        second[second.count - 1] ^= 1
        try require(decoded(second) == nil, "a record with a wrong checksum is accepted")
    }

    private static func decoded(_ bytes: [UInt8]) -> Record? {
        do throws(EngineError) {
            return try RecordCodec.decode(bytes)
        } catch {
            return nil
        }
    }
}

/// What holds for every record that a reader hands out.
enum RecordProperties {
    /// What the engine writes of a record is read as the same record, with names once and in order.
    private static func checkEncoding(_ record: Record) throws(Violation) {
        let bytes: [UInt8]
        let again: Record
        let second: [UInt8]
        do throws(EngineError) {
            bytes = try RecordCodec.encode(record)
            again = try RecordCodec.decode(bytes)
            second = try RecordCodec.encode(again)
        } catch {
            throw Violation("a record that was read cannot be written and read again: \(error.description)")
        }
        try require(second == bytes, "a record is encoded differently each time")
        try require(again.id == record.id && again.kind == record.kind, "an encoded record is another record")
        let names = again.fields.map(\.name)
        try require(zip(names, names.dropFirst()).allSatisfy { $0 <= $1 }, "fields are written out of order")
    }

    static func check(_ record: Record) throws(Violation) {
        var line: [UInt8] = []
        TypedJSON.append(record, to: &line)
        try require(String(validating: line, as: UTF8.self) != nil, "the typed JSON is no valid UTF-8")
        try require(line.first == UInt8(ascii: "{") && line.last == UInt8(ascii: "}"), "the typed JSON is no object")
        _ = record.kind
        _ = record.isHidden
        // A record from JSON may have longer names and more elements than the binary form has room for.
        guard let written = RecordWriter.bytes(record) else { return }
        let again: Record
        do throws(EngineError) {
            again = try RecordCodec.decode(written)
        } catch {
            throw Violation("a written record is refused: \(error.description)")
        }
        try require(RecordWriter.bytes(again) == written, "a record does not come back as it was written")
        var lineAgain: [UInt8] = []
        TypedJSON.append(again, to: &lineAgain)
        try require(line == lineAgain, "a record's typed JSON is not stable")
        try checkEncoding(record)
    }
}

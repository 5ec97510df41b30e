public import BlazeModel

/// Records as bytes ("blazeBinary", FORMAT.md 4). Integers are big-endian.
///
///     record: "BLAZE" version u8 (1, 2), field count u16, fields, version 2: CRC-32 u32 of all before it
///     field:  name (a byte of FieldNames, or FF, length u16, UTF-8), value
///     value:  tag u8, body (see RecordDecoder)
public enum RecordCodec {
    static let magic = Array("BLAZE".utf8)
    static let headerBytes = 8

    /// Decodes a record, or the JSON that very old pages hold. Throws `.malformedRecord` with the byte position.
    public static func decode(_ bytes: [UInt8]) throws(EngineError) -> Record {
        try bytes.withUnsafeBufferPointer { (raw: UnsafeBufferPointer<UInt8>) throws(EngineError) -> Record in
            try decodeNoting(UnsafeRawBufferPointer(raw)).record
        }
    }

    /// A record's bytes, as BlazeDB writes them. Throws `.invalidRecord` where it is over a limit of the format.
    public static func encode(_ record: Record) throws(EngineError) -> [UInt8] { try RecordEncoder(record).bytes }

    /// A record and what a report says about its encoding.
    struct Decoded {
        let record: Record
        var holdsVector = false
        var isJSON = false
    }

    static func decodeNoting(_ bytes: UnsafeRawBufferPointer) throws(EngineError) -> Decoded {
        guard hasMagic(bytes) else { return try decodeJSON(bytes) }
        guard bytes.count >= headerBytes else { throw malformed("is shorter than its header", at: bytes.count) }
        var body = bytes
        switch bytes[5] {
        case 1: break
        case 2:
            guard bytes.count >= headerBytes + 4 else { throw malformed("is shorter than its header", at: bytes.count) }
            let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 4)])
            let stored = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: covered.count, as: UInt32.self))
            guard Checksum.crc32(covered) == stored else { throw malformed("has a wrong checksum", at: covered.count) }
            body = covered
        default: throw malformed("is of version \(bytes[5]); known are 1 and 2", at: 5)
        }
        var decoder = RecordDecoder(body, from: 6)
        let fields = try decoder.fields()
        return Decoded(record: Record(fields: fields), holdsVector: decoder.holdsVector)
    }

    /// The id of a record of which only the beginning is there; nil when it stands further behind.
    static func leadingID(_ bytes: UnsafeRawBufferPointer) -> RecordID? {
        guard hasMagic(bytes), bytes.count > headerBytes else { return nil }
        var decoder = RecordDecoder(bytes, from: 6)
        return decoder.leadingID()
    }

    private static func hasMagic(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= magic.count else { return false }
        for (i, byte) in magic.enumerated() where bytes[i] != byte { return false }
        return true
    }

    static func malformed(_ what: String, at offset: Int) -> EngineError {
        EngineError(.malformedRecord, "the record \(what)", offset: UInt64(offset))
    }
}

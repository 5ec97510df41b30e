internal import BlazeModel
internal import Crypto

/// Reads our own dump; every byte of it is held against its hash, and every record is decoded.
struct LosslessReader: RecordSource {
    private let cursor: ByteCursor
    private(set) var image: MetadataImage
    private var last: RecordID?
    private var count: UInt64 = 0
    private var leftOut: UInt64 = 0
    private var isLive = false
    private var isOver = false
    let ascends = true

    /// Reads the header. Throws `.unsupportedFormat`, `.damaged`, `.limitExceeded`.
    init(_ cursor: ByteCursor) throws {
        self.cursor = cursor
        image = MetadataImage()
        cursor.startHash()
        guard try take(LosslessDump.magic.count) == LosslessDump.magic else {
            throw damaged("does not begin like one")
        }
        let version = try number(2)
        guard version == LosslessDump.version, try number(2) == 0 else {
            throw EngineError(
                .unsupportedFormat, "the dump is of version \(version); known is \(LosslessDump.version)")
        }
        let length = try number(4)
        guard length <= EngineLimits.dumpHeaderBytes else {
            throw EngineError(.limitExceeded, "the dump's header has \(length) bytes, more than are read")
        }
        try readHeader(try take(length))
    }

    private mutating func readHeader(_ bytes: [UInt8]) throws {
        let names = LosslessDump.header
        var members: [String: Range<Int>] = [:]
        do throws(JSONError) {
            var scanner = JSONScanner(bytes)
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                members[try s.text(key)] = try s.skipValue()
            }
            try scanner.expectEnd()
            func raw(_ name: String) throws(JSONError) -> [Metadata.RawMember] {
                guard let range = members[name] else { return [] }
                var out: [Metadata.RawMember] = []
                var scanner = JSONScanner(bytes, in: range)
                try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                    let name = try s.text(key)
                    out.append(Metadata.RawMember(key: name, value: Array(bytes[try s.skipValue()])))
                }
                return out
            }
            image = MetadataImage(payload: try raw(names.payload), wrapper: try raw(names.wrapper))
            if let range = members[names.live] { isLive = bytes[range].elementsEqual("true".utf8) }
        } catch {
            throw damaged("has a header that is no JSON object")
        }
    }

    mutating func next() throws -> IncomingRecord? {
        guard !isOver else { return nil }
        let place = cursor.place
        switch try take(1)[0] {
        case LosslessDump.recordMark: return try record(at: place)
        case LosslessDump.endMark:
            try readEnd()
            return nil
        default: throw damaged("has something that is neither a record nor its end")
        }
    }

    private mutating func record(at place: InputPlace) throws -> IncomingRecord {
        guard let id = RecordID(bytes: try take(16)) else { throw damaged("is cut off") }
        let length = try number(4)
        guard length <= Int(OverflowReference.longestRecord) else {
            throw damaged("has a record that is longer than one can be")
        }
        let bytes = try take(length)
        if let last, id <= last { throw damaged("has records that are out of order, or one of them twice") }
        last = id
        let decoded: RecordCodec.Decoded
        do throws(EngineError) {
            decoded = try bytes.withUnsafeBufferPointer {
                (raw: UnsafeBufferPointer<UInt8>) throws(EngineError) -> RecordCodec.Decoded in
                try RecordCodec.decodeNoting(UnsafeRawBufferPointer(raw))
            }
        } catch {
            throw damaged("has a record that does not decode")
        }
        guard decoded.record.id == id else { throw damaged("has a record under another id than its own") }
        count += 1
        return IncomingRecord(id: id, bytes: bytes, place: place)
    }

    private mutating func readEnd() throws {
        let records = try take(8).reduce(0) { $0 << 8 | UInt64($1) }
        leftOut = try take(8).reduce(0) { $0 << 8 | UInt64($1) }
        let hash = cursor.endHash()
        guard try take(LosslessDump.hashBytes) == hash else { throw damaged("does not have the hash that it tells") }
        guard records == count else { throw damaged("has another count of records than it tells") }
        guard try cursor.peek() == nil else { throw damaged("has bytes behind its end") }
        isOver = true
    }

    private func number(_ count: Int) throws -> Int { try take(count).reduce(0) { $0 << 8 | Int($1) } }

    private func take(_ count: Int) throws -> [UInt8] {
        guard let bytes = try cursor.take(count) else { throw damaged("is cut off") }
        return bytes
    }

    private func damaged(_ what: String) -> EngineError {
        EngineError(
            .damaged, "the dump \(what)", hint: "it was altered or is incomplete; nothing was made of it",
            offset: cursor.offset)
    }

    func tell(_ report: inout Import.Report) {
        report.leftOut = leftOut
        report.isLive = isLive
    }
}

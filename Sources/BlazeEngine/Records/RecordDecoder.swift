internal import BlazeModel

/// Takes the fields out of a record's bytes. Every length is checked against what is left before memory is taken,
/// and nesting never costs stack.
///
///     11 ""        20..2F string of 0..15 bytes   01 string, length u32     12 int 0..255    02 int, i64
///     03 double    04 bool u8     05 UUID 16      06 date, double           07 data, length u32
///     18 []        08 array, count u16, values    19 {}   09 dictionary, count u16: key length u16, key, value
///     0A vector, count u32, 4 bytes each          0B null
struct RecordDecoder {
    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    /// The most fields or values that memory is taken for before they are there.
    private static let reserved = 64
    /// Whether a vector was met.
    private(set) var holdsVector = false

    init(_ bytes: UnsafeRawBufferPointer, from start: Int) {
        self.bytes = bytes
        position = start
    }

    /// All fields: their count, and each one's name and value.
    mutating func fields() throws(EngineError) -> [Field] {
        let count = Int(try integer(UInt16.self))
        var out: [Field] = []
        out.reserveCapacity(min(count, Self.reserved))
        for _ in 0..<count {
            let code = try integer(UInt8.self)
            let name: String
            if code == FieldNames.writtenOut {
                name = try text(Int(try integer(UInt16.self)))
            } else if let known = FieldNames.name(code) {
                name = known
            } else {
                throw RecordCodec.malformed("has an unknown field code", at: position - 1)
            }
            out.append(Field(name, try value()))
        }
        return out
    }

    /// The record's id, of bytes that may break off behind it; nil when they break off before.
    mutating func leadingID() -> RecordID? {
        // Whatever is wrong with the rest is told by whoever reads all of it.
        guard let count = try? integer(UInt16.self) else { return nil }
        for _ in 0..<count {
            guard let code = try? integer(UInt8.self) else { return nil }
            var name = FieldNames.name(code)
            if code == FieldNames.writtenOut {
                guard let length = try? integer(UInt16.self) else { return nil }
                name = try? text(Int(length))
            }
            guard let name, let value = try? value() else { return nil }
            if name == "id" { return Record(fields: [Field(name, value)]).id }
        }
        return nil
    }

    /// An array or dictionary whose end has not been reached yet.
    private struct OpenContainer {
        var remaining: Int
        let isDictionary: Bool
        var values: [Value] = []
        var fields: [Field] = []
        var key = ""
    }

    private mutating func value() throws(EngineError) -> Value {
        let tag = try integer(UInt8.self)
        if tag == 0x08 || tag == 0x09 { return try container(tag) }
        return try scalar(tag)
    }

    /// The value of an array or dictionary whose tag is consumed.
    private mutating func container(_ tag: UInt8) throws(EngineError) -> Value {
        var inner = try openContainer(tag)
        // Those around it, the outermost first; none in most records.
        var outer: [OpenContainer] = []
        while true {
            let complete: Value
            if inner.remaining == 0 {
                complete = inner.isDictionary ? .dictionary(inner.fields) : .array(inner.values)
                guard let next = outer.popLast() else { return complete }
                inner = next
            } else {
                if inner.isDictionary { inner.key = try text(Int(try integer(UInt16.self))) }
                guard outer.count < EngineLimits.nesting else {
                    throw RecordCodec.malformed("nests deeper than \(EngineLimits.nesting) levels", at: position)
                }
                let tag = try integer(UInt8.self)
                if tag == 0x08 || tag == 0x09 {
                    outer.append(inner)
                    inner = try openContainer(tag)
                    continue
                }
                complete = try scalar(tag)
            }
            inner.remaining -= 1
            if inner.isDictionary {
                inner.fields.append(Field(inner.key, complete))
            } else {
                inner.values.append(complete)
            }
        }
    }

    private mutating func openContainer(_ tag: UInt8) throws(EngineError) -> OpenContainer {
        var container = OpenContainer(remaining: Int(try integer(UInt16.self)), isDictionary: tag == 0x09)
        let count = min(container.remaining, Self.reserved)
        if container.isDictionary {
            container.fields.reserveCapacity(count)
        } else {
            container.values.reserveCapacity(count)
        }
        return container
    }

    private mutating func scalar(_ tag: UInt8) throws(EngineError) -> Value {
        switch tag {
        case 0x20...0x2F: return .string(try text(Int(tag & 15)))
        case 0x01: return .string(try text(try length()))
        case 0x11: return .string("")
        case 0x12: return .int(Int64(try integer(UInt8.self)))
        case 0x02: return .int(Int64(bitPattern: try integer(UInt64.self)))
        case 0x03: return .double(Double(bitPattern: try integer(UInt64.self)))
        case 0x04: return .bool(try integer(UInt8.self) != 0)
        case 0x05: return .uuid(RecordID(high: try integer(UInt64.self), low: try integer(UInt64.self)))
        case 0x06: return .date(Double(bitPattern: try integer(UInt64.self)))
        case 0x07: return .data([UInt8](try take(try length())))
        case 0x0A: return .vector(try vector())
        case 0x0B: return .null
        case 0x18: return .array([])
        case 0x19: return .dictionary([])
        default: throw RecordCodec.malformed("has an unknown type tag", at: position - 1)
        }
    }

    private mutating func vector() throws(EngineError) -> StoredVector {
        holdsVector = true
        let count = Int(try integer(UInt32.self))
        guard count < EngineLimits.vectorElements else {
            throw RecordCodec.malformed("has a vector of \(EngineLimits.vectorElements) elements or more", at: position)
        }
        let raw = try take(count * 4)
        return StoredVector(
            words: (0..<count).map {
                UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self))
            })
    }

    /// A string's or data's length, within the format's limit.
    private mutating func length() throws(EngineError) -> Int {
        let length = Int(try integer(UInt32.self))
        guard length <= EngineLimits.valueBytes else {
            throw RecordCodec.malformed("has a value of over \(EngineLimits.valueBytes) bytes", at: position)
        }
        return length
    }

    private mutating func text(_ count: Int) throws(EngineError) -> String {
        let start = position
        let raw = try take(count)
        // The standard library's validation costs a fifth of a whole read; ASCII needs none.
        if Self.isASCII(raw) { return String(decoding: raw, as: UTF8.self) }
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw RecordCodec.malformed("has text that is no valid UTF-8", at: start)
        }
        return text
    }

    private static func isASCII(_ raw: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while raw.count - position >= 8 {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            guard word & 0x8080_8080_8080_8080 == 0 else { return false }
            position += 8
        }
        return raw[position...].allSatisfy { $0 < 0x80 }
    }

    private mutating func take(_ count: Int) throws(EngineError) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - position else { throw cutOff(count) }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    @inline(__always)
    private mutating func integer<T: FixedWidthInteger>(_: T.Type) throws(EngineError) -> T {
        let count = MemoryLayout<T>.size
        guard count <= bytes.count - position else { throw cutOff(count) }
        defer { position += count }
        return T(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    private func cutOff(_ count: Int) -> EngineError {
        RecordCodec.malformed("is cut off: \(count) bytes are missing", at: position)
    }
}

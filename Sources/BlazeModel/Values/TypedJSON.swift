/// The lossless JSON form of records: one object per value, `{"t": type, "v": ...}`.
///
///     {"t":"string","v":"..."} {"t":"int","v":"-5"} {"t":"double","v":"<16 hex digits of the bits>"}
///     {"t":"bool","v":true} {"t":"date","v":"<16 hex digits of the bits of seconds since 2001-01-01Z>"}
///     {"t":"uuid","v":"UPPER-CASE"} {"t":"data","v":"<hex>"} {"t":"array","v":[...]} {"t":"dict","v":{...}}
///     {"t":"vector","v":["<16 hex digits>", ...]} {"t":"null"}
///
/// A dump is `[`, a line per record with keys sorted by their bytes, `]`. A vector's elements are the doubles that
/// BlazeDB reads (trap T12), so that two readers agree; `StoredVector.recovered` tells what was meant.
public enum TypedJSON {
    /// What stands before the first record of a dump.
    public static let opening: [UInt8] = Array("[\n".utf8)
    /// What stands between two records of a dump.
    public static let separator: [UInt8] = Array(",\n".utf8)
    /// What stands behind the last record of a dump.
    public static let closing: [UInt8] = Array("\n]\n".utf8)

    /// Appends one record as one line without its end.
    public static func append(_ record: Record, to out: inout [UInt8]) {
        append(fields: record.fields, to: &out)
    }

    private static func append(fields: [Field], to out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        var first = true
        for field in sortedWithoutRepeats(fields) {
            if !first { out.append(contentsOf: ", ".utf8) }
            first = false
            append(text: field.name, to: &out)
            out.append(contentsOf: ": ".utf8)
            append(field.value, to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }

    /// Sorted by the bytes of the names; of equal names the last one, as a dictionary would keep it.
    private static func sortedWithoutRepeats(_ fields: [Field]) -> [Field] {
        let sorted = fields.enumerated().sorted { a, b in
            if a.element.name.utf8.lexicographicallyPrecedes(b.element.name.utf8) { return true }
            if b.element.name.utf8.lexicographicallyPrecedes(a.element.name.utf8) { return false }
            return a.offset < b.offset
        }
        var out: [Field] = []
        out.reserveCapacity(sorted.count)
        for (_, field) in sorted {
            if let last = out.last, last.name.utf8.elementsEqual(field.name.utf8) { out.removeLast() }
            out.append(field)
        }
        return out
    }

    /// What is still to be written, the next thing last. Depth costs memory here and never stack, because a record may
    /// nest as deep as its reader allows and threads have small stacks.
    private enum Step {
        case value(Value)
        case name(String)
        case raw(StaticString)
    }

    private static func append(_ value: Value, to out: inout [UInt8]) {
        var steps = [Step.value(value)]
        while let step = steps.popLast() {
            switch step {
            case .raw(let text):
                out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
            case .name(let name):
                append(text: name, to: &out)
                out.append(contentsOf: ": ".utf8)
            case .value(.array(let values)):
                out.append(contentsOf: "{\"t\": \"array\", \"v\": [".utf8)
                steps.append(.raw("]}"))
                for (i, element) in values.enumerated().reversed() {
                    steps.append(.value(element))
                    if i > 0 { steps.append(.raw(", ")) }
                }
            case .value(.dictionary(let fields)):
                out.append(contentsOf: "{\"t\": \"dict\", \"v\": {".utf8)
                steps.append(.raw("}}"))
                for (i, field) in sortedWithoutRepeats(fields).enumerated().reversed() {
                    steps += [.value(field.value), .name(field.name)]
                    if i > 0 { steps.append(.raw(", ")) }
                }
            case .value(let scalar): append(scalar: scalar, to: &out)
            }
        }
    }

    private static func append(scalar value: Value, to out: inout [UInt8]) {
        func tagged(_ type: String, _ body: (inout [UInt8]) -> Void) {
            out.append(contentsOf: "{\"t\": \"\(type)\", \"v\": ".utf8)
            body(&out)
            out.append(UInt8(ascii: "}"))
        }
        switch value {
        case .string(let text): tagged("string") { append(text: text, to: &$0) }
        case .int(let number): tagged("int") { $0.append(contentsOf: "\"\(number)\"".utf8) }
        case .double(let number): tagged("double") { append(bits: number, to: &$0) }
        case .bool(let flag): tagged("bool") { $0.append(contentsOf: (flag ? "true" : "false").utf8) }
        case .uuid(let id): tagged("uuid") { $0.append(contentsOf: "\"\(id)\"".utf8) }
        case .date(let seconds): tagged("date") { append(bits: seconds, to: &$0) }
        case .data(let bytes):
            tagged("data") {
                $0.append(UInt8(ascii: "\""))
                for byte in bytes { append(hex: byte, to: &$0) }
                $0.append(UInt8(ascii: "\""))
            }
        case .vector(let vector):
            tagged("vector") { out in
                append(list: vector.asReadByBlazeDB, to: &out) { append(bits: $0, to: &$1) }
            }
        case .null, .array, .dictionary: out.append(contentsOf: "{\"t\": \"null\"}".utf8)
        }
    }

    private static func append<T>(list: [T], to out: inout [UInt8], _ each: (T, inout [UInt8]) -> Void) {
        out.append(UInt8(ascii: "["))
        for (i, element) in list.enumerated() {
            if i > 0 { out.append(contentsOf: ", ".utf8) }
            each(element, &out)
        }
        out.append(UInt8(ascii: "]"))
    }

    private static func append(bits number: Double, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            append(hex: UInt8(truncatingIfNeeded: number.bitPattern >> shift), to: &out)
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func append(hex byte: UInt8, to out: inout [UInt8]) {
        func digit(_ n: UInt8) -> UInt8 { n < 10 ? UInt8(ascii: "0") + n : UInt8(ascii: "a") + n - 10 }
        out.append(digit(byte >> 4))
        out.append(digit(byte & 15))
    }

    /// A JSON string with the escapes that JSON requires and no others (RFC 8259 section 7). What needs no escape is
    /// copied in runs.
    private static func append(text: String, to out: inout [UInt8]) {
        var text = text
        out.append(UInt8(ascii: "\""))
        text.withUTF8 { bytes in
            var start = 0
            for (i, byte) in bytes.enumerated()
            where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                out.append(contentsOf: bytes[start..<i])
                append(escaped: byte, to: &out)
                start = i + 1
            }
            out.append(contentsOf: bytes[start...])
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func append(escaped byte: UInt8, to out: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): out.append(contentsOf: "\\\"".utf8)
        case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
        case 0x08: out.append(contentsOf: "\\b".utf8)
        case 0x09: out.append(contentsOf: "\\t".utf8)
        case 0x0A: out.append(contentsOf: "\\n".utf8)
        case 0x0C: out.append(contentsOf: "\\f".utf8)
        case 0x0D: out.append(contentsOf: "\\r".utf8)
        default:
            out.append(contentsOf: "\\u00".utf8)
            append(hex: byte, to: &out)
        }
    }
}

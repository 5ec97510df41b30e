public import BlazeModel

/// Writes records as FORMAT.md 4 says, fields in the order that they come in and every name written out but `id`.
public enum RecordWriter {
    /// The bytes of a record; nil when a count or name is longer than its field in the format.
    public static func bytes(_ record: Record) -> [UInt8]? {
        guard let count = UInt16(exactly: record.fields.count) else { return nil }
        var out = Array("BLAZE".utf8) + [1] + count.bigEndianBytes
        for field in record.fields {
            if field.name == "id" {
                out.append(0x01)
            } else {
                guard let length = UInt16(exactly: field.name.utf8.count) else { return nil }
                out.append(0xFF)
                out += length.bigEndianBytes
                out += field.name.utf8
            }
            guard append(field.value, to: &out) else { return nil }
        }
        return out
    }

    private enum Step {
        case value(Value)
        case key(String)
    }

    /// Without recursion, because values may nest deeper than a thread's stack.
    private static func append(_ value: Value, to out: inout [UInt8]) -> Bool {
        var steps = [Step.value(value)]
        while let step = steps.popLast() {
            switch step {
            case .key(let name):
                guard let length = UInt16(exactly: name.utf8.count) else { return false }
                out += length.bigEndianBytes
                out += name.utf8
            case .value(.array(let values)):
                guard let count = UInt16(exactly: values.count) else { return false }
                out += [0x08] + count.bigEndianBytes
                for value in values.reversed() { steps.append(.value(value)) }
            case .value(.dictionary(let fields)):
                guard let count = UInt16(exactly: fields.count) else { return false }
                out += [0x09] + count.bigEndianBytes
                for field in fields.reversed() { steps += [.value(field.value), .key(field.name)] }
            case .value(let scalar): append(scalar: scalar, to: &out)
            }
        }
        return true
    }

    private static func append(scalar value: Value, to out: inout [UInt8]) {
        switch value {
        case .string(let text) where text.isEmpty: out.append(0x11)
        case .string(let text) where text.utf8.count < 16: out += [0x20 | UInt8(text.utf8.count)] + text.utf8
        case .string(let text): out += [0x01] + UInt32(text.utf8.count).bigEndianBytes + text.utf8
        case .int(let number) where (0...255).contains(number): out += [0x12, UInt8(number)]
        case .int(let number): out += [0x02] + number.bigEndianBytes
        case .double(let number): out += [0x03] + number.bitPattern.bigEndianBytes
        case .bool(let flag): out += [0x04, flag ? 1 : 0]
        case .uuid(let id): out += [0x05] + id.bytes
        case .date(let seconds): out += [0x06] + seconds.bitPattern.bigEndianBytes
        case .data(let bytes): out += [0x07] + UInt32(bytes.count).bigEndianBytes + bytes
        case .vector(let vector):
            out += [0x0A] + UInt32(vector.words.count).bigEndianBytes + vector.words.flatMap(\.bigEndianBytes)
        case .null, .array, .dictionary: out.append(0x0B)
        }
    }
}

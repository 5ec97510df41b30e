internal import BlazeModel

/// Puts a record into bytes, version 1, as BlazeDB does in encrypted databases (FORMAT.md 4): fields and keys in ascending
/// order, names of the table as one byte. Every limit of the format is checked, because BlazeDB crashes beyond them or
/// writes what it cannot read (trap T19). The tags stand beside `RecordDecoder`.
struct RecordEncoder {
    private(set) var bytes: [UInt8] = []

    private static let codes: [String: UInt8] = Dictionary(
        uniqueKeysWithValues: FieldNames.all.enumerated().map { ($1, UInt8($0 + 1)) })

    /// What is still to be written; a stack in place of recursion, because values nest deeper than a thread's stack.
    private enum Step {
        case value(Value, depth: Int)
        case key(String)
    }

    /// Throws `.invalidRecord` where the record is over a limit of the format.
    init(_ record: Record) throws(EngineError) {
        let fields = try Self.inOrder(record.fields, "fields")
        bytes += RecordCodec.magic
        bytes.append(1)
        append(UInt16(fields.count))
        for field in fields {
            try append(name: field.name)
            try append(field.value)
        }
    }

    /// The last of the fields of each name, in ascending order.
    private static func inOrder(_ fields: [Field], _ what: String) throws(EngineError) -> [Field] {
        let last = Dictionary(fields.map { (Array($0.name.utf8), $0) }, uniquingKeysWith: { $1 })
        guard last.count <= Int(UInt16.max) else { throw invalid("has more than \(UInt16.max) \(what)") }
        return last.values.sorted { $0.name < $1.name }
    }

    private mutating func append(name: String) throws(EngineError) {
        if let code = Self.codes[name], FieldNames.name(code).map({ $0.utf8.elementsEqual(name.utf8) }) == true {
            bytes.append(code)
        } else {
            bytes.append(FieldNames.writtenOut)
            try append(key: name)
        }
    }

    private mutating func append(key: String) throws(EngineError) {
        guard let count = UInt16(exactly: key.utf8.count) else {
            throw Self.invalid("has a field name or key of more than \(UInt16.max) bytes")
        }
        append(count)
        bytes += key.utf8
    }

    private mutating func append(_ value: Value) throws(EngineError) {
        var steps = [Step.value(value, depth: 0)]
        while let step = steps.popLast() {
            switch step {
            case .key(let name): try append(key: name)
            case .value(.array(let values), let depth) where !values.isEmpty:
                guard let count = UInt16(exactly: values.count) else {
                    throw Self.invalid("has an array of more than \(UInt16.max) elements")
                }
                try Self.check(depth)
                bytes.append(0x08)
                append(count)
                for value in values.reversed() { steps.append(.value(value, depth: depth + 1)) }
            case .value(.dictionary(let fields), let depth) where !fields.isEmpty:
                let sorted = try Self.inOrder(fields, "keys in a dictionary")
                try Self.check(depth)
                bytes.append(0x09)
                append(UInt16(sorted.count))
                for field in sorted.reversed() { steps += [.value(field.value, depth: depth + 1), .key(field.name)] }
            case .value(let scalar, _): try append(scalar: scalar)
            }
        }
    }

    private static func check(_ depth: Int) throws(EngineError) {
        guard depth < EngineLimits.nesting else { throw invalid("nests deeper than \(EngineLimits.nesting) levels") }
    }

    /// A value without a value in it.
    private mutating func append(scalar value: Value) throws(EngineError) {
        switch value {
        case .string(let text):
            let count = text.utf8.count
            guard count <= EngineLimits.valueBytes else { throw Self.tooLong("a text") }
            if count == 0 {
                bytes.append(0x11)
            } else if count < 16 {
                bytes.append(0x20 | UInt8(count))
            } else {
                bytes.append(0x01)
                append(UInt32(count))
            }
            bytes += text.utf8
        case .int(let number):
            if let small = UInt8(exactly: number) {
                bytes += [0x12, small]
            } else {
                bytes.append(0x02)
                append(UInt64(bitPattern: number))
            }
        case .double(let number):
            bytes.append(0x03)
            append(number.bitPattern)
        case .bool(let flag): bytes += [0x04, flag ? 1 : 0]
        case .uuid(let id):
            bytes.append(0x05)
            bytes += id.bytes
        case .date(let seconds):
            bytes.append(0x06)
            append(seconds.bitPattern)
        case .data(let data):
            guard data.count <= EngineLimits.valueBytes else { throw Self.tooLong("data") }
            bytes.append(0x07)
            append(UInt32(data.count))
            bytes += data
        case .vector(let vector):
            guard vector.words.count < EngineLimits.vectorElements else {
                throw Self.invalid("has a vector of \(EngineLimits.vectorElements) elements or more")
            }
            bytes.append(0x0A)
            append(UInt32(vector.words.count))
            for word in vector.words { append(word) }
        case .null: bytes.append(0x0B)
        case .array: bytes.append(0x18)
        case .dictionary: bytes.append(0x19)
        }
    }

    private mutating func append<T: FixedWidthInteger>(_ integer: T) {
        withUnsafeBytes(of: integer.bigEndian) { bytes += $0 }
    }

    private static func tooLong(_ what: String) -> EngineError {
        invalid("has \(what) of over \(EngineLimits.valueBytes) bytes")
    }

    private static func invalid(_ what: String) -> EngineError {
        EngineError(.invalidRecord, "the record \(what), which BlazeDB cannot hold")
    }
}

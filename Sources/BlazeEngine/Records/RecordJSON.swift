internal import BlazeModel

/// The JSON that very old pages hold in place of a binary record (FORMAT.md 4):
///
///     {"field": value, ...}     {"storage": {"field": value, ...}}
///
/// Values are taken as JSON has them: text stays text, a whole number is an int, any other number a double.
extension RecordCodec {
    static func decodeJSON(_ bytes: UnsafeRawBufferPointer) throws(EngineError) -> Decoded {
        guard bytes.first(where: { !($0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09) }) == UInt8(ascii: "{")
        else { throw malformed("starts with neither its magic nor JSON", at: 0) }
        var scanner = JSONScanner([UInt8](bytes))
        let document: JSONValue
        do {
            document = try scanner.value()
            try scanner.expectEnd()
        } catch {
            throw malformed("is neither binary nor JSON: expected \(error.expected)", at: error.offset)
        }
        guard case .object(var members) = document else { throw malformed("is no JSON object", at: 0) }
        if members.count == 1, members[0].key == "storage", case .object(let inner) = members[0].value {
            members = inner
        }
        return Decoded(record: Record(fields: fields(members)), isJSON: true)
    }

    private static func fields(_ members: [JSONValue.Member]) -> [Field] {
        members.map { Field($0.key, value($0.value)) }
    }

    private static func value(_ json: JSONValue) -> Value {
        switch json {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .number(let text): Int64(text).map { .int($0) } ?? .double(Double(text) ?? .nan)
        case .string(let text): .string(text)
        case .array(let values): .array(values.map(value))
        case .object(let members): .dictionary(fields(members))
        }
    }
}

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
        let document: Value
        do {
            document = try scanner.tree(Value.self)
            try scanner.expectEnd()
        } catch {
            throw malformed("is neither binary nor JSON: expected \(error.expected)", at: error.offset)
        }
        guard case .dictionary(var fields) = document else { throw malformed("is no JSON object", at: 0) }
        if fields.count == 1, fields[0].name == "storage", case .dictionary(let inner) = fields[0].value {
            fields = inner
        }
        return Decoded(record: Record(fields: fields), isJSON: true)
    }
}

extension Value: JSONTree {
    static func null() -> Value { .null }
    static func number(_ text: String) -> Value {
        Int64(text).map { .int($0) } ?? .double(Double(text) ?? .nan)
    }
    static func object(_ members: [(key: String, value: Value)]) -> Value {
        .dictionary(members.map { Field($0.key, $0.value) })
    }
}

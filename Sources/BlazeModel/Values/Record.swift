/// A record: fields in stored order.
///
/// Names are compared as bytes. A name that stands twice counts with its last value, as in every dictionary-based
/// reader.
public struct Record: Sendable, Equatable {
    /// The fields in stored order.
    public var fields: [Field]

    /// A record from its fields.
    public init(fields: [Field]) {
        self.fields = fields
    }

    /// The value of a field; nil when the record has none of that name.
    public subscript(name: String) -> Value? {
        // Most names are told apart by their length, which costs nothing to ask for.
        let wanted = name.utf8
        return fields.last { $0.name.utf8.count == wanted.count && $0.name.utf8.elementsEqual(wanted) }?.value
    }

    /// The id that the record carries itself; nil when it has none, or one that is no UUID.
    public var id: RecordID? {
        switch self["id"] {
        case .uuid(let id): id
        case .string(let text): RecordID(text)
        default: nil
        }
    }

    /// Whether BlazeDB leaves the record out of counts, queries and exports: `isDeleted` is true or a non-zero
    /// integer (FORMAT.md 4.1).
    public var isHidden: Bool {
        switch self["isDeleted"] {
        case .bool(let flag): flag
        case .int(let number): number != 0
        default: false
        }
    }

    /// What the record is, by the marks that BlazeDB's own layers leave (FORMAT.md 4.1).
    public var kind: RecordKind {
        guard case .string(let kind) = self["_blazeKind"] else { return .document }
        if kind == "_kv", case .string = self["_kvKey"], case .data = self["_kvValue"] { return .byteKeyValue }
        return .typed(kind)
    }
}

/// The layers of BlazeDB that write records.
public enum RecordKind: Hashable, Sendable {
    /// A plain document.
    case document
    /// A `BlazeStorable` object; the lower-cased type name.
    case typed(String)
    /// An entry of the byte key-value store.
    case byteKeyValue
}

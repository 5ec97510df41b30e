/// One field's value, in the types that BlazeDB stores (FORMAT.md 4).
public enum Value: Sendable, Equatable {
    /// Text, byte for byte as stored: no Unicode normalisation.
    case string(String)
    /// A 64-bit integer.
    case int(Int64)
    /// An IEEE-754 double.
    case double(Double)
    /// A truth value.
    case bool(Bool)
    /// A UUID.
    case uuid(RecordID)
    /// Seconds since 2001-01-01T00:00:00Z; may be any double.
    case date(Double)
    /// Bytes.
    case data([UInt8])
    /// Values in order.
    case array([Value])
    /// Keys and values in stored order; see `Record` for the rules on keys.
    case dictionary([Field])
    /// A vector of doubles, of which only the top half of each is stored.
    case vector(StoredVector)
    /// No value.
    case null
}

/// A vector as its stored 32-bit words (FORMAT.md trap T12).
///
/// BlazeDB writes the top four bytes of each double and reads them back as a byte-swapped float. The words are kept
/// exactly, so that nothing is lost by looking.
public struct StoredVector: Sendable, Equatable {
    /// The stored words, as big-endian integers.
    public var words: [UInt32]

    /// A vector from its stored words.
    public init(words: [UInt32]) {
        self.words = words
    }

    /// What was meant: each double with 20 bits of its mantissa.
    public var recovered: [Double] {
        words.map { Double(bitPattern: UInt64($0) << 32) }
    }

    /// What BlazeDB 2.8.1 reads from the same bytes.
    public var asReadByBlazeDB: [Double] {
        words.map { Double(Float(bitPattern: $0.byteSwapped)) }
    }
}

/// A name and its value.
public struct Field: Sendable, Equatable {
    /// The name, byte for byte as stored.
    public var name: String
    /// The value.
    public var value: Value

    /// A field.
    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}

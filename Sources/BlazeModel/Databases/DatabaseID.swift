/// Which database this is, wherever its files lie: a hash of its salt, or, for one of the salt-less kind made before
/// BlazeDB 2.7.1, of its data file's inode. Copies of a database share their id.
public struct DatabaseID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The count of bytes.
    public static let byteCount = 16
    /// The shortest prefix of the text form that names a database.
    public static let shortestPrefix = 6

    /// The id's bytes.
    public let bytes: [UInt8]

    /// An id from exactly 16 bytes; nil for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// 32 lower-case hex digits.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// An id from its text form.
    public init?(_ text: String) {
        guard text.utf8.count == 2 * Self.byteCount else { return nil }
        var out: [UInt8] = []
        var high: UInt8?
        for c in text.utf8 {
            guard let digit = Character(Unicode.Scalar(c)).hexDigitValue.map(UInt8.init) else { return nil }
            if let h = high {
                out.append(h << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        self.init(bytes: out)
    }

    /// Whether the text form starts with `prefix` (case ignored) and the prefix is long enough to count.
    public func matches(prefix: String) -> Bool {
        prefix.utf8.count >= Self.shortestPrefix && description.hasPrefix(prefix.lowercased())
    }

    /// Byte order.
    public static func < (a: DatabaseID, b: DatabaseID) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }
}

internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A backup's name, and that of its directory: the moment that it was begun, in UTC, and six hex digits by chance, as in
/// `20261127T051000Z-3f2a1c`.
public struct BackupID: Sendable, Hashable {
    /// The name.
    public let text: String

    /// A name from its text; nil for any other text.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        guard bytes.count == 23, bytes[..<8].allSatisfy(isDigit), bytes[8] == UInt8(ascii: "T"),
            bytes[9..<15].allSatisfy(isDigit), bytes[15] == UInt8(ascii: "Z"), bytes[16] == UInt8(ascii: "-"),
            bytes[17...].allSatisfy({ isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) })
        else { return nil }
        self.text = text
    }

    /// A new one.
    ///
    /// - Parameter moment: in nanoseconds since 1970.
    static func fresh(at moment: Int64) -> BackupID {
        let date = Date(timeIntervalSince1970: Double(moment / 1_000_000_000))
        let stamp = date.formatted(.iso8601).filter { $0.isLetter || $0.isNumber }
        let number = UInt32.random(in: 0..<(1 << 24))
        let digits = String(number, radix: 16)
        return BackupID(unchecked: "\(stamp)-" + String(repeating: "0", count: 6 - digits.count) + digits)
    }

    private init(unchecked text: String) { self.text = text }
}

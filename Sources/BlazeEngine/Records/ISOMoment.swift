#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Moments as ISO 8601 text, as BlazeDB writes them into metadata and typed records (FORMAT.md 4.1, 5.2).
enum ISOMoment {
    /// Seconds since 2001-01-01T00:00:00Z of `2026-11-23T20:35:02Z`, with a fraction or an offset in place of `Z` as well; nil
    /// for any other text.
    static func seconds(_ text: String) -> Double? {
        // Most texts are none, which is dear to find out by parsing them; and what stands behind a moment is not looked at there.
        guard (20...40).contains(text.utf8.count), text.utf8.allSatisfy(isPart),
            let last = text.utf8.last, last == UInt8(ascii: "Z") || isDigit(last)
        else { return nil }
        return (try? Date.ISO8601FormatStyle().parse(text))?.timeIntervalSinceReferenceDate
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isPart(_ byte: UInt8) -> Bool { isDigit(byte) || "TZ:.+-".utf8.contains(byte) }

    /// Seconds since 2001 of the first and the last moment that has four digits of a year.
    static let range = -63_113_904_000.0..<252_423_993_600.0
}

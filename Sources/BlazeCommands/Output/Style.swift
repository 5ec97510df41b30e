internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// How text for people is set: aligned and coloured on a terminal, plain in a pipe.
struct Style {
    /// Columns are padded; otherwise cells are separated by tabs.
    let aligned: Bool
    /// Colours and weights are used.
    let coloured: Bool

    func bold(_ text: String) -> String { wrap(text, "1") }
    func dim(_ text: String) -> String { wrap(text, "2") }

    func severity(_ severity: Finding.Severity) -> String {
        switch severity {
        case .note: severity.rawValue
        case .advice: wrap(severity.rawValue, "33")
        case .damage: wrap(severity.rawValue, "31")
        }
    }

    /// A line for a person in which only our own styling can drive a terminal: whatever else would (control characters,
    /// line ends, direction marks) is written out. Names and texts in a line come from files that anybody may have made.
    func printable(_ line: String) -> String {
        guard coloured else {
            let cells = aligned ? [line[...]] : line.split(separator: "\t", omittingEmptySubsequences: false)
            return cells.map { FilePath.displayString(Array($0.utf8)) }.joined(separator: "\t")
        }
        var out = ""
        var rest = line[...]
        while let escape = rest.unicodeScalars.firstIndex(of: "\u{1B}") {
            out += FilePath.displayString(Array(rest[..<escape].utf8))
            if let own = Self.sequences.first(where: { rest[escape...].unicodeScalars.starts(with: $0.unicodeScalars) })
            {
                out += own
                rest = Substring(rest[escape...].unicodeScalars.dropFirst(own.unicodeScalars.count))
            } else {
                out += "\\x1b"
                rest = Substring(rest[escape...].unicodeScalars.dropFirst())
            }
        }
        return out + FilePath.displayString(Array(rest.utf8))
    }

    /// The sequences that `wrap` writes.
    private static let sequences = ["0", "1", "2", "31", "33"].map { "\u{1B}[\($0)m" }

    private func wrap(_ text: String, _ code: String) -> String {
        coloured && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    /// A count of bytes for people.
    static func size(_ bytes: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(bytes) B" }
        // Tenths by integer arithmetic: 9.96 must not become "10.0" in one place and "9.9" in another.
        let tenths = Int((value * 10).rounded())
        return tenths >= 1000 ? "\((tenths + 5) / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// A moment in UTC (RFC 3339, whole seconds).
    static func time(nanoseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000_000)).formatted(.iso8601)
    }

    /// A duration for people.
    static func duration(seconds: Double) -> String {
        switch seconds {
        case ..<0.001: "\(Int((seconds * 1_000_000).rounded())) us"
        case ..<1: "\(Int((seconds * 1000).rounded())) ms"
        case ..<120: "\(Int(seconds.rounded())) s"
        case ..<7200: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3600)) h"
        default: "\(Int(seconds / 86400)) d"
        }
    }
}

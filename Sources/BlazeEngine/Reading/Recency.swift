#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// How long ago a file changed.
enum Recency {
    /// Whether a moment, in nanoseconds since 1970, is less than a duration ago. One to come is not.
    static func isRecent(_ moment: Int64, within duration: Duration) -> Bool {
        let age = Date().timeIntervalSince1970 - Double(moment) / 1e9
        return age >= 0 && age < duration / .seconds(1)
    }
}

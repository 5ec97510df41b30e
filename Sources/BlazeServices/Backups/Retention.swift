#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Which backups of one database stay: the last ones, and the last one of each hour, day, week, month and year, as many of those as
/// are asked for. The moments are UTC's; weeks begin on Monday (ISO 8601).
public struct Retention: Sendable, Hashable {
    /// How many of each kind stay.
    public struct Counts: Sendable, Hashable {
        /// The last ones.
        public var last = 0
        /// Hours of which the last one stays.
        public var hourly = 0
        /// Days of which the last one stays.
        public var daily = 0
        /// Weeks of which the last one stays.
        public var weekly = 0
        /// Months of which the last one stays.
        public var monthly = 0
        /// Years of which the last one stays.
        public var yearly = 0

        /// None.
        public init() {}

        /// Whether no rule keeps anything.
        public var isEmpty: Bool { self == Counts() }
    }

    /// A backup, as far as it matters here.
    public struct Item: Sendable, Hashable {
        /// When it was taken, in nanoseconds since 1970.
        public let taken: Int64
        /// Whether it was found sound.
        public let isVerified: Bool

        /// A backup.
        public init(taken: Int64, isVerified: Bool) {
            self.taken = taken
            self.isVerified = isVerified
        }
    }

    private let counts: Counts

    /// Rules.
    public init(_ counts: Counts) { self.counts = counts }

    /// Why each of the backups stays, in stable words such as `last 1` or `daily 2026-11-27`; none where it goes.
    ///
    /// - Parameter items: the newest first.
    public func reasons(_ items: [Item]) -> [[String]] {
        var out = [[String]](repeating: [], count: items.count)
        for place in items.indices.prefix(counts.last) { out[place].append("last \(place + 1)") }
        let periods: [(String, Int, (Moment) -> String)] = [
            ("hourly", counts.hourly, \.hour), ("daily", counts.daily, \.day), ("weekly", counts.weekly, \.week),
            ("monthly", counts.monthly, \.month), ("yearly", counts.yearly, \.year),
        ]
        for (name, count, period) in periods where count > 0 {
            var seen: [String] = []
            for (place, item) in items.enumerated() {
                let text = period(Moment(item.taken))
                guard !seen.contains(text) else { continue }
                seen.append(text)
                guard seen.count <= count else { break }
                out[place].append("\(name) \(text)")
            }
        }
        // Whatever the rules say, there is one that is known to restore.
        if let newest = items.firstIndex(where: \.isVerified), out[newest].isEmpty {
            out[newest].append("newest verified")
        }
        return out
    }
}

/// A moment's places in the calendar.
private struct Moment {
    private let date: Date
    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = .gmt
        return calendar
    }()

    init(_ nanoseconds: Int64) {
        date = Date(timeIntervalSince1970: Double(nanoseconds.quotientAndFloor(by: 1_000_000_000)))
    }

    private func part(_ component: Calendar.Component) -> Int { Self.calendar.component(component, from: date) }
    private func padded(_ number: Int, _ width: Int = 2) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    var year: String { padded(part(.year), 4) }
    var month: String { "\(year)-\(padded(part(.month)))" }
    var day: String { "\(month)-\(padded(part(.day)))" }
    var hour: String { "\(day) \(padded(part(.hour))):00" }
    var week: String { "\(padded(part(.yearForWeekOfYear), 4))-W\(padded(part(.weekOfYear)))" }
}

extension Int64 {
    fileprivate func quotientAndFloor(by divisor: Int64) -> Int64 {
        let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }
}

import BlazeServices
import Testing

/// Which backups stay, and why.
@Suite struct RetentionTests {
    private static let hour: Int64 = 3_600_000_000_000
    /// 2026-11-27 00:30 UTC, a Friday.
    private static let midnight: Int64 = 1_795_739_400_000_000_000

    private static func items(_ hoursBefore: [Int64], verified: Set<Int> = []) -> [Retention.Item] {
        hoursBefore.enumerated().map { place, hours in
            Retention.Item(taken: midnight - hours * hour, isVerified: verified.isEmpty || verified.contains(place))
        }
    }

    private static func reasons(_ items: [Retention.Item], _ set: (inout Retention.Counts) -> Void) -> [[String]] {
        var counts = Retention.Counts()
        set(&counts)
        return Retention(counts).reasons(items)
    }

    @Test func theLastOnesStay() {
        #expect(
            Self.reasons(Self.items([0, 1, 2])) { $0.last = 2 } == [["last 1"], ["last 2"], []])
    }

    /// The last one of each day, also over midnight; days without a backup do not count.
    @Test func theLastOfEachPeriodStays() {
        let items = Self.items([0, 1, 2, 30, 100])
        #expect(
            Self.reasons(items) { $0.daily = 3 }
                == [["daily 2026-11-27"], ["daily 2026-11-26"], [], ["daily 2026-11-25"], []])
        #expect(
            Self.reasons(items) { $0.hourly = 2 }
                == [["hourly 2026-11-27 00:00"], ["hourly 2026-11-26 23:00"], [], [], []])
    }

    @Test func weeksMonthsAndYearsAreThoseOfTheCalendar() {
        // 2026-11-27, 11-20, 10-27, 2025-12-30 (which is in the first week of 2026).
        let items = Self.items([0, 24 * 7, 24 * 31, 24 * 332])
        let kept = Self.reasons(items) {
            $0.weekly = 4
            $0.monthly = 3
            $0.yearly = 2
        }
        #expect(kept[0] == ["weekly 2026-W48", "monthly 2026-11", "yearly 2026"])
        #expect(kept[1] == ["weekly 2026-W47"])
        #expect(kept[2] == ["weekly 2026-W44", "monthly 2026-10"])
        #expect(kept[3] == ["weekly 2026-W01", "monthly 2025-12", "yearly 2025"])
    }

    @Test func theNewestVerifiedOneStaysWhateverTheRulesSay() {
        let items = Self.items([0, 1, 2, 3], verified: [2, 3])
        #expect(
            Self.reasons(items) { $0.last = 1 } == [["last 1"], [], ["newest verified"], []])
        #expect(Self.reasons(Self.items([0, 1])) { $0.last = 5 } == [["last 1"], ["last 2"]])
        #expect(Self.reasons([]) { $0.daily = 1 }.isEmpty)
    }
}

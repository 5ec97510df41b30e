internal import BlazePlatform

/// The last wrong attempt of one user: how many there were in a row, and when the last one was, on both clocks.
struct AttemptRecord: Equatable {
    /// The longest pause.
    static let longestPause: Duration = .seconds(30)
    private static let firstPause: Duration = .milliseconds(250)
    /// From so many on the pause is the longest.
    static let failuresOfLongestPause = 8
    /// More are not counted.
    static let mostFailures = 1_000_000

    var failures: Int
    /// On the clock that nobody can set, which begins anew with the machine.
    var sinceBoot: Duration
    var bootID: String
    var sinceEpoch: Duration

    /// How long after so many wrong attempts in a row the next one may be made: 0.25 s, doubled each time, up to 30 s.
    static func pause(after failures: Int) -> Duration {
        guard failures > 0 else { return .zero }
        guard failures < failuresOfLongestPause else { return longestPause }
        return firstPause * (1 << (failures - 1))
    }

    /// What is left of the pause. Within one start of the machine only the clock that cannot be set counts; after
    /// another one the wall clock does, and one that was set back cannot make the pause longer than it was.
    func remaining(_ bootID: String, _ clock: any MachineClock) -> Duration {
        let pause = Self.pause(after: failures)
        let passed = self.bootID == bootID ? clock.sinceBoot() - sinceBoot : clock.sinceEpoch() - sinceEpoch
        return passed < .zero ? pause : max(.zero, pause - passed)
    }

    /// The same as a record of this start of the machine: from here on nobody can set its clock.
    func on(_ bootID: String, _ clock: any MachineClock) -> AttemptRecord {
        let passed = Self.pause(after: failures) - remaining(bootID, clock)
        return AttemptRecord(
            failures: failures, sinceBoot: clock.sinceBoot() - passed, bootID: bootID,
            sinceEpoch: clock.sinceEpoch() - passed)
    }
}

extension AttemptRecord {
    /// A wrong attempt that ended now.
    init(failures: Int, _ bootID: String, _ clock: any MachineClock) {
        self.init(
            failures: failures, sinceBoot: clock.sinceBoot(), bootID: bootID, sinceEpoch: clock.sinceEpoch())
    }
}

/// The text in which the records are kept: a line `blazedb-agent attempts 1`, then for each user a line
/// `uid failures milliseconds-since-boot boot-id milliseconds-since-1970`.
struct AttemptText {
    static let sizeLimit: UInt64 = 16 << 10
    private static let heading = "blazedb-agent attempts 1"

    var records: [UInt32: AttemptRecord]

    init(records: [UInt32: AttemptRecord]) {
        self.records = records
    }

    /// nil when any part of it is not as this type writes it.
    init?(_ text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard text.hasSuffix("\n"), lines.removeFirst() == Self.heading else { return nil }
        lines.removeLast()
        records = [:]
        for line in lines {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 5, let uid = UInt32(parts[0]), records[uid] == nil,
                let failures = Int(parts[1]), (1...AttemptRecord.mostFailures).contains(failures),
                let sinceBoot = Int64(parts[2]), let sinceEpoch = Int64(parts[4]), !parts[3].isEmpty
            else { return nil }
            records[uid] = AttemptRecord(
                failures: failures, sinceBoot: .milliseconds(sinceBoot), bootID: String(parts[3]),
                sinceEpoch: .milliseconds(sinceEpoch))
        }
    }

    var text: String {
        records.sorted { $0.key < $1.key }.reduce(into: Self.heading + "\n") { text, entry in
            let (uid, record) = entry
            text += "\(uid) \(record.failures) \(Self.milliseconds(record.sinceBoot)) \(record.bootID) "
            text += "\(Self.milliseconds(record.sinceEpoch))\n"
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

internal import BlazePlatform

/// How long a read goes on trying beside a writer (FORMAT.md 8.1a), and whether the files stand still meanwhile.
struct Patience {
    /// How long one record, or one opening, is tried again.
    var limit: Duration = .seconds(2)
    /// How long all trying of one read may take together.
    var total: Duration = .seconds(20)

    private var lastChange = ContinuousClock.now
    private var stamp: Generation.Stamp?
    private(set) var spent: Duration = .zero

    /// Notes the files as they are now.
    mutating func note(_ now: Generation.Stamp) {
        if now != stamp {
            stamp = now
            lastChange = .now
        }
    }

    /// Whether the files have stood still for so long that nothing can be under way.
    var isQuiet: Bool { stamp != nil && ContinuousClock.now - lastChange >= limit }

    /// Whether what was begun at an instant has been tried long enough.
    func isExhausted(since start: ContinuousClock.Instant) -> Bool {
        isQuiet || ContinuousClock.now - start >= limit || spent >= total
    }

    /// Rests before the next try.
    mutating func rest(_ milliseconds: Int32) {
        let start = ContinuousClock.now
        waitMilliseconds(milliseconds)
        spent += ContinuousClock.now - start
    }
}

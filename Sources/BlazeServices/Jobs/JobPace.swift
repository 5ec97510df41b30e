internal import BlazeModel

/// How fast a job goes: its rate, smoothed, and what is left by it.
struct JobPace {
    /// Shorter stretches tell nothing of a rate.
    private static let stretch: Duration = .milliseconds(200)
    /// How much the newest stretch counts.
    private static let weight = 0.3

    private var phase = ""
    private var mark: (done: Int, at: ContinuousClock.Instant)?
    private var rate: Double?

    /// The progress that is told, from what the work said just now.
    mutating func progress(
        _ phase: String, done: Int, total: Int, at now: ContinuousClock.Instant
    ) -> JobProgress {
        if phase != self.phase {
            self.phase = phase
            mark = nil
            rate = nil
        }
        if let mark {
            let passed = now - mark.at
            if passed >= Self.stretch {
                let latest = max(0, Double(done - mark.done) / (passed / .seconds(1)))
                rate = rate.map { $0 + Self.weight * (latest - $0) } ?? latest
                self.mark = (done, now)
            }
        } else {
            mark = (done, now)
        }
        let left = rate.flatMap { rate in rate > 0 && total >= done ? Double(total - done) / rate : nil }
        return JobProgress(phase: phase, done: done, total: total, rate: rate, secondsLeft: left)
    }
}

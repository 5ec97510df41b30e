public import BlazePlatform
import Synchronization

/// A machine clock that stands still until a test moves it.
public final class HandClock: MachineClock {
    private struct Times {
        var boot: Duration
        var awake: Duration
        var epoch: Duration
    }
    private let times: Mutex<Times>
    /// Which start of the machine this is.
    public let bootID: String?

    /// A clock of a machine that runs for so long.
    public init(
        sinceBoot: Duration = .seconds(1000), sinceEpoch: Duration = .seconds(1_700_000_000), bootID: String? = "first"
    ) {
        times = Mutex(Times(boot: sinceBoot, awake: sinceBoot, epoch: sinceEpoch))
        self.bootID = bootID
    }

    /// As it was moved.
    public func sinceBoot() -> Duration { times.withLock { $0.boot } }
    /// As it was moved, without time asleep.
    public func awake() -> Duration { times.withLock { $0.awake } }
    /// As it was moved and set.
    public func sinceEpoch() -> Duration { times.withLock { $0.epoch } }

    /// Time passes.
    public func pass(_ duration: Duration) {
        times.withLock {
            $0.boot += duration
            $0.awake += duration
            $0.epoch += duration
        }
    }

    /// The machine sleeps for so long.
    public func suspend(_ duration: Duration) {
        times.withLock {
            $0.boot += duration
            $0.epoch += duration
        }
    }

    /// Somebody sets the wall clock by so much.
    public func setWall(by duration: Duration) { times.withLock { $0.epoch += duration } }
}

public import BlazePlatform
internal import Synchronization

/// What ends an unlocked session by itself.
public struct SessionLimits: Sendable, Equatable {
    /// How long nothing may use a secret; nil for ever.
    public var idle: Duration?
    /// How long a session lasts however much it is used; nil for ever.
    public var absolute: Duration?
    /// Whether having slept ends it.
    public var endsWithSleep: Bool

    /// Limits; without any the session ends with sleep only.
    public init(idle: Duration? = nil, absolute: Duration? = nil, endsWithSleep: Bool = true) {
        self.idle = idle
        self.absolute = absolute
        self.endsWithSleep = endsWithSleep
    }
}

/// How long an unlocked session has left.
public struct SessionDeadlines: Sendable, Equatable {
    /// Until the idle deadline, if nothing uses a secret until then; nil without such a deadline or without a session.
    public var idle: Duration?
    /// Until the absolute deadline; nil as above.
    public var absolute: Duration?

    /// What is left until each.
    public init(idle: Duration? = nil, absolute: Duration? = nil) {
        self.idle = idle
        self.absolute = absolute
    }

    /// Until the first of the two.
    public var next: Duration? { [idle, absolute].compactMap { $0 }.min() }
}

/// When an unlocked session is over: its deadlines, in time that goes on while the machine sleeps, and whether the
/// machine has slept.
///
/// Does nothing by itself. Whoever uses secrets asks `due` before every request, so that a session whose time ran out
/// while nothing happened, or while the machine slept, ends before the first reply; asking costs two clock readings.
public final class SessionTimer: Sendable {
    /// Asleep for longer than this counts as sleep; the two clocks never differ by as much while awake.
    public static let sleepThreshold: Duration = .seconds(2)

    private struct Session {
        var limits: SessionLimits
        let begun: Duration
        var touched: Duration
        /// How far the clock that goes on in sleep was ahead at the last look.
        var slept: Duration
        /// Once over, a session stays over until it is ended, whatever happens to its limits.
        var over: LockReason?
    }

    private let clock: any MachineClock
    private let session = Mutex<Session?>(nil)

    /// A timer without a session.
    public init(clock: any MachineClock = SystemMachineClock()) {
        self.clock = clock
    }

    /// A session begins now; one that was going on is forgotten.
    public func begin(_ limits: SessionLimits) {
        session.withLock { session in
            let now = clock.sinceBoot()
            session = Session(limits: limits, begun: now, touched: now, slept: now - clock.awake())
        }
    }

    /// The session is over and its secrets are gone.
    public func end() { session.withLock { $0 = nil } }

    /// Changed settings count for the session that is going on as well.
    public func adopt(_ limits: SessionLimits) {
        session.withLock { session in
            look(&session)
            session?.limits = limits
        }
    }

    /// A request uses a secret: the idle deadline is counted from now. A session that is over stays over.
    public func touch() {
        session.withLock { session in
            let now = look(&session)
            if session?.over == nil { session?.touched = now }
        }
    }

    /// Why the session has to end now; nil when it may go on, or there is none.
    public func due() -> LockReason? {
        session.withLock { session in
            look(&session)
            return session?.over
        }
    }

    /// What is left, never less than zero.
    public func deadlines() -> SessionDeadlines {
        session.withLock { session in
            let now = look(&session)
            guard let session else { return SessionDeadlines() }
            func left(_ limit: Duration?, since start: Duration) -> Duration? {
                limit.map { max(.zero, $0 - (now - start)) }
            }
            return SessionDeadlines(
                idle: left(session.limits.idle, since: session.touched),
                absolute: left(session.limits.absolute, since: session.begun))
        }
    }

    /// Looks at the clocks and remembers what is over; the time now.
    @discardableResult
    private func look(_ session: inout Session?) -> Duration {
        let now = clock.sinceBoot()
        guard var current = session, current.over == nil else { return now }
        let slept = now - clock.awake()
        if current.limits.endsWithSleep, slept - current.slept > Self.sleepThreshold {
            current.over = .suspend
        } else if let limit = current.limits.absolute, now - current.begun >= limit {
            current.over = .absolute
        } else if let limit = current.limits.idle, now - current.touched >= limit {
            current.over = .idle
        }
        current.slept = slept
        session = current
        return now
    }
}

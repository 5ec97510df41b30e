internal import BlazeLogind
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

extension WireSessionStatus {
    /// When everything is locked by itself, as far as it is so.
    init(_ state: AgentState) {
        self.init()
        let settings = state.sessionSettings
        let left = state.timer.deadlines()
        func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(max(0, duration / .nanoseconds(1))) }
        if let since = state.life.since { unlockedSince = since }
        if let limit = settings.idleTimeout { idleTimeout = nanoseconds(limit) }
        if let limit = settings.maxLifetime { maxLifetime = nanoseconds(limit) }
        if let left = left.idle { idleLeft = nanoseconds(left) }
        if let left = left.absolute { lifetimeLeft = nanoseconds(left) }
        locksOnSuspend = settings.locksOnSuspend
        locksOnScreenLock = settings.locksOnScreenLock
        locksOnLogout = settings.locksOnLogout
        switch state.logins?.state {
        case .watching: logind = true
        case .connecting: logindProblem = "not asked yet"
        case .unavailable(let reason): logindProblem = reason
        case .unsupported: logindProblem = "this system has none"
        case nil: logindProblem = "the system gave no thread"
        }
        lastLock = state.life.lastLock?.rawValue ?? ""
        promptWaiters = UInt32(clamping: state.prompts.waiterCount)
        retryAfter = nanoseconds(state.attempts.retryAfter(uid: CurrentUser.id))
    }
}

/// What happens to the user's login sessions and to the machine.
public enum LoginEvent: Sendable, Hashable {
    /// The machine is about to sleep. It waits, some seconds at most, until the handler returns.
    case sleep
    /// It has slept, or did not after all.
    case wake
    /// The screen of one of the user's sessions was locked.
    case screenLock
    /// The user's last session ended.
    case logout
    /// The machine is about to be shut down or restarted.
    case shutdown
}

/// Whether anything is known of such events.
public enum LoginWatchState: Sendable, Equatable {
    /// Not asked yet.
    case connecting
    /// They are told. Without the sleep lock, the machine may sleep a moment before keys are gone.
    case watching(delaysSleep: Bool)
    /// There is no system bus, or no logind on it. It is tried again now and then.
    case unavailable(reason: String)
    /// The operating system has no logind.
    case unsupported
}

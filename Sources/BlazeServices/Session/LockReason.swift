/// Why a session is locked.
public enum LockReason: String, Sendable, Hashable, CaseIterable {
    /// Nothing used a secret for as long as the setting allows.
    case idle
    /// The session has lasted as long as the setting allows.
    case absolute = "lifetime"
    /// The machine is put to sleep, or has slept.
    case suspend
    /// The screen was locked.
    case screenLock = "screen-lock"
    /// The user's last login session ended.
    case logout
    /// Somebody asked for it.
    case request
    /// The agent stops.
    case stop

    /// For a sentence that goes on after "locked".
    public var clause: String {
        switch self {
        case .idle: "because it was idle"
        case .absolute: "because its longest time was over"
        case .suspend: "because the machine slept"
        case .screenLock: "because the screen was locked"
        case .logout: "because the user logged out"
        case .request: "on request"
        case .stop: "because the agent stopped"
        }
    }
}

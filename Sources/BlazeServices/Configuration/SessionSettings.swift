/// What the settings say about unlocked sessions.
public struct SessionSettings: Sendable, Equatable {
    /// How long nothing may use a secret; nil for ever.
    public let idleTimeout: Duration?
    /// How long a session lasts at all; nil for ever.
    public let maxLifetime: Duration?
    /// Whether going to sleep locks.
    public let locksOnSuspend: Bool
    /// Whether locking the screen locks.
    public let locksOnScreenLock: Bool
    /// Whether the end of the user's last login session locks.
    public let locksOnLogout: Bool

    /// The limits that a `SessionTimer` watches.
    public var limits: SessionLimits {
        SessionLimits(idle: idleTimeout, absolute: maxLifetime, endsWithSleep: locksOnSuspend)
    }
}

extension Configuration {
    /// What it says about unlocked sessions.
    public var session: SessionSettings {
        SessionSettings(
            idleTimeout: self[.sessionIdleTimeout].duration, maxLifetime: self[.sessionMaxLifetime].duration,
            locksOnSuspend: self[.sessionLockOnSuspend].isOn, locksOnScreenLock: self[.sessionLockOnScreenLock].isOn,
            locksOnLogout: self[.sessionLockOnLogout].isOn)
    }
}

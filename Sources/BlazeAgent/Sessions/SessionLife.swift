internal import BlazeServices
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Since when anything is unlocked, why everything was locked last, and what the settings said last.
final class SessionLife: Sendable {
    private struct State {
        var since: Int64?
        var lastLock: LockReason?
        var settings: SessionSettings?
    }

    private let state = Mutex(State())

    /// Something was unlocked; true when nothing was before.
    func began() -> Bool {
        state.withLock { state in
            guard state.since == nil else { return false }
            state.since = Int64(Date().timeIntervalSince1970 * 1_000_000_000)
            return true
        }
    }

    /// Everything was locked.
    ///
    /// - Parameter wasOpen: whether anything was unlocked; otherwise this is not told as the last lock.
    func ended(_ reason: LockReason, wasOpen: Bool) {
        state.withLock { state in
            state.since = nil
            if wasOpen { state.lastLock = reason }
        }
    }

    /// Notes what the settings say now.
    func settings(_ now: SessionSettings) -> SessionSettings {
        state.withLock { $0.settings = now }
        return now
    }

    /// What the settings said when they could be read last; nil when they never could.
    var lastSettings: SessionSettings? { state.withLock { $0.settings } }

    /// Nanoseconds since 1970; nil while everything is locked.
    var since: Int64? { state.withLock { $0.since } }
    var lastLock: LockReason? { state.withLock { $0.lastLock } }
}

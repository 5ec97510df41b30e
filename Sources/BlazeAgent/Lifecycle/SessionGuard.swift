internal import BlazeLogind
internal import BlazePlatform
internal import BlazeServices
internal import Logging
internal import Synchronization

/// Locks the session when its time is over, and when the machine sleeps, the screen is locked or the user logs out.
///
/// Requests look at the deadlines themselves, so that none is answered late; this looks every second for keys that nobody
/// asks for, and takes notice of changed settings.
final class SessionGuard: Sendable {
    private let state: AgentState
    private let stopping: WakePipe

    init(_ state: AgentState) throws(ThreadError) {
        self.state = state
        stopping = try WakePipe()
    }

    /// Ends the threads.
    func stop() {
        stopping.wake()
        state.logins?.stop()
    }

    /// Starts the threads.
    func start() throws(ThreadError) {
        try spawnThread(named: "session") { self.watchClock() }
        try spawnThread(named: "vault-uses") { self.writeUses() }
        guard let logins = state.logins else { return }
        try spawnThread(named: "logind") { logins.run { self.take($0) } }
    }

    private func watchClock() {
        var looks = 0
        while waitForInput([stopping.descriptor], within: .seconds(1)).isEmpty {
            state.lockIfDue()
            looks += 1
            guard looks % 5 == 0 else { continue }
            state.timer.adopt(state.sessionSettings.limits)
        }
    }

    /// When entries were used last is written some seconds later, so that no request waits for the disk; on a thread of its
    /// own, so that no deadline does.
    private func writeUses() {
        while waitForInput([stopping.descriptor], within: .seconds(5)).isEmpty {
            do {
                try state.vault.writeUses()
            } catch {
                state.log.warning("uses of the vault not written", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func take(_ event: LoginEvent) {
        let settings = state.sessionSettings
        switch event {
        case .sleep where settings.locksOnSuspend: state.lockEverything(.suspend)
        case .screenLock where settings.locksOnScreenLock: state.lockEverything(.screenLock)
        case .logout where settings.locksOnLogout: state.lockEverything(.logout)
        case .shutdown: state.lockEverything(.stop)
        // A machine that slept without saying so beforehand.
        case .wake: state.lockIfDue()
        default: break
        }
    }
}

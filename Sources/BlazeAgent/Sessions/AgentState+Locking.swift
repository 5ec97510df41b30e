internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Logging
internal import SystemPackage

extension AgentState {
    /// Wipes every key: those of databases, the vault's, and those that operations work with, which end.
    ///
    /// - Returns: the databases that were unlocked; whether the vault was.
    @discardableResult
    func lockEverything(_ reason: LockReason) -> (paths: [FilePath], vault: Bool) {
        // First of all nothing new comes in: keys that are being derived are worth nothing from here on.
        let paths = sessions.lockAll()
        let wasOpen = vault.lock()
        let areEnded = keyUses.endAll()
        if !areEnded { log.error("operations with keys have not ended within a second") }
        let (_, areGiven) = leases.recall(nil)
        if !areGiven { log.error("operations with locks have not ended in time") }
        timer.end()
        if wasOpen || !paths.isEmpty { life.ended(reason) }
        if wasOpen || !paths.isEmpty {
            log.info("locked", metadata: ["reason": "\(reason.rawValue)", "databases": "\(paths.count)"])
        }
        return (paths, wasOpen)
    }

    /// Something was unlocked: a session begins with the first, and goes on with the others.
    func beginSession() {
        if life.began() {
            timer.begin(sessionSettings.limits)
        } else {
            timer.touch()
        }
    }

    /// What the settings say about sessions. While the file is broken, which `status` tells, what they said last: a
    /// session never lasts longer because of a typing error.
    var sessionSettings: SessionSettings {
        do throws(ConfigurationError) {
            return life.settings(try configuration.load().session)
        } catch {
            return life.lastSettings ?? Configuration(home: paths.home).session
        }
    }

    /// Locks one database; false when it was not unlocked.
    func lock(_ path: FilePath) -> Bool {
        let was = sessions.lock(path)
        if !keyUses.endAll(on: path) { log.error("operations with keys have not ended within a second") }
        _ = leases.recall(path)
        return was
    }

    /// Before each request: a session whose time is over, or through which the machine slept, has ended already.
    func lockIfDue() {
        if let reason = timer.due() { lockEverything(reason) }
    }
}

internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault
internal import Logging
internal import SystemPackage

extension AgentState {
    /// Wipes every key: those of databases, the vault's, and those that operations work with, which end.
    ///
    /// - Returns: the databases that were unlocked; whether the vault was.
    @discardableResult
    func lockEverything(_ reason: LockReason) -> (paths: [FilePath], vault: Bool) {
        // All of it in one moment: keys that are being derived are worth nothing from here on, no key can be taken out of
        // the vault any more, and what is unlocked from now on is another session.
        var opened: OpenVault?
        let paths = sessions.lockAll { hadSessions in
            opened = vault.close()
            timer.end()
            life.ended(reason, wasOpen: hadSessions || opened != nil)
        }
        let wasOpen = opened != nil
        opened?.wipe()
        let areEnded = keyUses.endAll()
        if !areEnded { log.error("operations with keys have not ended within a second") }
        let (_, areGiven) = leases.recall(nil)
        if !areGiven { log.error("operations with locks have not ended in time") }
        if wasOpen || !paths.isEmpty {
            log.info("locked", metadata: ["reason": "\(reason.rawValue)", "databases": "\(paths.count)"])
        }
        return (paths, wasOpen)
    }

    /// Something is unlocked: a session begins with the first, and goes on with the others. Called where nothing can be
    /// locked meanwhile.
    private func beginSession(_ settings: SessionSettings) {
        if life.began() {
            timer.begin(settings.limits)
        } else {
            timer.touch()
        }
    }

    /// Keeps a database's key, unless the database was locked since `epoch`.
    ///
    /// - Parameter isNewer: see `SessionRegistry.put`.
    /// - Returns: the session that the database has now; nil when it was locked.
    func keep(
        _ session: DatabaseSession, since epoch: SessionRegistry.Epoch, isNewer: Bool
    ) -> DatabaseSession? {
        let settings = sessionSettings
        return sessions.put(session, since: epoch, isNewer: isNewer) { beginSession(settings) }
    }

    /// Keeps an unlocked vault, unless everything was locked since `epoch`: it is wiped then.
    func keep(_ opened: OpenVault, since epoch: SessionRegistry.Epoch) -> VaultSession.Keeping {
        let settings = sessionSettings
        return vault.keep(opened, since: epoch, sessions) { beginSession(settings) }
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

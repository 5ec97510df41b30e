internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault
internal import Logging
internal import SystemPackage

extension VaultSession {
    /// A session by what the vault keeps for a database; nil when the vault is locked, has nothing for it, or what it has
    /// does not fit any more.
    ///
    /// With the derived key that belongs to the present salt this costs no PBKDF2; a changed salt derives again, once.
    ///
    /// - Parameter isRescue: the key is verified by whatever is left of a damaged database.
    func openSession(
        _ database: LocatedDatabase, iterations: Int?, _ state: AgentState, isRescue: Bool = false
    ) throws -> DatabaseSession? {
        guard let vault = current else { return nil }
        let epoch = state.sessions.epoch(of: database.path)
        guard let identity = try FileSummary.read(database.files, in: state.storage).identity,
            let entry = try vault.entry(for: identity) ?? vault.entries().first(where: { $0.path == database.path })
        else { return nil }
        guard let key = try key(entry, of: database, iterations: iterations, vault, state, isRescue) else { return nil }
        let fresh = DatabaseSession(path: database.path, key: key)
        guard let session = state.keep(fresh, since: epoch, isNewer: false) else {
            throw Fault.lockedMeanwhile(database.title)
        }
        vault.noteUse(entry.identity)
        if entry.path != database.path { remember(path: database.path, of: entry, vault, state) }
        return session
    }

    private func key(
        _ entry: VaultEntry, of database: LocatedDatabase, iterations: Int?, _ vault: OpenVault, _ state: AgentState,
        _ isRescue: Bool
    ) throws -> DatabaseKey? {
        let (files, storage) = (database.files, state.storage)
        if let kept = entry.kdfIterations, iterations == nil || iterations == Int(kept),
            try entry.saltFingerprint == DatabaseKey.saltFingerprint(of: files, in: storage),
            let stored = try vault.derivedKey(of: entry.identity)
        {
            let count = Int(stored.iterations)
            do throws(EngineError) {
                return isRescue
                    ? try DatabaseKey(storedForRescue: stored.intoKey(), iterations: count, of: files, in: storage)
                    : try DatabaseKey(stored: stored.intoKey(), iterations: count, for: files, in: storage)
            } catch {
                guard error.code == .wrongPassword else { throw error }
            }
        }
        guard var password = try vault.password(of: entry.identity) else { return nil }
        var key: DatabaseKey
        do throws(EngineError) {
            key =
                isRescue
                ? try DatabaseKey.deriveForRescue(
                    of: files, in: storage, password: &password, iterations: iterations)
                : try DatabaseKey.derive(for: files, in: storage, password: &password, iterations: iterations)
        } catch {
            guard error.code == .wrongPassword else { throw error }
            return nil
        }
        // One that was verified by what is left of a database does not take the place of one that its metadata verified.
        if isRescue { return key }
        do {
            var derived: DerivedKey? = try DerivedKey(of: &key)
            try vault.setKey(&derived, of: entry.identity)
        } catch {
            // The next opening derives again; this one has its key.
            state.log.warning("derived key not kept", metadata: ["reason": "\(error)"])
        }
        return key
    }

    /// Keeps where the database is now, for people who list the vault.
    private func remember(path: FilePath, of entry: VaultEntry, _ vault: OpenVault, _ state: AgentState) {
        // A copy elsewhere is not the database that the entry was made for.
        if let known = entry.path, DatabaseRows.exists(known, in: state.storage) { return }
        do {
            try vault.moved(entry.identity, to: path)
        } catch {
            state.log.warning("new path not kept", metadata: ["reason": "\(error)"])
        }
    }
}

extension DerivedKey {
    /// A copy of a database's key for the vault to keep.
    init(of key: inout DatabaseKey) throws {
        let (iterations, fingerprint) = (key.iterations, key.saltFingerprint)
        self.init(
            key: try key.withSecret { try SecretBytes(copying: $0) },
            saltFingerprint: fingerprint, iterations: UInt32(clamping: iterations))
    }
}

extension Fault {
    /// A lock came while a key was derived, and has won.
    static func lockedMeanwhile(_ title: String) -> Fault {
        Fault(
            .lockedMeanwhile, "\(title) was locked while it was being unlocked", hint: "unlock it again", target: title)
    }
}

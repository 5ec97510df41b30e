internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault

/// A database opened for one request: by the password that came with it, else by the session's key.
struct OpenDatabase {
    let reader: DatabaseReader
    /// The iteration count of the key in use.
    let iterations: Int
    /// The data file's lock, where the request asked for it.
    let lease: DatabaseLease?
    private let use: KeyUse

    /// Ends the operation when its lock was released, or its database locked. Asked now and then while it runs.
    func check() throws {
        try lease?.check()
        try use.check()
    }

    /// Whether neither has happened.
    var isWanted: Bool { lease?.isRecalled != true && !use.isEnded }

    /// How closely the database is looked at.
    var tier: WireTier { lease == nil ? .observe : .lease }

    /// Opens, or tells that there is no key.
    ///
    /// - Returns: nil when no password came and the database is locked, or the request does not want to look closer than
    ///   stat and unsigned metadata allow.
    static func openIfPossible(
        _ database: LocatedDatabase, secret: inout SecretBytes?, iterations: UInt32?, access: DatabaseAccess,
        _ call: Call
    ) throws -> OpenDatabase? {
        let state = call.state
        if access.tier == .file { return nil }
        if var password = secret.take() {
            let use = state.keyUses.begin(database, abandon: call.responder.abandon)
            var key = try DatabaseKey.derive(
                for: database.files, in: state.storage, password: &password,
                iterations: try checked(iterations: iterations))
            try use.check()
            let lease = try access.lease(database, call) { !use.isEnded }
            try use.check()
            let reader = try DatabaseReader(
                database.files, in: state.storage, key: key.withKey { $0 }, underLease: lease != nil)
            return OpenDatabase(reader: reader, iterations: key.iterations, lease: lease, use: use)
        }
        let count = try checked(iterations: iterations)
        guard
            let session = try state.sessions[database.path]
                ?? state.vault.openSession(database, iterations: count, state)
        else {
            guard access.tier == nil else { throw try locked(database, state) }
            return nil
        }
        state.timer.touch()
        let use = state.keyUses.begin(database, abandon: call.responder.abandon)
        // The key is taken only now: the wait for a lock may be long, and the database be locked meanwhile.
        let lease = try access.lease(database, call) { state.sessions[database.path] === session }
        guard let key = session.symmetricKey(), access.tier != .lease || lease != nil else {
            throw try locked(database, state)
        }
        do throws(EngineError) {
            let reader = try DatabaseReader(database.files, in: state.storage, key: key, underLease: lease != nil)
            return OpenDatabase(reader: reader, iterations: session.iterations, lease: lease, use: use)
        } catch {
            guard error.code == .wrongPassword else { throw error }
            throw dropUnfit(session, database, state)
        }
    }

    /// Forgets a key that does not fit: the files under this path are another database now, or its key was changed.
    static func dropUnfit(_ session: DatabaseSession, _ database: LocatedDatabase, _ state: AgentState) -> Fault {
        state.sessions.drop(session)
        return Fault(
            .locked, "the key kept for \(database.title) does not fit its files any more; it has been locked",
            hint: "unlock it again: blazectl unlock \(database.title)", target: database.title)
    }

    /// Opens, or fails with `locked`.
    static func open(
        _ database: LocatedDatabase, secret: inout SecretBytes?, iterations: UInt32?, access: DatabaseAccess,
        _ call: Call
    ) throws -> OpenDatabase {
        if let open = try openIfPossible(database, secret: &secret, iterations: iterations, access: access, call) {
            return open
        }
        throw try locked(database, call.state)
    }

    /// That there is no key for the database; a path that names nothing is told as such rather than as locked.
    static func locked(_ database: LocatedDatabase, _ state: AgentState) throws -> Fault {
        let summary = try FileSummary.read(database.files, in: state.storage)
        if summary.status.data == nil, let finding = summary.findings.first(where: { $0.name == .vacuumInterrupted }) {
            return Fault(.damaged, "\(database.path.displayString): \(finding.message)", target: database.title)
        }
        guard let vault = state.vault.current else {
            // Whether the vault has an entry can only be told once it is unlocked, so that comes first.
            if try state.vault.store.exists() { throw Fault.vaultLocked(database.title) }
            return Fault(
                .locked, "\(database.title) is locked", hint: "unlock it first: blazectl unlock \(database.title)",
                target: database.title)
        }
        if let id = summary.identity, try vault.entry(for: id)?.hasPassword == true {
            return Fault(
                .locked, "\(database.title) is locked: the password that the vault keeps for it does not open it",
                hint: "give the vault the right one: blazectl vault add \(database.title)", target: database.title)
        }
        return Fault(
            .locked, "\(database.title) is locked, and the vault has no password for it",
            hint: "unlock it: blazectl unlock \(database.title); or keep it: blazectl vault add \(database.title)",
            target: database.title)
    }

    /// The same for a database of which files may be missing.
    static func lockedForRescue(_ database: LocatedDatabase, _ state: AgentState) throws -> Fault {
        // A path that names nothing is told as such rather than as locked.
        try Salvage.checkLeft(of: database.files, in: state.storage)
        if state.vault.current == nil, try state.vault.store.exists() { return Fault.vaultLocked(database.title) }
        return Fault(
            .locked, "\(database.title) is locked", hint: "unlock it first: blazectl unlock \(database.title)",
            target: database.title)
    }

    /// The count as the engine takes it: 0 would mean no derivation at all.
    static func checked(iterations: UInt32?) throws -> Int? {
        guard let iterations else { return nil }
        guard (1...100_000_000).contains(iterations) else {
            throw Fault(.invalidRequest, "a PBKDF2 iteration count is a number from 1 to 100,000,000")
        }
        return Int(iterations)
    }
}

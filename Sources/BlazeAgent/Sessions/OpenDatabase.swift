internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol

/// A database opened for one request: by the password that came with it, else by the session's key.
struct OpenDatabase {
    let reader: DatabaseReader
    /// The iteration count of the key in use.
    let iterations: Int
    /// The data file's lock, where the request asked for it.
    let lease: DatabaseLease?

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
            var key = try DatabaseKey.derive(
                for: database.files, in: state.storage, password: &password,
                iterations: try checked(iterations: iterations))
            let lease = try access.lease(database, call)
            let reader = try DatabaseReader(
                database.files, in: state.storage, key: key.withKey { $0 }, underLease: lease != nil)
            return OpenDatabase(reader: reader, iterations: key.iterations, lease: lease)
        }
        guard let session = state.sessions[database.path], let key = session.symmetricKey() else {
            guard access.tier == nil else { throw try locked(database, state) }
            return nil
        }
        let lease = try access.lease(database, call)
        do throws(EngineError) {
            let reader = try DatabaseReader(database.files, in: state.storage, key: key, underLease: lease != nil)
            return OpenDatabase(reader: reader, iterations: session.iterations, lease: lease)
        } catch {
            guard error.code == .wrongPassword else { throw error }
            // The files under this path are another database now, or its key was changed.
            _ = state.sessions.lock(database.path)
            throw Fault(
                .locked, "the key kept for \(database.title) does not fit its files any more; it has been locked",
                hint: "unlock it again: blazectl unlock \(database.title)", target: database.title)
        }
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
    private static func locked(_ database: LocatedDatabase, _ state: AgentState) throws -> Fault {
        let summary = try FileSummary.read(database.files, in: state.storage)
        if summary.status.data == nil, let finding = summary.findings.first(where: { $0.name == .vacuumInterrupted }) {
            return Fault(.damaged, "\(database.path.displayString): \(finding.message)", target: database.title)
        }
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

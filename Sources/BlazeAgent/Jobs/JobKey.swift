internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

/// The key that a job works with: the session's, or one from a password that came along and that nobody else has.
final class JobKey: Sendable {
    private let state: AgentState
    private let database: LocatedDatabase
    private let session: DatabaseSession
    /// Whether it is kept beyond the job.
    private let isShared: Bool

    /// What a key has to open.
    enum Need {
        /// The metadata's signature.
        case metadata
        /// Whatever is left of a damaged database.
        case anything
        /// Nothing: no key is needed.
        case nothing
    }

    /// - Parameters:
    ///   - isRescue: the key is verified by whatever is left of a damaged database.
    ///   - saltFile: takes the place of the database's own salt file.
    ///   - checksSalt: whether the salt that is there now has to be the one that the key is by: a copy of both is to open by
    ///     the password.
    /// - Throws: `Fault.locked` and its like where there is no key, and what deriving one throws.
    init(
        _ database: LocatedDatabase, secret: inout SecretBytes?, iterations: UInt32?, _ state: AgentState,
        isRescue: Bool = false, saltFile: FilePath? = nil, checksSalt: Bool = false
    ) throws {
        self.state = state
        self.database = database
        let count = try OpenDatabase.checked(iterations: iterations)
        if var password = secret.take() {
            let (files, storage) = (database.files, state.storage)
            session = DatabaseSession(
                path: database.path,
                key: isRescue
                    ? try DatabaseKey.deriveForRescue(
                        of: files, in: storage, password: &password, iterations: count, saltFile: saltFile)
                    : try DatabaseKey.derive(for: files, in: storage, password: &password, iterations: count))
            isShared = false
            return
        }
        if isRescue, saltFile == nil {
            guard
                let open = try state.sessions[database.path]
                    ?? state.vault.openSession(database, iterations: count, state, isRescue: true)
            else { throw try OpenDatabase.lockedForRescue(database, state) }
            session = open
            isShared = true
            state.timer.touch()
            return
        }
        guard !isRescue else {
            throw Fault(
                .locked, "a key by another salt file is derived for this command alone: it takes the password",
                hint: "give it by --password-fd and its like", target: database.title)
        }
        guard
            let open = try state.sessions[database.path]
                ?? state.vault.openSession(database, iterations: count, state)
        else { throw try OpenDatabase.locked(database, state) }
        if checksSalt,
            try DatabaseKey.saltFingerprint(of: database.files, in: state.storage) != open.saltFingerprint
        {
            throw OpenDatabase.dropUnfit(open, database, state)
        }
        session = open
        isShared = true
        state.timer.touch()
    }

    /// The key of a session that is open.
    init(_ session: DatabaseSession, of database: LocatedDatabase, _ state: AgentState) {
        self.state = state
        self.database = database
        self.session = session
        isShared = true
        state.timer.touch()
    }

    deinit {
        if !isShared { session.wipe() }
    }

    /// Whether the session is still the one that the job began with.
    var isValid: Bool { !isShared || state.sessions[database.path] === session }

    /// Throws `Fault.lockedMeanwhile` when the session was locked.
    func check() throws {
        guard isValid else { throw Fault.lockedBeforeTheEnd(database.title) }
    }

    /// A job that works with the session's key is a use of it, however long nobody asks for anything.
    func noteUse() {
        if isShared { state.timer.touch() }
    }

    /// Carries out what needs the key.
    ///
    /// - Throws: `Fault.lockedMeanwhile` when the session was locked; `locked` when the key does not fit any more, and what
    ///   `body` throws.
    func use<T>(_ body: (DatabaseKey.Shared) throws -> T) throws -> T {
        guard isValid, let key = session.symmetricKey() else {
            throw Fault.lockedBeforeTheEnd(database.title)
        }
        do {
            return try body(key)
        } catch let error as EngineError where error.code == .wrongPassword && isShared {
            throw OpenDatabase.dropUnfit(session, database, state)
        }
    }
}

internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeServices
internal import Synchronization
internal import SystemPackage

/// One database's key while it is unlocked.
///
/// This is what makes a key usable from several threads: the guarded memory's page protection is not counted, so each
/// use goes through the lock. An operation takes the key once, never per page.
final class DatabaseSession: Sendable {
    let path: FilePath
    let iterations: Int
    let identity: DatabaseID
    /// The salt that the database had when the key was verified.
    let saltFingerprint: [UInt8]
    private let key: Mutex<DatabaseKey?>

    init(path: FilePath, key: consuming sending DatabaseKey) {
        self.path = path
        iterations = key.iterations
        identity = key.identity
        saltFingerprint = key.saltFingerprint
        self.key = Mutex(consume key)
    }

    /// The key for one operation; nil once the session is locked.
    func symmetricKey() -> DatabaseKey.Shared? {
        key.withLock { $0?.withKey { $0 } }
    }

    /// Wipes the key.
    func wipe() { key.withLock { $0 = nil } }
}

/// The unlocked databases, by the path of their data file. Holds a map and does no I/O.
final class SessionRegistry: Sendable {
    /// What was locked until now. Whoever derives a key takes one before it begins, and the key is kept only if nothing
    /// was locked meanwhile: a lock that arrives while a key is derived wins.
    struct Epoch: Sendable, Equatable {
        fileprivate var all: UInt64
        fileprivate var single: UInt64
    }

    private struct State {
        var sessions: [FilePath: DatabaseSession] = [:]
        /// How often everything was locked, and how often each database that was locked by itself.
        var locks: UInt64 = 0
        var single: [FilePath: UInt64] = [:]
    }

    /// Databases locked by themselves that are remembered, until everything is locked.
    private static let longestMemory = 4096

    private let state = Mutex(State())
    /// Told when a database was unlocked or locked.
    let changes = ChangeNotices()

    subscript(path: FilePath) -> DatabaseSession? { state.withLock { $0.sessions[path] } }

    var all: [DatabaseSession] {
        state.withLock { Array($0.sessions.values) }.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
    }

    /// The moment before a key is derived for a database, or, without a path, for the vault.
    func epoch(of path: FilePath? = nil) -> Epoch {
        state.withLock { state in Epoch(all: state.locks, single: path.flatMap { path in state.single[path] } ?? 0) }
    }

    /// Puts a session in the place of the one that the path had.
    ///
    /// - Parameters:
    ///   - isNewer: whether it takes the place of one of the same database; otherwise that one stays, since others use it.
    ///   - whileHeld: what has to be done before anybody can lock it again; must be short.
    /// - Returns: the session that the path has now; nil when the database was locked since `epoch`. A key that is not kept
    ///   is wiped.
    func put(
        _ session: DatabaseSession, since epoch: Epoch, isNewer: Bool, whileHeld: () -> Void
    ) -> DatabaseSession? {
        let (loser, kept) = state.withLock { state -> (DatabaseSession?, DatabaseSession?) in
            let now = Epoch(all: state.locks, single: state.single[session.path] ?? 0)
            guard now == epoch else { return (session, nil) }
            whileHeld()
            if !isNewer, let present = state.sessions[session.path], present.identity == session.identity {
                return (session, present)
            }
            return (state.sessions.updateValue(session, forKey: session.path), session)
        }
        loser?.wipe()
        if kept != nil { changes.tell() }
        return kept
    }

    /// Does what must not be done when everything was locked since `epoch`; false when it was.
    func ifUnlocked(since epoch: Epoch, _ body: () -> Void) -> Bool {
        state.withLock { state in
            guard state.locks == epoch.all else { return false }
            body()
            return true
        }
    }

    /// Ends a session, and lets keys that are being derived for it come to nothing; false when there was none.
    func lock(_ path: FilePath) -> Bool {
        let session = state.withLock { state in
            // Never more than so many are remembered: keys that are being derived come to nothing instead.
            if state.single.count >= Self.longestMemory {
                state.locks += 1
                state.single = [:]
            }
            state.single[path, default: 0] += 1
            return state.sessions.removeValue(forKey: path)
        }
        guard let session else { return false }
        session.wipe()
        changes.tell()
        return true
    }

    /// Ends one session whose key has turned out not to fit.
    func drop(_ session: DatabaseSession) {
        let isDropped = state.withLock { state in
            guard state.sessions[session.path] === session else { return false }
            state.sessions[session.path] = nil
            return true
        }
        session.wipe()
        if isDropped { changes.tell() }
    }

    /// Ends all sessions, and lets keys that are being derived come to nothing; the paths that had one.
    ///
    /// - Parameter whileHeld: what has to end in the same moment, told whether there was a session; must be short.
    @discardableResult
    func lockAll(whileHeld: (_ hadSessions: Bool) -> Void) -> [FilePath] {
        let ended = state.withLock { state in
            state.locks += 1
            state.single = [:]
            whileHeld(!state.sessions.isEmpty)
            defer { state.sessions = [:] }
            return Array(state.sessions.values)
        }
        for session in ended { session.wipe() }
        if !ended.isEmpty { changes.tell() }
        return ended.map(\.path).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }
}

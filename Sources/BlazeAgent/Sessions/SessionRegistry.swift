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
    private let key: Mutex<DatabaseKey?>

    init(path: FilePath, key: consuming sending DatabaseKey) {
        self.path = path
        iterations = key.iterations
        identity = key.identity
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
    private let sessions = Mutex<[FilePath: DatabaseSession]>([:])
    /// Told when a database was unlocked or locked.
    let changes = ChangeNotices()

    subscript(path: FilePath) -> DatabaseSession? { sessions.withLock { $0[path] } }

    var all: [DatabaseSession] {
        sessions.withLock { Array($0.values) }.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
    }

    /// Puts a session in the place of the one that the path had.
    func put(_ session: DatabaseSession) {
        sessions.withLock { $0.updateValue(session, forKey: session.path) }?.wipe()
        changes.tell()
    }

    /// Ends a session; false when there was none.
    func lock(_ path: FilePath) -> Bool {
        guard let session = sessions.withLock({ $0.removeValue(forKey: path) }) else { return false }
        session.wipe()
        changes.tell()
        return true
    }

    /// Ends all sessions; the paths that had one.
    @discardableResult
    func lockAll() -> [FilePath] {
        let ended = sessions.withLock { sessions in
            defer { sessions = [:] }
            return Array(sessions.values)
        }
        for session in ended { session.wipe() }
        if !ended.isEmpty { changes.tell() }
        return ended.map(\.path).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }
}

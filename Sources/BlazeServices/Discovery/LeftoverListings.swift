public import BlazePlatform
internal import Synchronization
public import SystemPackage

/// A storage for one request that looks at many databases, often of the same directory: it lists each directory once, and
/// remembers of it only what may be left over from a database, which is all that a look at a database asks a listing
/// for. So the work grows with the databases, not with their square.
public final class LeftoverListings: Storage {
    private let base: any Storage
    private let listings = Mutex<[FilePath: [FilePath.Component]]>([:])

    /// `base`, with its listings remembered as long as this value lives.
    public init(_ base: any Storage) {
        self.base = base
    }

    /// Opens a file.
    public func open(_ path: FilePath) throws(StorageError) -> any StorageFile { try base.open(path) }

    /// What stat tells, each time anew.
    public func status(of path: FilePath) throws(StorageError) -> FileStatus? { try base.status(of: path) }

    /// The names in a directory that may be leftovers, as they were when it was listed first.
    public func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] {
        if let known = listings.withLock({ $0[directory] }) { return known }
        let names = try base.names(in: directory).filter { Self.mayBeLeftover($0.string) }
        listings.withLock { $0[directory] = names }
        return names
    }

    /// Whether another process holds the file's lock, each time anew.
    public func ownership(of file: FileIdentity, at path: FilePath) -> Ownership {
        base.ownership(of: file, at: path)
    }

    /// Bytes that are left, each time anew.
    public func available(at path: FilePath) -> UInt64? { base.available(at: path) }

    private static func mayBeLeftover(_ name: String) -> Bool {
        if name.hasPrefix("backup_v0_") || name.hasPrefix("txn_") || name.contains(".vacuum")
            || name.contains(".before-repair-") || name.contains(".agent_")
        {
            return true
        }
        // `NAME.blazedb.wal` is left over; `NAME.wal` is every database's own.
        return name.hasSuffix(".wal") && name.dropLast(4).contains(".")
    }
}

public import BlazePlatform
internal import Synchronization
public import SystemPackage

/// A storage that lists each directory once, and knows the locks of the moment when it was made: for one request that
/// looks at many databases.
public final class ListingCache: Storage {
    private let base: any Storage
    private let listings = Mutex<[FilePath: [FilePath.Component]]>([:])
    private let locks = LockTable.read()

    /// `base`, with its listings remembered as long as this value lives.
    public init(_ base: any Storage) {
        self.base = base
    }

    /// Opens a file.
    public func open(_ path: FilePath) throws(StorageError) -> any StorageFile { try base.open(path) }

    /// What stat tells, each time anew.
    public func status(of path: FilePath) throws(StorageError) -> FileStatus? { try base.status(of: path) }

    /// The names in a directory, as they were when it was listed first.
    public func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] {
        if let known = listings.withLock({ $0[directory] }) { return known }
        let names = try base.names(in: directory)
        listings.withLock { $0[directory] = names }
        return names
    }

    /// Whether another process held the file's lock when this value was made.
    public func ownership(of file: FileIdentity, at path: FilePath) -> Ownership { locks.ownership(of: file, at: path) }
}

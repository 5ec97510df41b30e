public import BlazePlatform
import Synchronization
public import SystemPackage

/// Another storage, one of whose calls fails as a broken disk makes it fail.
public final class FaultStorage: Storage {
    private let base: any Storage
    private let failingRead: Int
    private let error: Errno
    private let reads = Mutex(0)

    /// `base`, whose read number `failingRead` (from 1) and every later one fail with `error`.
    public init(_ base: any Storage, failingRead: Int, error: Errno = .ioError) {
        self.base = base
        self.failingRead = failingRead
        self.error = error
    }

    /// How many reads were tried.
    public var readCount: Int { reads.withLock { $0 } }

    /// Opens a file.
    public func open(_ path: FilePath) throws(StorageError) -> any StorageFile {
        FaultFile(try base.open(path), self)
    }

    /// What stat tells.
    public func status(of path: FilePath) throws(StorageError) -> FileStatus? {
        try base.status(of: path)
    }

    /// The names in a directory.
    public func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] {
        try base.names(in: directory)
    }

    /// Whether another process holds the file's lock.
    public func ownership(of file: FileIdentity, at path: FilePath) -> Ownership { base.ownership(of: file, at: path) }

    /// Bytes that are left.
    public func available(at path: FilePath) -> UInt64? { base.available(at: path) }

    fileprivate func countRead(_ path: FilePath) throws(StorageError) {
        let count = reads.withLock { count in
            count += 1
            return count
        }
        if count >= failingRead { throw StorageError(error, operation: "read", path: path) }
    }
}

private final class FaultFile: StorageFile {
    private let base: any StorageFile
    private let storage: FaultStorage

    init(_ base: any StorageFile, _ storage: FaultStorage) {
        self.base = base
        self.storage = storage
    }

    var path: FilePath { base.path }

    func status() throws(StorageError) -> FileStatus { try base.status() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        try storage.countRead(path)
        return try base.read(into: buffer, at: offset)
    }

    func nextData(from offset: UInt64) throws(StorageError) -> UInt64? { try base.nextData(from: offset) }
}

public import SystemPackage

/// Which file a descriptor or path names, as long as it is held open.
public struct FileIdentity: Hashable, Sendable {
    /// The device.
    public let device: UInt64
    /// The inode.
    public let inode: UInt64

    /// An identity.
    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// What stat tells.
public struct FileStatus: Sendable, Hashable {
    /// What a path names.
    public enum Kind: Sendable, Hashable {
        /// A regular file.
        case regular
        /// A directory.
        case directory
        /// A FIFO, device, socket or other.
        case special
    }

    /// What the path names.
    public var kind: Kind
    /// Size in bytes.
    public var size: UInt64
    /// Bytes that the file takes on the disk.
    public var allocated: UInt64
    /// Device and inode.
    public var identity: FileIdentity
    /// Last change of the contents, in nanoseconds since 1970.
    public var modified: Int64
    /// Permission bits.
    public var mode: UInt16
    /// The owner's uid.
    public var owner: UInt32
    /// The group's gid.
    public var group: UInt32

    /// A status.
    public init(
        kind: Kind, size: UInt64, allocated: UInt64, identity: FileIdentity, modified: Int64, mode: UInt16,
        owner: UInt32, group: UInt32 = 0
    ) {
        self.kind = kind
        self.size = size
        self.allocated = allocated
        self.identity = identity
        self.modified = modified
        self.mode = mode
        self.owner = owner
        self.group = group
    }
}

/// An open file: the engine's only door to a file's bytes, so that tests can put a memory, fault or crash
/// implementation behind it. Any number of threads may read at once: every read names its own offset.
public protocol StorageFile: AnyObject, Sendable {
    /// The path that it was opened by.
    var path: FilePath { get }
    /// The open file's own status, not the path's.
    func status() throws(StorageError) -> FileStatus
    /// Reads at `offset` until the buffer is full or the file ends; the count of bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int
    /// Where the next bytes that are not in a hole stand, at or behind `offset`; nil when only a hole is left.
    func nextData(from offset: UInt64) throws(StorageError) -> UInt64?
}

extension StorageFile {
    /// Reads at `offset` until the array is full or the file ends; the count of bytes read.
    public func read(into array: inout [UInt8], at offset: UInt64) throws(StorageError) -> Int {
        do {
            return try array.withUnsafeMutableBytes { try read(into: $0, at: offset) }
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(.failed, operation: "read", path: path)
        }
    }

    /// `count` bytes from `offset`, fewer where the file ends before. The caller has checked `count` against a limit.
    public func bytes(count: Int, at offset: UInt64) throws(StorageError) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: count)
        let got = try read(into: &out, at: offset)
        if got < count { out.removeLast(count - got) }
        return out
    }
}

/// Where files are opened and listed: the engine's only door to names.
public protocol Storage: Sendable {
    /// Opens an existing regular file for reading. Never creates, never blocks on a FIFO or device.
    func open(_ path: FilePath) throws(StorageError) -> any StorageFile
    /// The status of what `path` names, symlinks followed; nil when there is nothing.
    func status(of path: FilePath) throws(StorageError) -> FileStatus?
    /// The names in a directory, `.` and `..` left out, in no order.
    func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component]
    /// Whether another process holds the file's lock. Takes no lock.
    func ownership(of file: FileIdentity, at path: FilePath) -> Ownership
    /// Bytes that this user can still write to the file system that holds `path`; nil when that cannot be told.
    func available(at path: FilePath) -> UInt64?
}

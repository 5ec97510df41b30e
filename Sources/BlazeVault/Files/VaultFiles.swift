package import BlazePlatform
package import SystemPackage

/// What lstat tells that the vault asks for.
package struct VaultFileStatus: Sendable, Equatable {
    /// What a path names, symbolic links not followed.
    package enum Kind: Sendable {
        case regular
        case directory
        case symbolicLink
        case special
    }

    package var kind: Kind
    package var size: UInt64
    /// Permission bits.
    package var mode: UInt16
    /// The owner's uid.
    package var owner: UInt32

    package init(kind: Kind, size: UInt64, mode: UInt16, owner: UInt32) {
        self.kind = kind
        self.size = size
        self.mode = mode
        self.owner = owner
    }
}

/// A file that was made and has no bytes yet.
package protocol VaultFileWriter: AnyObject {
    /// Writes all of `bytes` behind what was written.
    func write(_ bytes: [UInt8]) throws(StorageError)
    /// fsync.
    func sync() throws(StorageError)
}

/// The vault's only door to the disk: one call is one thing that can fail or be the last before a crash.
package protocol VaultFiles: Sendable {
    /// The uid that must own the vault.
    var user: UInt32 { get }
    /// lstat; nil when nothing has that name.
    func status(of path: FilePath) throws(StorageError) -> VaultFileStatus?
    /// Makes a directory (0700) and those above it that are missing; leaves an existing one as it is.
    func makeDirectory(_ path: FilePath) throws(StorageError)
    /// The status of the opened file, which is no link, and at most `limit` bytes of it.
    func read(_ path: FilePath, limit: Int) throws(StorageError) -> (status: VaultFileStatus, bytes: [UInt8])
    /// Makes a file (0600) whose name must be free.
    func create(_ path: FilePath) throws(StorageError) -> any VaultFileWriter
    /// Gives a file another name, in place of what had it.
    func rename(_ path: FilePath, to other: FilePath) throws(StorageError)
    /// Gives a file one more name, which must be free.
    func link(_ path: FilePath, to other: FilePath) throws(StorageError)
    /// Takes a name away; nothing when it is free.
    func remove(_ path: FilePath) throws(StorageError)
    /// Makes the names in a directory durable.
    func syncDirectory(_ path: FilePath) throws(StorageError)
    /// An exclusive lock, held as long as the value lives and by one process at most.
    func lock(_ path: FilePath, patience: Duration) throws(StorageError) -> any Sendable
}

public import SystemPackage

/// An open file whose bytes can be changed. What was written is durable only after `sync`; until then a machine that
/// stops may keep any part of it.
public protocol WritableFile: StorageFile {
    /// Writes all bytes at `offset`, making the file longer where needed. After an error any part of them may be there.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError)
    /// Cuts the file off, or makes it longer with zeros.
    func truncate(to size: UInt64) throws(StorageError)
    /// Makes contents and size durable.
    func sync() throws(StorageError)
}

extension WritableFile {
    /// Writes all bytes at `offset`.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws(StorageError) {
        do {
            try bytes.withUnsafeBytes { try write($0, at: offset) }
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(.failed, operation: "write", path: path)
        }
    }
}

/// The lock of a data file, held as long as the value lives.
public protocol FileLock: AnyObject, Sendable {
    /// The path that it was taken by.
    var path: FilePath { get }
    /// Which file is locked.
    var identity: FileIdentity { get }
}

/// Where files are changed: the engine's only door to the disk when it writes. Names are durable only after
/// `syncDirectory`.
public protocol ChangingStorage: Storage {
    /// Opens an existing regular file for reading and writing, never through a symbolic link.
    func openForWriting(_ path: FilePath) throws(StorageError) -> any WritableFile
    /// Makes a new file, never over one that is there, with the permission bits of `model` and, where this process may
    /// give files away, its owner and group.
    func create(_ path: FilePath, like model: FileStatus?) throws(StorageError) -> any WritableFile
    /// Gives a file another name, in the place of whatever has it. Of two names of one file both stay.
    func rename(_ path: FilePath, to other: FilePath) throws(StorageError)
    /// Gives a file a second name that nothing has.
    func link(_ path: FilePath, to other: FilePath) throws(StorageError)
    /// Takes a name away; no error when there is none.
    func remove(_ path: FilePath) throws(StorageError)
    /// What a path itself names, symbolic links not followed: one is `special`. Nil where nothing has that path.
    func ownStatus(of path: FilePath) throws(StorageError) -> FileStatus?
    /// Makes a directory that nobody else may enter, owned like `model` where this process may give files away.
    func makeDirectory(_ path: FilePath, like model: FileStatus?) throws(StorageError)
    /// Takes an empty directory away; no error when there is none.
    func removeDirectory(_ path: FilePath) throws(StorageError)
    /// Gives a new, empty file the blocks of another one, where the file system can have two files share them until one is written
    /// to; whether it did. Both are open here.
    func clone(_ file: any StorageFile, into other: any WritableFile) -> Bool
    /// Makes the names in the directory that holds `path` durable.
    func syncDirectory(of path: FilePath) throws(StorageError)
    /// Takes the lock of the file that `path` names, without waiting. Throws `locked` when somebody holds it.
    func lock(_ path: FilePath) throws(StorageError) -> any FileLock
}

extension ChangingStorage {
    /// A file system that shares no blocks.
    public func clone(_ file: any StorageFile, into other: any WritableFile) -> Bool { false }
}

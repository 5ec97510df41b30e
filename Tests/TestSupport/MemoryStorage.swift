public import BlazePlatform
import Synchronization
public import SystemPackage

/// Files in memory, for tests that change or break them. Directories are whatever the paths say.
public final class MemoryStorage: Storage {
    private struct State {
        var files: [FilePath: MemoryFile] = [:]
        var nextInode: UInt64 = 1
    }

    private let state = Mutex(State())

    /// No files.
    public init() {}

    /// The files of a fixture under `/db/`.
    public convenience init(_ contents: [String: [UInt8]]) {
        self.init()
        for (name, bytes) in contents { self[FilePath("/db").appending(name)] = bytes }
    }

    /// A file's bytes. Setting them makes a new inode, as a rename over the old file does; nil removes it.
    public subscript(path: FilePath) -> [UInt8]? {
        get { state.withLock { $0.files[path]?.bytes } }
        set {
            state.withLock { state in
                state.nextInode += 1
                state.files[path] = newValue.map { MemoryFile(path: path, bytes: $0, inode: state.nextInode) }
            }
        }
    }

    /// Opens a file.
    public func open(_ path: FilePath) throws(StorageError) -> any StorageFile {
        guard let file = state.withLock({ $0.files[path] }) else {
            throw StorageError(.notFound, operation: "open", path: path)
        }
        return file
    }

    /// What stat tells.
    public func status(of path: FilePath) throws(StorageError) -> FileStatus? {
        try state.withLock { $0.files[path] }?.status()
    }

    /// The names in a directory.
    public func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] {
        state.withLock { state in
            state.files.keys.filter { $0.removingLastComponent() == directory }.compactMap(\.lastComponent)
        }
    }
}

/// A file in memory; never changed once made.
final class MemoryFile: StorageFile, Sendable {
    let path: FilePath
    let bytes: [UInt8]
    private let inode: UInt64

    init(path: FilePath, bytes: [UInt8], inode: UInt64) {
        self.path = path
        self.bytes = bytes
        self.inode = inode
    }

    func status() throws(StorageError) -> FileStatus {
        FileStatus(
            kind: .regular, size: UInt64(bytes.count), allocated: UInt64(bytes.count),
            identity: FileIdentity(device: 1, inode: inode), modified: Int64(inode), mode: 0o600, owner: 0)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        guard offset < UInt64(bytes.count) else { return 0 }
        let count = min(buffer.count, bytes.count - Int(offset))
        bytes.withUnsafeBytes { source in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[Int(offset)..<Int(offset) + count]))
        }
        return count
    }

    func nextData(from offset: UInt64) throws(StorageError) -> UInt64? {
        offset < UInt64(bytes.count) ? offset : nil
    }
}

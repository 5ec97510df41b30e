public import BlazePlatform
import Synchronization
public import SystemPackage

/// Files in memory, for tests that change or break them. Directories are whatever the paths say.
public final class MemoryStorage: Storage {
    private struct State {
        var files: [FilePath: MemoryFile] = [:]
        var nextInode: UInt64 = 1
        var ownership = Ownership.free
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

    /// Changes a file's bytes in place: who has it open sees the new ones.
    public func overwrite(_ path: FilePath, _ bytes: [UInt8]) { state.withLock { $0.files[path] }?.overwrite(bytes) }

    /// Who is said to hold the locks of all files.
    public var ownership: Ownership {
        get { state.withLock { $0.ownership } }
        set { state.withLock { $0.ownership = newValue } }
    }

    /// What `ownership` was set to.
    public func ownership(of file: FileIdentity, at path: FilePath) -> Ownership { ownership }

    /// Nobody can tell.
    public func available(at path: FilePath) -> UInt64? { nil }

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

/// A file in memory.
final class MemoryFile: StorageFile {
    private struct State {
        var bytes: [UInt8]
        var changes: Int64 = 0
    }

    let path: FilePath
    private let state: Mutex<State>
    private let inode: UInt64

    init(path: FilePath, bytes: [UInt8], inode: UInt64) {
        self.path = path
        state = Mutex(State(bytes: bytes))
        self.inode = inode
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }

    func overwrite(_ bytes: [UInt8]) {
        state.withLock {
            $0.bytes = bytes
            $0.changes += 1
        }
    }

    func status() throws(StorageError) -> FileStatus {
        let (count, changes) = state.withLock { (UInt64($0.bytes.count), $0.changes) }
        return FileStatus(
            kind: .regular, size: count, allocated: count, identity: FileIdentity(device: 1, inode: inode),
            modified: Int64(inode) * 1_000_000 + changes, mode: 0o600, owner: 0)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        let bytes = bytes
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

internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file (0600) that gets its name only when it is whole, and never takes one that is in use unless it was asked to.
///
/// Where the system has files without a name, nothing is left of one that was not published, however its process ended;
/// elsewhere a temporary name is used and removed when the value goes.
public final class NewFile {
    private let path: FilePath
    private let descriptor: Int32
    private var temporary: FilePath?
    private let replaces: Bool

    /// Starts a file.
    ///
    /// - Parameter replaces: takes the name of a regular file that is there, whose contents stay until then.
    /// - Throws: `exists` when the name is taken already.
    public init(path: FilePath, replaces: Bool = false) throws(StorageError) {
        self.path = path
        self.replaces = replaces
        var raw = stat()
        let isThere = path.withPlatformString({ lstat($0, &raw) }) == 0
        guard !isThere || (replaces && raw.st_mode & S_IFMT == S_IFREG) else {
            throw StorageError(.exists, operation: "create", path: path)
        }
        let parent = path.removingLastComponent()
        let directory: FilePath = parent.isEmpty ? "." : parent
        var fd = directory.withPlatformString { blaze_open_unnamed($0) }
        if fd < 0, [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) {
            let name = path.appendingSuffix(".partial-\(getpid())")
            fd = name.withPlatformString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600) }
            if fd >= 0 { temporary = name }
        }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "create", path: path) }
        descriptor = fd
    }

    deinit {
        close(descriptor)
        if let temporary { _ = temporary.withPlatformString { unlink($0) } }
    }

    /// Writes behind what was written.
    public func write(_ bytes: [UInt8]) throws(StorageError) {
        do throws(StorageError) {
            try Terminal.write(bytes, to: descriptor)
        } catch {
            throw StorageError(error.errno ?? .ioError, operation: "write", path: path)
        }
    }

    /// Writes behind what was written, straight from where it lies: a secret is not copied.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        do throws(StorageError) {
            try Terminal.write(bytes, to: descriptor)
        } catch {
            throw StorageError(error.errno ?? .ioError, operation: "write", path: path)
        }
    }

    /// Makes the contents durable and gives them the name.
    ///
    /// - Throws: `exists` when somebody took the name meanwhile.
    public func publish() throws(StorageError) {
        guard fsync(descriptor) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "sync", path: path)
        }
        if replaces {
            let name = path.appendingSuffix(".new-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
            try link(as: name)
            guard name.withPlatformString({ from in path.withPlatformString { sysRename(from, $0) } }) == 0 else {
                let error = StorageError(Errno(rawValue: errno), operation: "replace", path: path)
                _ = name.withPlatformString { unlink($0) }
                throw error
            }
        } else {
            try link(as: path)
        }
        try AtomicFile.syncDirectory(of: path)
    }

    private func link(as name: FilePath) throws(StorageError) {
        let result: Int32
        if let temporary {
            result = temporary.withPlatformString { from in name.withPlatformString { sysLink(from, $0) } }
        } else {
            result = name.withPlatformString { blaze_name_file(descriptor, $0) }
        }
        guard result == 0 else { throw StorageError(Errno(rawValue: errno), operation: "create", path: name) }
    }
}

/// link(2), where a method of that name stands in the way.
private func sysLink(_ from: UnsafePointer<CInterop.PlatformChar>, _ to: UnsafePointer<CInterop.PlatformChar>) -> Int32
{
    link(from, to)
}

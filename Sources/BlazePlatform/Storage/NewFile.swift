internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file (0600) that gets its name only when it is whole, and never takes one that is in use.
///
/// Where the system has files without a name, nothing is left of one that was not published, however its process ended;
/// elsewhere a temporary name is used and removed when the value goes.
public final class NewFile {
    private let path: FilePath
    private let descriptor: Int32
    private var temporary: FilePath?

    /// Starts a file.
    ///
    /// - Throws: `exists` when the name is taken already.
    public init(path: FilePath) throws(StorageError) {
        self.path = path
        var raw = stat()
        guard path.withPlatformString({ lstat($0, &raw) }) != 0 else {
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
        let result: Int32
        if let temporary {
            result = temporary.withPlatformString { from in path.withPlatformString { link(from, $0) } }
        } else {
            result = path.withPlatformString { blaze_name_file(descriptor, $0) }
        }
        guard result == 0 else { throw StorageError(Errno(rawValue: errno), operation: "create", path: path) }
        try AtomicFile.syncDirectory(of: path)
    }
}

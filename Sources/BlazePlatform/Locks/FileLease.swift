internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The lock of a data file, as its owner takes it (FORMAT.md 1.1), held as long as the value lives: for one operation.
/// The system gives it up when the process dies, however it dies.
public final class FileLease: Sendable {
    private let descriptor: Int32
    /// The locked file.
    public let path: FilePath
    /// Which file is locked.
    public let identity: FileIdentity

    /// Takes the lock without waiting. The file is opened for reading and nothing of it changes.
    ///
    /// - Throws: `locked` when another process holds it, `notFound`, `permissionDenied`, `notRegularFile`, and `failed`
    ///   when the path names another file each time that one has been locked.
    public init(path: FilePath) throws(StorageError) {
        self.path = path
        for _ in 0..<8 {
            let file = try PosixFile(reading: path)
            let identity = try file.status().identity
            let fd = try file.duplicate()
            while flock(fd, LOCK_EX | LOCK_NB) != 0 {
                let errno = Errno(rawValue: errno)
                if errno == .interrupted { continue }
                close(fd)
                throw StorageError(errno, operation: "lock", path: path)
            }
            // A rename over the data file leaves the lock on the old inode: it counts only on the one that the path names.
            if let named = try? PosixStorage().status(of: path), named.identity == identity {
                descriptor = fd
                self.identity = identity
                return
            }
            close(fd)
        }
        throw StorageError(.failed, operation: "lock", path: path)
    }

    deinit { close(descriptor) }
}

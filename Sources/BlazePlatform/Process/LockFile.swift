public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// An exclusive flock on a file of its own, held as long as the value lives; the system gives it up when the process
/// dies, however it dies.
public final class LockFile: Sendable {
    private let descriptor: Int32
    /// The locked file.
    public let path: FilePath

    /// Takes the lock, making the file (0600) when missing.
    ///
    /// - Throws: `locked` when another process holds it.
    public init(path: FilePath) throws(StorageError) {
        self.path = path
        while true {
            let fd = path.withPlatformString { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
            guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "open", path: path) }
            while flock(fd, LOCK_EX | LOCK_NB) != 0 {
                let errno = Errno(rawValue: errno)
                if errno == .interrupted { continue }
                close(fd)
                throw StorageError(errno, operation: "lock", path: path)
            }
            // Somebody may have removed or replaced the file between open and flock: the lock must be on the inode
            // that the path names, or two processes would each hold "the" lock.
            var mine = stat()
            var named = stat()
            if fstat(fd, &mine) == 0, path.withPlatformString({ lstat($0, &named) }) == 0,
                mine.st_dev == named.st_dev, mine.st_ino == named.st_ino
            {
                descriptor = fd
                return
            }
            close(fd)
        }
    }

    /// Replaces the file's contents, for people who look at it; nothing depends on them. A file that holds anything but
    /// an earlier note of one line of digits is somebody else's, and left alone.
    public func note(_ text: String) {
        var old = [UInt8](repeating: 0, count: 64)
        let count = pread(descriptor, &old, old.count, 0)
        let isNote =
            count >= 0 && count < old.count && old[..<count].allSatisfy { (0x30...0x39).contains($0) || $0 == 0x0A }
        guard isNote else { return }
        guard ftruncate(descriptor, 0) == 0 else { return }
        let bytes = Array(text.utf8)
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    deinit { close(descriptor) }
}

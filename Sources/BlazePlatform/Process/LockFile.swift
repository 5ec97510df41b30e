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
    private let identity: FileIdentity
    /// The locked file.
    public let path: FilePath

    /// Takes the lock, making the file (0600) when missing.
    ///
    /// - Parameter patience: how long to try when another process holds it.
    /// - Throws: `locked` when another process holds it.
    public init(path: FilePath, patience: Duration = .zero) throws(StorageError) {
        self.path = path
        let deadline = Deadline.after(patience)
        while true {
            let fd = path.withPlatformString { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
            guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "open", path: path) }
            while flock(fd, LOCK_EX | LOCK_NB) != 0 {
                let errno = Errno(rawValue: errno)
                if errno == .interrupted { continue }
                if errno == .wouldBlock, deadline.millisecondsLeft > 0 {
                    waitMilliseconds(min(5, deadline.millisecondsLeft))
                    continue
                }
                close(fd)
                throw StorageError(errno, operation: "lock", path: path)
            }
            // Somebody may have removed or replaced the file between open and flock: the lock must be on the inode
            // that the path names, or two processes would each hold "the" lock.
            var mine = stat()
            if fstat(fd, &mine) == 0 {
                let locked = FileIdentity(
                    device: UInt64(truncatingIfNeeded: mine.st_dev), inode: UInt64(truncatingIfNeeded: mine.st_ino))
                if FileIdentity(named: path) == locked {
                    descriptor = fd
                    identity = locked
                    return
                }
            }
            close(fd)
        }
    }

    /// Whether the path still names the file that is locked. When it does not, the lock proves nothing any more to
    /// those who come by the path.
    public var isInPlace: Bool { FileIdentity(named: path) == identity }

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

    /// The process id that the note in a lock file tells; nil when it tells none. Whether that process lives, and holds
    /// the lock, it does not say.
    public static func notedProcessID(at path: FilePath) -> Int32? {
        let fd = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = read(fd, &bytes, bytes.count)
        guard count > 1, count < bytes.count, bytes[count - 1] == 0x0A,
            let pid = Int32(String(decoding: bytes[..<(count - 1)], as: UTF8.self)), pid > 1
        else { return nil }
        return pid
    }

    /// Whether a process holds the lock of a file. To find out, it is taken for a moment, shared, where nobody does:
    /// whoever wants it for itself needs the patience of some milliseconds.
    public static func isHeld(_ path: FilePath) -> Bool {
        let fd = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
        guard fd >= 0 else { return false }
        defer { close(fd) }
        while flock(fd, LOCK_SH | LOCK_NB) != 0 {
            let errno = Errno(rawValue: errno)
            if errno == .interrupted { continue }
            return errno == .wouldBlock
        }
        return false
    }

    deinit { close(descriptor) }
}

public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The log of a process without a terminal: one file and its predecessor, both bounded.
public enum LogFile {
    /// A log of this size is set aside at the next start.
    public static let rotationSize: Int64 = 1 << 20

    /// Lets standard error write to the end of `path` (0600). A long one becomes `path.1` first.
    public static func redirectStandardError(to path: FilePath) throws(StorageError) {
        var raw = stat()
        if path.withPlatformString({ lstat($0, &raw) }) == 0, Int64(raw.st_size) > rotationSize {
            let old = path.appendingSuffix(".1")
            let renamed = path.withPlatformString { from in old.withPlatformString { rename(from, $0) } }
            guard renamed == 0 else {
                throw StorageError(Errno(rawValue: errno), operation: "rotate", path: path)
            }
        }
        let fd = path.withPlatformString {
            open($0, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "open", path: path) }
        defer { close(fd) }
        guard dup2(fd, 2) >= 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "redirect to", path: path)
        }
    }
}

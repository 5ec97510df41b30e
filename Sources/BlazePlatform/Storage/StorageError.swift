public import SystemPackage

/// A failed system call on a path. Compared by code.
public struct StorageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// Nothing has that path, or can have it: it is longer than the system allows.
        case notFound
        /// This user may not.
        case permissionDenied
        /// The path names a directory, FIFO, device or socket.
        case notRegularFile
        /// The path names something else than a directory.
        case notDirectory
        /// Something has that path already.
        case exists
        /// Another process holds the lock.
        case locked
        /// Directory or file can be changed by other users, or belongs to one.
        case unsafePermissions
        /// The file system is full, or the quota is used up.
        case noSpace
        /// The file system cannot be written.
        case readOnly
        /// The device failed, or any other error.
        case failed
    }

    /// What kind of failure it was.
    public let code: Code
    /// What was tried: a verb such as "open" or "read".
    public let operation: String
    /// On which path.
    public let path: FilePath
    /// The system's error number, where there was one.
    public let errno: Errno?

    /// An error of a kind that the caller found out.
    public init(_ code: Code, operation: String, path: FilePath, errno: Errno? = nil) {
        self.code = code
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// An error from the system's number.
    public init(_ errno: Errno, operation: String, path: FilePath) {
        let code: Code =
            switch errno {
            case .noSuchFileOrDirectory, .notDirectory, .fileNameTooLong: .notFound
            case .permissionDenied, .notPermitted: .permissionDenied
            case .isDirectory, .noSuchAddressOrDevice, .tooManySymbolicLinkLevels: .notRegularFile
            case .fileExists: .exists
            case .wouldBlock, .resourceTemporarilyUnavailable: .locked
            case .noSpace, .diskQuotaExceeded: .noSpace
            case .readOnlyFileSystem: .readOnly
            default: .failed
            }
        self.init(code, operation: operation, path: path, errno: errno)
    }

    /// A sentence for a person.
    public var description: String {
        let what =
            switch code {
            case .notFound: errno == .fileNameTooLong ? "the name is too long" : "no such file or directory"
            case .permissionDenied: "permission denied"
            case .notRegularFile: "not a regular file"
            case .notDirectory: "not a directory"
            case .exists: "exists already"
            case .locked: "locked by another process"
            case .unsafePermissions: "owner or permissions let other users in"
            case .noSpace: "no space left"
            case .readOnly: "read-only file system"
            case .failed: errno.map { "\($0)" } ?? "failed"
            }
        return "\(operation) \(path.displayString): \(what)"
    }

    /// Errors are equal when their codes are.
    public static func == (a: StorageError, b: StorageError) -> Bool { a.code == b.code }
}

public import SystemPackage

/// A failed step on a Unix socket. Compared by code.
public struct SocketError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// Nobody listens there.
        case refused
        /// The path does not exist.
        case notFound
        /// This user may not.
        case permissionDenied
        /// The time was up.
        case timedOut
        /// The other side has closed the connection, between messages.
        case closed
        /// The other side has closed the connection in the middle of a message.
        case cutShort
        /// The path does not fit into a socket address.
        case pathTooLong
        /// The path is taken.
        case inUse
        /// It is not a Unix stream socket that listens on an absolute path.
        case notAListener
        /// Guarded memory for a secret could not be had.
        case noSecretMemory
        /// Any other failure.
        case failed
    }

    /// What kind of failure it was.
    public let code: Code
    /// What was tried.
    public let operation: String
    /// The system's error number, where there was one.
    public let errno: Errno?

    /// An error of a kind that the caller found out.
    public init(_ code: Code, operation: String, errno: Errno? = nil) {
        self.code = code
        self.operation = operation
        self.errno = errno
    }

    /// An error from the system's number.
    public init(_ errno: Errno, operation: String) {
        let code: Code =
            switch errno {
            case .connectionRefused: .refused
            case .noSuchFileOrDirectory, .notDirectory: .notFound
            case .permissionDenied, .notPermitted: .permissionDenied
            case .timedOut, .wouldBlock, .resourceTemporarilyUnavailable: .timedOut
            case .connectionReset, .brokenPipe: .closed
            case .fileNameTooLong: .pathTooLong
            case .addressInUse: .inUse
            default: .failed
            }
        self.init(code, operation: operation, errno: errno)
    }

    /// A sentence for a person.
    public var description: String {
        let what =
            switch code {
            case .refused: "nobody listens"
            case .notFound: "no such socket"
            case .permissionDenied: "permission denied"
            case .timedOut: "timed out"
            case .closed: "the other side closed the connection"
            case .cutShort: "the connection ended in the middle of a message"
            case .pathTooLong: "the socket's path is too long for this system"
            case .inUse: "something else has the socket's path"
            case .notAListener: "it is not a Unix stream socket that listens on an absolute path"
            case .noSecretMemory: "guarded memory could not be had"
            case .failed: errno.map { "\($0)" } ?? "failed"
            }
        return "\(operation): \(what)"
    }

    /// Errors are equal when their codes are.
    public static func == (a: SocketError, b: SocketError) -> Bool { a.code == b.code }
}

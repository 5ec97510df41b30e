/// An attempt that may not be made. Compared by code.
public struct AttemptError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: Sendable, Equatable {
        /// The last attempts were wrong, and the caller does not want to wait.
        case rateLimited
        /// The caller went away while it waited.
        case cancelled
    }

    /// What kind of error it is.
    public let code: Code
    /// After how long another attempt may be made.
    public let retryAfter: Duration

    /// An error.
    public init(_ code: Code, retryAfter: Duration = .zero) {
        self.code = code
        self.retryAfter = retryAfter
    }

    /// A sentence for a person.
    public var description: String {
        switch code {
        case .rateLimited:
            let tenths = max(1, (retryAfter / .milliseconds(100)).rounded(.up))
            return "after wrong passphrases the next attempt may be made in \(tenths / 10) s"
        case .cancelled: return "the attempt was given up while it waited"
        }
    }

    /// Errors are equal when their codes are.
    public static func == (a: AttemptError, b: AttemptError) -> Bool { a.code == b.code }
}

public import BlazeProtocol

/// Why a call had no reply. Compared by code.
public struct ClientError: Error, Sendable, Equatable {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// No agent listens, and none was to be started.
        case noAgent
        /// An agent could not be started.
        case cannotStart
        /// The agent speaks no protocol version that this client does.
        case unsupportedProtocol
        /// The agent did not answer in time.
        case timedOut
        /// The connection ended before the reply.
        case connectionLost
        /// The agent's answer makes no sense.
        case invalidReply
        /// Whoever listens on the socket is another user.
        case foreignAgent
        /// The agent refused the request or failed at it; `fault` says why.
        case fault
    }

    /// What kind of failure it was.
    public let code: Code
    /// What happened.
    public let message: String
    /// What to do next; may be empty.
    public let hint: String
    /// The agent's own words, when `code` is `fault`.
    public let fault: Fault?
    /// The agent's process, where it is known for certain.
    public let processID: Int32?

    /// An error of the client's own.
    public init(_ code: Code, _ message: String, hint: String = "", processID: Int32? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.processID = processID
        fault = nil
    }

    /// The agent's fault.
    public init(_ fault: Fault) {
        code = fault.code == .unsupportedProtocol ? .unsupportedProtocol : .fault
        message = fault.message
        hint = fault.hint
        self.fault = fault
        processID = nil
    }

    /// Errors are equal when their codes are, and those of their faults.
    public static func == (a: ClientError, b: ClientError) -> Bool {
        a.code == b.code && a.fault?.code == b.fault?.code
    }
}

internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a supervisor such as systemd hands to a service in the environment: listening sockets (sd_listen_fds(3)) and a
/// place to tell of its state (sd_notify(3)).
public struct Supervisor: Sendable, Hashable {
    /// The variables of which this is made. They are for one process and not for its children.
    public static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET"]
    /// The first descriptor that is handed over.
    public static let firstDescriptor: Int32 = 3

    /// The one socket that was handed over; nil when none was.
    public let listener: Int32?
    private let notifySocket: String?

    /// What is wrong with what was handed over.
    public struct Nonsense: Error, Sendable, Equatable, CustomStringConvertible {
        /// A sentence for a person.
        public let description: String
    }

    /// What the environment hands to the process of this id.
    ///
    /// - Throws: `Nonsense` when it hands over anything but exactly one descriptor.
    public init(environment: [String: String], processID: Int32) throws(Nonsense) {
        notifySocket = environment["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        guard let pid = environment["LISTEN_PID"], let count = environment["LISTEN_FDS"] else {
            listener = nil
            return
        }
        guard let pid = Int32(pid), pid > 0 else {
            throw Nonsense(description: "LISTEN_PID is not a process id")
        }
        guard pid == processID else {
            // For another process: a parent that did not clear its environment.
            listener = nil
            return
        }
        guard let count = Int32(count), count >= 0 else {
            throw Nonsense(description: "LISTEN_FDS is not a count")
        }
        guard count == 1 else {
            throw Nonsense(description: "LISTEN_FDS hands over \(count) sockets, and the agent serves exactly one")
        }
        listener = Self.firstDescriptor
    }

    /// Takes the variables out of this process's environment. Before any thread is started.
    public static func forget() {
        for name in variables { unsetenv(name) }
    }

    /// A state that a supervisor wants to know of.
    public enum State: String, Sendable {
        /// Requests are answered.
        case ready = "READY=1"
        /// The service is on its way out.
        case stopping = "STOPPING=1"
    }

    /// Tells the supervisor; nothing when there is none.
    ///
    /// - Throws: the system's error: the supervisor then knows less than it should, and no more is lost.
    public func tell(_ state: State) throws(Errno) {
        guard let notifySocket else { return }
        guard blaze_notify_supervisor(notifySocket, state.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }
}

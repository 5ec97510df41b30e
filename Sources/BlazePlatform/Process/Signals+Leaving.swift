#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension Signals {
    /// The signal of Ctrl-C.
    public static var interrupt: Int32 { SIGINT }

    /// Ends the process at once, with the status by which shells tell of a signal.
    public static func leave(by signal: Int32) -> Never { _exit(128 + signal) }
}

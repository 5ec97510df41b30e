internal import CPlatform

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What keeps a process's memory to itself, and whether the system granted it.
public struct Hardening: Sendable, Hashable {
    /// Core dumps are off (RLIMIT_CORE 0).
    public let coreDumpsOff: Bool
    /// Other processes of the same user cannot trace it or read its memory.
    public let tracingOff: Bool
    /// Secrets can be locked into memory, so that they do not reach swap.
    public let memoryLocks: Bool

    /// Nothing was applied.
    public static let none = Hardening(coreDumpsOff: false, tracingOff: false, memoryLocks: false)

    /// For a program that only passes secrets on: nobody may trace it, and on Linux it leaves no core. The limit on cores is
    /// left alone, for the programs that it starts have it too.
    public static func closeToOthers() -> Bool { blaze_disable_tracing() == 0 }

    /// Applies what the system allows. `allowTracing` keeps debuggers working, for tests.
    public static func apply(allowTracing: Bool = false) -> Hardening {
        // What the process creates is for its user, even where a caller forgets to say so.
        umask(0o077)
        let core = blaze_disable_core_dumps() == 0
        let tracing = !allowTracing && blaze_disable_tracing() == 0
        return Hardening(coreDumpsOff: core, tracingOff: tracing, memoryLocks: canLockMemory())
    }
}

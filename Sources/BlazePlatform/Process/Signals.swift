internal import CPlatform

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// SIGTERM, SIGINT and SIGHUP, taken by one waiting thread instead of handlers.
public enum Signals {
    /// Blocks them for this thread and all that it starts. Called in main before any thread.
    public static func block() -> Bool { blaze_block_signals() == 0 }
    /// Waits for one of them; its number, or nil when waiting failed.
    public static func wait() -> Int32? {
        let got = blaze_wait_for_signal()
        return got > 0 ? got : nil
    }
    /// A signal's short name.
    public static func name(_ number: Int32) -> String {
        switch number {
        case SIGTERM: "SIGTERM"
        case SIGINT: "SIGINT"
        case SIGHUP: "SIGHUP"
        default: "signal \(number)"
        }
    }
}

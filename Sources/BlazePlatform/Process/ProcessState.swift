internal import CPlatform

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What the system tells of another process.
public enum ProcessState {
    /// Whether it is stopped, as by SIGSTOP; nil when the system does not tell.
    public static func isStopped(_ processID: Int32) -> Bool? {
        let answer = blaze_process_is_stopped(processID)
        return answer < 0 ? nil : answer == 1
    }

    /// Asks a process to end (SIGTERM); false when it is gone or not ours.
    public static func terminate(_ processID: Int32) -> Bool {
        // 0 and below would mean groups of processes.
        processID > 1 && kill(processID, SIGTERM) == 0
    }
}

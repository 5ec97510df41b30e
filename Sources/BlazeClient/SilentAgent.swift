internal import BlazePlatform
internal import SystemPackage

/// An agent that lives and does not answer: which process that is, as far as it can be known, and what to do about it.
struct SilentAgent {
    let socket: FilePath
    /// The process at the other end of the connection; nil when there was no connection.
    let listener: Int32?
    /// The agent's lock file.
    let lock: FilePath?

    /// The error that tells. A signal is recommended only for a process that two sources, or the lock alone, name.
    var error: ClientError {
        let place = socket.displayString
        let noted = lock.flatMap { LockFile.notedProcessID(at: $0) }
        if let noted, listener == nil || listener == noted {
            let isStopped = ProcessState.isStopped(noted) == true
            return ClientError(
                .timedOut,
                "the agent (pid \(noted)) on \(place) does not answer\(isStopped ? ": its process is stopped" : "")",
                hint: isStopped
                    ? "let it go on: kill -CONT \(noted); or end it: kill -9 \(noted); then run the command again"
                    : "it may be overloaded; if that lasts, end it: kill -9 \(noted); then run the command again",
                processID: listener)
        }
        if let listener {
            return ClientError(
                .timedOut, "process \(listener), which listens on \(place), does not answer",
                hint:
                    "see what it is: ps -p \(listener); if it is in the agent's way, end it, then run the command again"
            )
        }
        return ClientError(
            .timedOut, "the agent on \(place) does not answer",
            hint: "it may be stopped or overloaded: look at it with ps, end it with kill, then run the command again")
    }
}

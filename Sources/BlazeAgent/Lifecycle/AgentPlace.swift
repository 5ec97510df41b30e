internal import BlazePlatform
internal import BlazeProtocol
internal import Logging
internal import Synchronization
internal import SystemPackage

/// The agent's place in the file system: the lock that says that it lives, and the socket by which it is found. Keeps
/// both, or finds out that they are another agent's now.
///
/// The order is always directory, lock, socket: whoever has no lock that the path names touches no socket.
final class AgentPlace: Sendable {
    let listener: SocketListener
    private let paths: AgentPaths
    private let processID: Int32
    private let log: Logger
    private let state: Mutex<State>

    private struct State {
        // Held as long as the agent runs: the lock says that it lives.
        var lock: LockFile
        /// What was last said of a place that cannot be taken back, so that it is said once and not every second.
        var complaint = ""
    }

    /// Takes a place whose lock the caller has taken.
    init(listener: SocketListener, lock: LockFile, paths: AgentPaths, processID: Int32, log: Logger) {
        self.listener = listener
        self.paths = paths
        self.processID = processID
        self.log = log
        state = Mutex(State(lock: lock))
    }

    /// Takes the lock of an agent's paths and leaves a note of who has it.
    ///
    /// - Throws: `locked` when another agent holds it.
    static func lock(_ paths: AgentPaths, processID: Int32) throws(StorageError) -> LockFile {
        // A client that asks whether anybody holds the lock has it for a moment itself.
        let lock = try LockFile(path: paths.lock, patience: .milliseconds(100))
        lock.note("\(processID)\n")
        return lock
    }

    /// Directories that are tried for the journal of jobs.
    private static let journals = 64

    /// The directory of the journal of jobs, and the lock that keeps other agents off it: agents at several sockets may share
    /// the state directory, and each has a journal of its own.
    ///
    /// A directory that cannot be used is no reason not to start: whoever begins a job is told.
    static func journal(_ paths: AgentPaths) -> (directory: FilePath, lock: LockFile?) {
        for number in 1...journals {
            let directory = number == 1 ? paths.jobs : paths.jobs.appendingSuffix("-\(number)")
            do throws(StorageError) {
                try PrivateDirectory.ensure(directory)
                return (directory, try LockFile(path: directory.appending("lock"), patience: .milliseconds(100)))
            } catch {
                guard error.code == .locked else { return (directory, nil) }
            }
        }
        return (paths.jobs.appendingSuffix("-\(journals + 1)"), nil)
    }

    /// Why the agent has to end.
    struct Lost: Error {
        let reason: String
    }

    /// Looks whether the place is still the agent's, and takes it back where somebody removed it. By the thread that
    /// accepts.
    ///
    /// - Throws: `Lost` when nobody finds this agent any more and it must not change that.
    func look() throws(Lost) {
        let lost: Lost? = state.withLock { state in
            if state.lock.isInPlace, listener.isInPlace { return nil }
            do {
                try takeBack(&state.lock)
                log.notice("took its place again", metadata: ["socket": "\(paths.socket.displayString)"])
                state.complaint = ""
            } catch let lost as Lost {
                return lost
            } catch let error as StorageError where error.code == .locked {
                return Lost(reason: "another agent has taken this one's place")
            } catch {
                // It may yet go away: connections go on, and the next look tries again.
                let complaint = "\(error)"
                if complaint != state.complaint {
                    log.error("not to be found", metadata: ["reason": "\(complaint)"])
                    state.complaint = complaint
                }
            }
            return nil
        }
        if let lost { throw lost }
    }

    private func takeBack(_ lock: inout LockFile) throws {
        let directory = paths.socket.removingLastComponent()
        if paths.ownsSocketDirectory {
            try PrivateDirectory.ensure(directory)
        } else {
            // Somebody else chose the directory: to make it again is up to them.
            try PrivateDirectory.verify(directory)
        }
        if !lock.isInPlace { lock = try Self.lock(paths, processID: processID) }
        guard !listener.isInPlace else { return }
        guard !listener.isAdopted else {
            throw Lost(reason: "the socket that the supervisor gave is not at its path any more")
        }
        try listener.bindAgain()
    }
}

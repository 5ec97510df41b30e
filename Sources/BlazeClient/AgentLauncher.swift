public import BlazePlatform
internal import SystemPackage

/// Finds the agent, or starts it.
public struct AgentLauncher: Sendable {
    /// The agent's program.
    public static let executableName = "blazedb-agent"
    /// What an agent started by a client gets of the client's environment: places and language, nothing that may hold
    /// a secret.
    public static let inheritedVariables = [
        "HOME", "USER", "LOGNAME", "PATH", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", AgentPaths.socketVariable,
        // Where the agent hears of sleep and logout.
        "DBUS_SYSTEM_BUS_ADDRESS",
    ]

    let paths: AgentPaths
    private let environment: [String: String]
    private let name: String

    /// A launcher for the agent of these paths. `name` is the client's name and version.
    public init(paths: AgentPaths, environment: [String: String], name: String) {
        self.paths = paths
        self.environment = environment
        self.name = name
    }

    /// What became of a start.
    public enum Started: Sendable, Equatable {
        /// This call started it.
        case now
        /// It ran already.
        case already
    }

    /// How long to try again while all of the agent's connections are taken: those that are without a request give way
    /// within a second.
    private static let crowdPatience: Duration = .seconds(3)

    /// How long to try again while an agent lives and has no socket: one that lost it is back within 3 s, and one on its
    /// way out is gone by then.
    private static let absencePatience: Duration = .seconds(3)

    /// A connection to the agent that runs; `noAgent` when none does.
    public func connect(replyLimit: Duration = .seconds(120)) throws(ClientError) -> AgentConnection {
        let deadline = Deadline.after(Self.absencePatience)
        var pause: Int32 = 1
        while true {
            do throws(ClientError) {
                return try connectNow(replyLimit: replyLimit)
            } catch {
                // Only its lock tells whether an agent lives: it may hold keys although nobody finds its socket.
                guard error.code == .noAgent, LockFile.isHeld(paths.lock) else { throw error }
                guard !isFrozen, deadline.millisecondsLeft > 0 else { throw silentAgent }
            }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 50)
        }
    }

    private var silentAgent: ClientError {
        SilentAgent(socket: paths.socket, listener: nil, lock: paths.lock).error
    }

    /// Whether the process that the lock file names is stopped.
    private var isFrozen: Bool {
        LockFile.notedProcessID(at: paths.lock).flatMap { ProcessState.isStopped($0) } == true
    }

    private func connectNow(replyLimit: Duration = .seconds(120)) throws(ClientError) -> AgentConnection {
        let deadline = Deadline.after(Self.crowdPatience)
        var pause: Int32 = 10
        while true {
            do throws(ClientError) {
                return try AgentConnection(
                    socket: paths.socket, lock: paths.lock, name: name, replyLimit: replyLimit,
                    rootMayUseForeign: !paths.ownsSocketDirectory)
            } catch {
                guard error.fault?.code == .tooManyConnections, deadline.millisecondsLeft > 0 else { throw error }
            }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 200)
        }
    }

    /// A connection to the agent, which is started with these options when none runs. One that is stopping is waited for.
    public func connectOrStart(
        replyLimit: Duration = .seconds(120), options: [String] = []
    ) throws(ClientError) -> AgentConnection {
        let deadline = Deadline.after(.seconds(10))
        var pause: Int32 = 1
        while true {
            do throws(ClientError) {
                return try connectNow(replyLimit: replyLimit)
            } catch {
                switch error.code {
                case .noAgent: _ = try start(options: options)
                case .connectionLost where deadline.millisecondsLeft > 0: break
                case .fault where error.fault?.code == .stopping && deadline.millisecondsLeft > 0: break
                default: throw error
                }
            }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 50)
        }
    }

    /// Starts an agent unless one runs, and waits until it is ready.
    public func start(options: [String] = []) throws(ClientError) -> Started {
        try start(options: options, deadline: .after(.seconds(10)))
    }

    private func start(options: [String], deadline: Deadline) throws(ClientError) -> Started {
        let executable = try findExecutable()
        let answer: DetachedProcess.Answer
        do throws(StorageError) {
            answer = try DetachedProcess.start(
                executable, arguments: ["--ready-fd", "\(DetachedProcess.readyDescriptor)"] + options,
                environment: inherited, deadline: deadline)
        } catch {
            throw ClientError(.cannotStart, "\(error)")
        }
        switch answer {
        case .ready: return .now
        case .failed(let words):
            // Another client may have been faster: its agent holds the lock and may still be on its way to listen. Or an
            // agent holds it on its way out: then nobody listens, and the next try starts one.
            guard words == Self.alreadyRunning else {
                throw ClientError(.cannotStart, "the agent did not start: \(words)")
            }
            if try isListening(within: .after(.milliseconds(250))) { return .already }
            // The lock is the truth about the agent's life: one that holds it and does not come to listen is stuck.
            guard !isFrozen, deadline.millisecondsLeft > 0 else { throw silentAgent }
            return try start(options: options, deadline: deadline)
        case .silent:
            throw ClientError(
                .cannotStart, "the agent did not say that it is ready", hint: "see \(paths.log.displayString)")
        }
    }

    /// Replaces this process by an agent in the foreground. Returns only when that failed.
    public func becomeAgent(options: [String]) throws(ClientError) -> ClientError {
        let executable = try findExecutable()
        let error = Executables.replaceProcess(by: executable, arguments: options, environment: inheritedInForeground)
        return ClientError(.cannotStart, "\(error)")
    }

    private func findExecutable() throws(ClientError) -> FilePath {
        if let found = Executables.find(Self.executableName, environment: environment) { return found }
        throw ClientError(
            .cannotStart, "\(Self.executableName) is neither beside this program nor in PATH",
            hint: "install it, or start it yourself")
    }

    private var inherited: [String: String] {
        var out = environment.filter { Self.inheritedVariables.contains($0.key) }
        // A place that nobody named is named to nobody: the agent finds the same one, and knows that it is its own.
        out[AgentPaths.socketVariable] = paths.ownsSocketDirectory ? nil : paths.socket.string
        return out
    }

    /// An agent that takes this process's place has its supervisor as well.
    private var inheritedInForeground: [String: String] {
        inherited.merging(environment.filter { Supervisor.variables.contains($0.key) }) { own, _ in own }
    }

    /// What an agent says that finds the lock taken.
    public static let alreadyRunning = "already-running"

    private func isListening(within deadline: Deadline) throws(ClientError) -> Bool {
        var pause: Int32 = 1
        while true {
            do throws(ClientError) {
                _ = try connectNow()
                return true
            } catch {
                let isLeaving = error.code == .connectionLost || error.fault?.code == .stopping
                guard error.code == .noAgent || isLeaving else { throw error }
                guard deadline.millisecondsLeft > 0 else { return false }
            }
            waitMilliseconds(min(pause, deadline.millisecondsLeft))
            pause = min(pause * 2, 50)
        }
    }
}

internal import BlazeEngine
internal import BlazeLogind
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Dispatch
internal import Logging
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The daemon: takes its place, serves until it is told to stop, and leaves nothing behind.
public enum Agent {
    /// The package's version.
    public static let version = "0.1.0"

    /// How the process ends.
    public enum Exit: Int32, Sendable {
        /// It served and was stopped.
        case stopped = 0
        /// It could not start.
        case failed = 1
        /// Another agent serves this socket.
        case alreadyRunning = 3
    }

    /// Runs an agent to its end. Call it from the main thread, before any other thread is started.
    public static func run(_ options: AgentOptions) -> Exit {
        guard Terminal.occupyStandardStreams() else { return end(.failed, "there is no /dev/null", options) }
        guard Signals.block() else { return end(.failed, "signals cannot be blocked", options) }
        let hardening = Hardening.apply(allowTracing: options.allowTracing)
        let started: Started
        do {
            started = try start(options, hardening)
        } catch let error as StorageError where error.code == .locked {
            return end(.alreadyRunning, "already-running", options)
        } catch let error as SocketError where error.code != .notAListener {
            return end(.failed, "\(options.paths.socket.displayString): \(error)", options)
        } catch {
            return end(.failed, "\(error)", options)
        }
        let (state, listener, log) = (started.state, started.place.listener, started.state.log)
        let sessionGuard: SessionGuard
        do {
            sessionGuard = try SessionGuard(state)
            try sessionGuard.start()
            try serve(started)
        } catch {
            listener.unlinkSocket()
            return end(.failed, "the system gives no thread", options)
        }
        log.info("ready", metadata: ["socket": "\(state.paths.socket.displayString)", "pid": "\(state.processID)"])
        if let descriptor = options.readyDescriptor { DetachedProcess.report(.ready, on: descriptor) }
        tell(started.supervisor, .ready, log)

        state.waitForStop()
        tell(started.supervisor, .stopping, log)
        // Who comes now is told that the agent is stopping, until there is nobody left to wait for.
        state.jobs.stop(because: JobFailure(Fault.stopping))
        state.connections.stop()
        // Of the three seconds that a stop may take, requests under way get half to end by themselves; then those that
        // answer in parts are ended, and the rest ends with the process.
        if !state.connections.waitUntilEmpty(within: .milliseconds(1500)) {
            state.connections.endRequests()
            log.notice("requests under way have had their time")
            if !state.connections.waitUntilEmpty(within: .milliseconds(500)) {
                log.notice("some requests did not end in time")
            }
        }
        if state.jobThreads.wait(timeout: .now() + .milliseconds(500)) != .success {
            log.notice("a job has not ended in time; the next agent puts right what it left")
        }
        sessionGuard.stop()
        state.lockEverything(.stop)
        listener.unlinkSocket()
        listener.stop()
        log.info("stopped")
        return .stopped
    }

    private struct Started {
        let state: AgentState
        let place: AgentPlace
        let supervisor: Supervisor
    }

    private static func start(_ options: AgentOptions, _ hardening: Hardening) throws -> Started {
        let processID = ProcessInfo.processInfo.processIdentifier
        Supervisor.forget()
        let supervisor = try Supervisor(environment: options.environment, processID: processID)
        var paths = options.paths
        var given: SocketListener?
        if let descriptor = supervisor.listener {
            let listener = try SocketListener(adopting: descriptor, backlog: backlog)
            // The lock lies beside the socket that clients connect to, whatever the environment says.
            if listener.path != paths.socket { paths = paths.with(socket: listener.path) }
            given = listener
        }
        let socketDirectory = paths.socket.removingLastComponent()
        if paths.ownsSocketDirectory {
            try PrivateDirectory.ensure(socketDirectory)
        } else {
            try PrivateDirectory.ensureUnchanged(socketDirectory)
        }
        let lock = try AgentPlace.lock(paths, processID: processID)
        for directory in [paths.state, paths.data] { try PrivateDirectory.ensure(directory) }
        if !options.foreground { try LogFile.redirectStandardError(to: paths.log) }
        var log = Logger(label: "blazedb-agent", factory: { StreamLogHandler.standardError(label: $0) })
        log.logLevel = .info

        var (catalog, warnings) = try Catalog.load(from: paths.catalog)
        for warning in warnings { log.warning("catalogue", metadata: ["reason": "\(warning)"]) }
        // Before anybody is served, so that the first answer tells how the jobs of the last agent ended.
        let journal = AgentPlace.journal(paths)
        let jobs = JobRegistry(directory: journal.directory, held: journal.lock)
        warnings += jobs.problems
        jobs.resolveInterrupted(in: PosixStorage())
        do throws(EngineError) {
            try BackupRepository(paths.backups, in: PosixStorage()).sweep()
        } catch {
            log.warning("backups", metadata: ["reason": "\(error)"])
        }
        for job in jobs.all where job.state == .interrupted {
            log.warning("job interrupted", metadata: ["job": "\(job.id)", "reason": "\(job.failure?.message ?? "")"])
        }
        let configuration = ConfigurationFile(path: paths.configurationFile, home: paths.home)
        for error in configuration.check() { log.warning("configuration", metadata: ["reason": "\(error)"]) }
        let limit = connectionLimit()
        if limit < ProtocolLimits.connections {
            warnings.append("the limit on open files allows \(limit) connections only: see ulimit -n")
        }

        let listener = try given ?? SocketListener(path: paths.socket, backlog: backlog)
        let place = AgentPlace(listener: listener, lock: lock, paths: paths, processID: processID, log: log)
        let attempts = AttemptGate(file: paths.state.appending("attempts"))
        if let warning = attempts.warning { warnings.append(warning) }
        var logins: LoginWatch?
        do throws(ThreadError) {
            logins = try LoginWatch(userID: CurrentUser.id)
        } catch {
            warnings.append("suspend, screen lock and logout are not watched: the system gives no descriptors")
        }
        let state = AgentState(
            version: version, processID: processID, paths: paths, hardening: hardening, catalog: catalog,
            configuration: configuration, storage: PosixStorage(), connections: ConnectionRegistry(limit: limit),
            jobs: jobs,
            attempts: attempts, logins: logins,
            socketActivated: listener.isAdopted, allowRoot: options.allowRoot,
            startedAt: Int64(Date().timeIntervalSince1970 * 1_000_000_000), warnings: warnings, log: log)
        return Started(state: state, place: place, supervisor: supervisor)
    }

    /// How many clients may wait to be accepted: enough for a crowd that comes at once.
    private static let backlog: Int32 = 1024

    /// The most connections at once. Each has its socket and may read two files; a few are the agent's own.
    private static func connectionLimit() -> Int {
        guard let descriptors = Descriptors.raiseLimit(to: 4096) else { return ProtocolLimits.connections }
        return min(ProtocolLimits.connections, max(1, (descriptors - 64) / 3))
    }

    private static func serve(_ started: Started) throws(ThreadError) {
        let state = started.state
        let loop = AcceptLoop(
            listener: started.place.listener, place: started.place, router: Router(state: state),
            registry: state.connections, allowRoot: state.allowRoot, log: state.log)
        try spawnThread(named: "accept") { loop.run() }
        try spawnThread(named: "signals") {
            while let signal = Signals.wait() { state.requestStop(Signals.name(signal)) }
        }
    }

    private static func tell(_ supervisor: Supervisor, _ news: Supervisor.State, _ log: Logger) {
        do throws(Errno) {
            try supervisor.tell(news)
        } catch {
            log.warning("the supervisor was not told", metadata: ["news": "\(news.rawValue)", "reason": "\(error)"])
        }
    }

    private static func end(_ exit: Exit, _ words: String, _ options: AgentOptions) -> Exit {
        if let descriptor = options.readyDescriptor {
            DetachedProcess.report(.failed(words), on: descriptor)
        } else {
            let text = exit == .alreadyRunning ? "another agent serves this socket already" : words
            // Where standard error is closed there is nobody left to tell.
            try? Terminal.write(Array("blazedb-agent: \(text)\n".utf8), to: Terminal.error)
        }
        return exit
    }
}

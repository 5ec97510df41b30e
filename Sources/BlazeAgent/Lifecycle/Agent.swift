internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Dispatch
internal import Foundation
internal import Logging
internal import SystemPackage

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
        } catch {
            return end(.failed, "\(error)", options)
        }
        let (state, listener, log) = (started.state, started.listener, started.state.log)
        do {
            try serve(started, allowRoot: options.allowRoot)
        } catch {
            return end(.failed, "the system gives no thread", options)
        }
        log.info("ready", metadata: ["socket": "\(options.paths.socket.displayString)", "pid": "\(state.processID)"])
        if let descriptor = options.readyDescriptor { DetachedProcess.report(.ready, on: descriptor) }

        state.waitForStop()
        // Who comes now is told that the agent is stopping, until there is nobody left to wait for.
        state.connections.stop()
        // Two of the three seconds that a stop may take are for requests under way.
        if !state.connections.waitUntilEmpty(within: .seconds(2)) {
            log.notice("some requests did not end in time")
        }
        state.sessions.lockAll()
        listener.unlinkSocket()
        listener.stop()
        log.info("stopped")
        return .stopped
    }

    private struct Started {
        let state: AgentState
        let listener: SocketListener
        // Held as long as the agent runs: the lock says that it lives.
        let lock: LockFile
    }

    private static func start(_ options: AgentOptions, _ hardening: Hardening) throws -> Started {
        let paths = options.paths
        let socketDirectory = paths.socket.removingLastComponent()
        if paths.ownsSocketDirectory {
            try PrivateDirectory.ensure(socketDirectory)
        } else {
            try PrivateDirectory.ensureUnchanged(socketDirectory)
        }
        let lock = try LockFile(path: paths.lock)
        let processID = ProcessInfo.processInfo.processIdentifier
        lock.note("\(processID)\n")
        for directory in [paths.state, paths.data] { try PrivateDirectory.ensure(directory) }
        if !options.foreground { try LogFile.redirectStandardError(to: paths.log) }
        var log = Logger(label: "blazedb-agent", factory: { StreamLogHandler.standardError(label: $0) })
        log.logLevel = .info

        let (catalog, warnings) = try Catalog.load(from: paths.catalog)
        for warning in warnings { log.warning("catalogue", metadata: ["reason": "\(warning)"]) }
        let configuration = ConfigurationFile(path: paths.configurationFile, home: paths.home)
        for error in configuration.check() { log.warning("configuration", metadata: ["reason": "\(error)"]) }

        let connections = ConnectionRegistry(limit: ProtocolLimits.connections)
        let listener = try SocketListener(path: paths.socket, backlog: 128)
        let state = AgentState(
            version: version, processID: processID, paths: paths, hardening: hardening, catalog: catalog,
            configuration: configuration, storage: PosixStorage(), connections: connections,
            startedAt: Int64(Date().timeIntervalSince1970 * 1_000_000_000), warnings: warnings, log: log)
        return Started(state: state, listener: listener, lock: lock)
    }

    private static func serve(_ started: Started, allowRoot: Bool) throws(ThreadError) {
        let state = started.state
        let loop = AcceptLoop(
            listener: started.listener, router: Router(state: state), registry: state.connections,
            allowRoot: allowRoot, log: state.log)
        try spawnThread(named: "accept") { loop.run() }
        try spawnThread(named: "signals") {
            while let signal = Signals.wait() { state.requestStop(Signals.name(signal)) }
        }
    }

    private static func end(_ exit: Exit, _ words: String, _ options: AgentOptions) -> Exit {
        if let descriptor = options.readyDescriptor {
            DetachedProcess.report(.failed(words), on: descriptor)
        } else {
            let text = exit == .alreadyRunning ? "another agent serves this socket already" : words
            FileHandle.standardError.write(Data("blazedb-agent: \(text)\n".utf8))
        }
        return exit
    }
}

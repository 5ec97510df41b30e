@testable import BlazeAgent
import BlazeClient
import BlazePlatform
import BlazeServices
import Dispatch
import Logging
import SystemPackage
import TestSupport

/// An agent inside the test's process, on a socket of its own: everything but the process's own hardening.
final class TestAgent: Sendable {
    let directory: TemporaryDirectory
    let state: AgentState
    private let listener: SocketListener

    init(connectionLimit: Int = 16, spareTime: Duration = .seconds(600)) throws {
        directory = try TemporaryDirectory()
        var paths = AgentPaths(environment: [:], home: directory.path, userID: CurrentUser.id)
        paths = paths.with(socket: directory.path.appending("agent.sock"))
        paths.data = directory.path.appending("data")
        paths.state = directory.path.appending("state")
        paths.configuration = directory.path.appending("config")
        paths.databases = directory.path.appending("databases")
        listener = try SocketListener(path: paths.socket, backlog: 64)
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        state = AgentState(
            version: "test", processID: 1, paths: paths,
            hardening: Hardening.none, catalog: Catalog(file: paths.catalog, entries: [], now: { 0 }),
            configuration: ConfigurationFile(path: paths.configurationFile, home: directory.path),
            storage: PosixStorage(), connections: ConnectionRegistry(limit: connectionLimit, spareTime: spareTime),
            attempts: AttemptGate(file: paths.state.appending("attempts")), startedAt: 0, warnings: [], log: log)
        let loop = AcceptLoop(
            listener: listener, router: Router(state: state), registry: state.connections, allowRoot: false, log: log)
        try spawnThread(named: "accept") { loop.run() }
    }

    deinit {
        listener.stop()
        state.connections.stop()
        _ = state.connections.waitUntilEmpty(within: .seconds(5))
    }

    func connect() throws -> AgentConnection {
        try AgentConnection(socket: state.paths.socket, name: "test", replyLimit: .seconds(60))
    }

    /// A connection on which nothing has been said.
    func open() throws -> SocketStream {
        try SocketStream(connectingTo: state.paths.socket, within: .seconds(5))
    }
}

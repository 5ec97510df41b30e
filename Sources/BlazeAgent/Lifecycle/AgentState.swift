internal import BlazeLogind
internal import BlazeModel
internal import BlazePlatform
internal import BlazeServices
internal import Dispatch
internal import Logging
internal import Synchronization
internal import SystemPackage

/// What all requests share. Everything in it is safe to use from any thread.
final class AgentState: Sendable {
    let version: String
    let processID: Int32
    let paths: AgentPaths
    let hardening: Hardening
    let catalog: Catalog
    let configuration: ConfigurationFile
    let sessions = SessionRegistry()
    let leases = LeaseRegistry()
    let vault: VaultSession
    /// Operations that work with keys now.
    let keyUses = KeyUses()
    let prompts = PromptRegistry()
    let handOvers = HandOvers()
    let jobs: JobRegistry
    /// The threads that work on jobs.
    let jobThreads = DispatchGroup()
    /// When the session ends by itself.
    let timer: SessionTimer
    /// Holds back who guesses passphrases.
    let attempts: AttemptGate
    /// Since when anything is unlocked, and why everything was locked last.
    let life = SessionLife()
    /// Tells of suspend, screen lock and logout; nil where the system gives no thread for it.
    let logins: LoginWatch?
    /// The file system as looking at databases sees it.
    let storage: any Storage
    /// The file system as changing databases needs it.
    let changing: any ChangingStorage
    let connections: ConnectionRegistry
    /// Whether a supervisor gave the listening socket.
    let socketActivated: Bool
    let allowRoot: Bool
    /// Which app a database belongs to.
    let apps: OwningApp
    /// The known databases, kept current while somebody watches them.
    let liveList = LiveList()
    let log: Logger
    /// Wall clock, nanoseconds since 1970.
    let startedAt: Int64
    /// What went wrong at the start and did not prevent it.
    let warnings: [String]

    private let startedInstant = ContinuousClock.now
    private let stopSignal = DispatchSemaphore(value: 0)
    private let kept = Mutex<[SocketStream]>([])

    init(
        version: String, processID: Int32, paths: AgentPaths, hardening: Hardening, catalog: Catalog,
        configuration: ConfigurationFile, storage: any ChangingStorage, connections: ConnectionRegistry,
        jobs: JobRegistry? = nil,
        timer: SessionTimer = SessionTimer(), attempts: AttemptGate, logins: LoginWatch? = nil,
        socketActivated: Bool = false, allowRoot: Bool = false, startedAt: Int64, warnings: [String], log: Logger
    ) {
        self.version = version
        self.processID = processID
        self.paths = paths
        apps = OwningApp(paths: paths)
        vault = VaultSession(path: paths.data.appending("vault.bdv"))
        self.timer = timer
        self.attempts = attempts
        self.logins = logins
        self.hardening = hardening
        self.catalog = catalog
        self.configuration = configuration
        let jobs = jobs ?? JobRegistry(directory: paths.jobs)
        self.jobs = jobs
        changing = storage
        self.storage = ObservedStorage(storage, jobs: jobs, processID: processID)
        self.connections = connections
        self.socketActivated = socketActivated
        self.allowRoot = allowRoot
        self.startedAt = startedAt
        self.warnings = warnings
        self.log = log
    }

    var uptime: Duration { ContinuousClock.now - startedInstant }

    /// Asks the main thread to stop the agent. Any number of times, from any thread.
    func requestStop(_ reason: String) {
        log.info("stopping", metadata: ["reason": "\(reason)"])
        stopSignal.signal()
    }

    func waitForStop() { stopSignal.wait() }

    /// Keeps a stream open until the process ends.
    func keepUntilExit(_ stream: SocketStream) { kept.withLock { $0.append(stream) } }
}

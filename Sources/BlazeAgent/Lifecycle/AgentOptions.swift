public import BlazePlatform

/// How an agent is started.
public struct AgentOptions: Sendable {
    /// Where everything lies.
    public var paths: AgentPaths
    /// The home directory's `~` and the rest of the environment that settings may refer to.
    public var environment: [String: String]
    /// Whether root's processes are served although the agent runs as another user.
    public var allowRoot: Bool
    /// Whether debuggers may attach; for tests.
    public var allowTracing: Bool
    /// Whether the log goes to standard error instead of the log file.
    public var foreground: Bool
    /// The descriptor on which a waiting parent learns that the agent is ready.
    public var readyDescriptor: Int32?

    /// Options.
    public init(
        paths: AgentPaths, environment: [String: String], allowRoot: Bool = false, allowTracing: Bool = false,
        foreground: Bool = false, readyDescriptor: Int32? = nil
    ) {
        self.paths = paths
        self.environment = environment
        self.allowRoot = allowRoot
        self.allowTracing = allowTracing
        self.foreground = foreground
        self.readyDescriptor = readyDescriptor
    }
}

public import SystemPackage

/// Where the agent of one user keeps what: the socket, and the XDG directories (XDG Base Directory Specification).
public struct AgentPaths: Sendable, Hashable {
    /// The name of our directory below each XDG directory.
    public static let directoryName = "blazedb-agent"
    /// The variable that names the socket.
    public static let socketVariable = "BLAZEDB_AGENT_SOCK"

    /// The agent's socket.
    public var socket: FilePath
    /// Whether the socket's place is our own choice, so that its directory may be made and tightened.
    public var ownsSocketDirectory: Bool
    /// The directory of the configuration file.
    public var configuration: FilePath
    /// The directory of what users would miss: catalogue, later vault and backups.
    public var data: FilePath
    /// The directory of what can be made again: log, later history.
    public var state: FilePath
    /// BlazeDB's own directory of databases: a place to look, never ours to write.
    public var databases: FilePath
    /// The directory in which apps keep their data, ours and BlazeDB's among them.
    public var applications: FilePath
    /// The directory of temporary files.
    public var temporary: FilePath
    /// The home directory.
    public var home: FilePath

    /// The paths for an environment. Values that are empty or not absolute count as unset, as the specification says.
    public init(environment: [String: String], home: FilePath, userID: UInt32, platform: Platform = .current) {
        func absolute(_ name: String) -> FilePath? {
            guard let value = environment[name], value.hasPrefix("/") else { return nil }
            return FilePath(value)
        }
        self.home = home
        let support = home.appending("Library").appending("Application Support")
        func directory(_ variable: String, _ fallback: String) -> FilePath {
            if let base = absolute(variable) { return base.appending(Self.directoryName) }
            return (platform == .macOS ? support : home.pushing(FilePath(fallback))).appending(Self.directoryName)
        }
        configuration = directory("XDG_CONFIG_HOME", ".config")
        data = directory("XDG_DATA_HOME", ".local/share")
        state = directory("XDG_STATE_HOME", ".local/state")
        applications = absolute("XDG_DATA_HOME") ?? (platform == .macOS ? support : home.pushing(".local/share"))
        databases =
            platform == .macOS ? support.appending("BlazeDB") : applications.appending("blazedb")
        temporary = absolute("TMPDIR") ?? "/tmp"
        if let named = absolute(Self.socketVariable) {
            socket = named
            ownsSocketDirectory = false
        } else if let runtime = absolute("XDG_RUNTIME_DIR") {
            socket = runtime.appending(Self.directoryName).appending("agent.sock")
            ownsSocketDirectory = true
        } else {
            socket = temporary.appending("\(Self.directoryName)-\(userID)").appending("agent.sock")
            ownsSocketDirectory = true
        }
    }

    /// The same paths with another socket, as `--socket` names it.
    public func with(socket: FilePath) -> AgentPaths {
        var copy = self
        copy.socket = socket
        copy.ownsSocketDirectory = false
        return copy
    }

    /// The file whose flock says that an agent lives: the only truth about that. `agent.lock` beside `agent.sock`;
    /// beside any other socket its whole name and `.lock`, so that two sockets never share one.
    public var lock: FilePath {
        guard socket.lastComponent != "agent.sock" else {
            return socket.removingLastComponent().appending("agent.lock")
        }
        return socket.appendingSuffix(".lock")
    }
    /// The configuration file.
    public var configurationFile: FilePath { configuration.appending("config.toml") }
    /// The file of known databases.
    public var catalog: FilePath { data.appending("catalog.json") }
    /// The directory of backups.
    public var backups: FilePath { data.appending("backups") }
    /// The directory of the journal of jobs.
    public var jobs: FilePath { state.appending("jobs") }
    /// The log of an agent that runs in the background.
    public var log: FilePath { state.appending("agent.log") }

    /// The systems whose conventions differ.
    public enum Platform: Sendable {
        /// Linux and other XDG systems.
        case xdg
        /// macOS.
        case macOS

        /// The one that this was built for.
        public static var current: Platform {
            #if os(macOS)
                .macOS
            #else
                .xdg
            #endif
        }
    }
}

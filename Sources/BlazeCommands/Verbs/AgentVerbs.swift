internal import ArgumentParser
internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

struct AgentCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Start, stop and look at the session agent.",
        subcommands: [
            AgentStartVerb.self, AgentStopVerb.self, AgentRestartVerb.self, AgentStatusVerb.self, AgentPingVerb.self,
            AgentEnvironmentVerb.self,
        ])
}

struct AgentStartVerb: Verb {
    static let schemaName = "agent.start"
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start the agent, unless it runs.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Run in this terminal until interrupted, with the log on standard error.")
    var foreground = false
    @Flag(help: "Serve root's processes as well.")
    var allowRoot = false

    func execute(_ context: Context) throws -> VerbResult {
        let options = allowRoot ? ["--allow-root"] : []
        if foreground { throw try context.launcher.becomeAgent(options: ["--foreground"] + options) }
        // An agent that answers, or is frozen, is never started a second time.
        let connection: AgentConnection
        let started: AgentLauncher.Started
        do throws(ClientError) {
            connection = try context.launcher.connect()
            started = .already
        } catch {
            guard error.code == .noAgent else { throw error }
            started = try context.launcher.start(options: options)
            connection = try context.launcher.connect()
        }
        let pid = connection.agent.pid
        let data = JSONValue.object([
            "pid": .count(pid), "started": .bool(started == .now),
            "socket": .string(context.paths.socket.displayString),
        ])
        return VerbResult(data: data) { _ in
            [started == .now ? "the agent runs (pid \(pid))" : "the agent was running already (pid \(pid))"]
        }
    }
}

struct AgentStopVerb: Verb {
    static let schemaName = "agent.stop"
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the agent; it wipes all keys first.")

    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let pid = try context.launcher.stop(replyLimit: context.replyLimit).processID
        return VerbResult(data: .object(["pid": .count(pid)])) { _ in ["the agent (pid \(pid)) has stopped"] }
    }
}

/// What `status` and `agent status` show.
enum AgentStatus {
    static func result(_ context: Context) throws -> VerbResult {
        let reply = try context.call(WireStatusRequest())
        let config = FilePath.displayString([UInt8](reply.configPath))
        let problem = reply.configProblem.isEmpty ? nil : reply.configProblem
        let uptime = Double(reply.uptime) / 1_000_000_000
        let data = JSONValue.object([
            "agent": .object([
                "pid": .count(reply.pid), "version": .string(reply.version), "protocol": .count(reply.protocol),
                "socket": .string(FilePath.displayString([UInt8](reply.socket))),
                "socket_activated": .bool(reply.socketActivated), "allow_root": .bool(reply.allowRoot),
                "started_at": .string(Style.time(nanoseconds: reply.started)),
                "uptime": .number((uptime * 1000).rounded() / 1000),
            ]),
            "hardening": .object([
                "core_dumps": .string(reply.coreDumpsOff ? "off" : "allowed"),
                "tracing": .string(reply.tracingOff ? "off" : "allowed"),
                "memory_locking": .string(reply.memoryLocks ? "ok" : "unavailable"),
            ]),
            "unlocked": .array(reply.unlocked.map { .object($0.identityFields) }),
            "leases": .array(reply.leases.map(\.json)),
            "connections": .count(reply.connections), "connection_limit": .count(reply.connectionLimit),
            "vault": reply.vault.json, "session": reply.sessionStatus.json,
            "config": .object(["path": .string(config), "problem": .optional(problem)]),
        ])
        var warnings = reply.warnings
        if let problem { warnings.append("configuration: \(problem)") }
        if !reply.vault.problem.isEmpty { warnings.append("vault: \(reply.vault.problem); \(reply.vault.hint)") }
        let status: ExitStatus = reply.vault.state == .locked ? .locked : .success
        return VerbResult(data: data, warnings: warnings, status: status) { style in
            var facts = FactList()
            facts.add("agent", "pid \(reply.pid), version \(reply.version), up \(Style.duration(seconds: uptime))")
            let socket = FilePath.displayString([UInt8](reply.socket))
            facts.add("socket", reply.socketActivated ? "\(socket) (from a supervisor)" : socket)
            facts.add("vault", reply.vault.stateText)
            for (name, text) in reply.sessionStatus.lines { facts.add(name, text) }
            facts.add(
                "unlocked",
                reply.unlocked.isEmpty ? "none" : reply.unlocked.map(\.title).joined(separator: ", "))
            for lease in reply.leases { facts.add("lock held", lease.line) }
            facts.add("connections", "\(reply.connections) of \(reply.connectionLimit)")
            facts.add("core dumps", reply.coreDumpsOff ? "off" : "allowed")
            facts.add("tracing", reply.tracingOff ? "off" : "allowed")
            facts.add("locked memory", reply.memoryLocks ? "ok" : "unavailable: secrets may reach swap")
            facts.add("configuration", config)
            return facts.lines(style: style)
        }
    }
}

struct StatusVerb: Verb {
    static let schemaName = "status"
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "The agent's state; starts none, asks nothing, and ends with 13 when the vault is locked.")
    @OptionGroup var global: GlobalOptions
    func execute(_ context: Context) throws -> VerbResult { try AgentStatus.result(context) }
}

struct AgentStatusVerb: Verb {
    static let schemaName = "agent.status"
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "The agent's state; starts none, asks nothing, and ends with 13 when the vault is locked.")
    @OptionGroup var global: GlobalOptions
    func execute(_ context: Context) throws -> VerbResult { try AgentStatus.result(context) }
}

/// What `ping` and `agent ping` show.
enum AgentPing {
    static func result(_ context: Context) throws -> VerbResult {
        let connection = try context.connect(for: .ping)
        let start = ContinuousClock.now
        let pid = try connection.call(WirePingRequest()).pid
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return VerbResult(data: .object(["pid": .count(pid), "round_trip": .number(seconds)])) { _ in
            ["the agent (pid \(pid)) answers in \(Style.duration(seconds: seconds))"]
        }
    }
}

struct PingVerb: Verb {
    static let schemaName = "ping"
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Ask the agent for a sign of life; starts none.")
    @OptionGroup var global: GlobalOptions
    func execute(_ context: Context) throws -> VerbResult { try AgentPing.result(context) }
}

struct AgentPingVerb: Verb {
    static let schemaName = "agent.ping"
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Ask the agent for a sign of life; starts none.")
    @OptionGroup var global: GlobalOptions
    func execute(_ context: Context) throws -> VerbResult { try AgentPing.result(context) }
}

internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What a running verb has at hand: the environment, the agent, and the streams that results and words go to.
final class Context {
    let global: GlobalOptions
    let environment: [String: String]
    let paths: AgentPaths
    private let started = ContinuousClock.now
    private let startedAt = Date()

    init(global: GlobalOptions, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.global = global
        self.environment = environment
        let paths = AgentPaths(
            environment: environment, home: CurrentUser.home(environment: environment), userID: CurrentUser.id)
        self.paths = global.socket.map { paths.with(socket: FilePath($0)) } ?? paths
    }

    // MARK: The agent

    var launcher: AgentLauncher {
        AgentLauncher(paths: paths, environment: environment, name: "blazectl \(Blazectl.version)")
    }

    /// How long the agent may be silent.
    var replyLimit: Duration { .milliseconds(Int64(global.timeout * 1000)) }

    /// A connection for an operation, which decides whether an agent is started for it.
    ///
    /// - Parameter wait: how much longer than usual the agent may be silent, because it was asked to wait.
    func connect(
        for operation: BlazeClient.Operation, waiting wait: Duration = .zero
    ) throws(ClientError) -> AgentConnection {
        let limit = replyLimit + wait
        if operation.properties.startsAgent, !global.noAutostart {
            return try launcher.connectOrStart(replyLimit: limit)
        }
        return try launcher.connect(replyLimit: limit)
    }

    /// One call on a connection of its own.
    func call<R: RequestMessage>(_ request: R) throws(ClientError) -> R.Reply {
        try connect(for: R.operation).call(request)
    }

    /// The database that an argument names.
    func target(_ argument: String) throws -> WireTarget {
        guard let directory = CurrentUser.workingDirectory() else {
            throw CommandFailure(.failure, "no-directory", "the working directory does not exist any more")
        }
        var target = WireTarget()
        target.argument = Data(RawArguments.bytes(of: argument))
        target.workingDirectory = Data(directory.bytes)
        return target
    }

    /// The absolute path that an argument names.
    func path(_ argument: String) throws -> FilePath {
        guard let path = FilePath(bytes: RawArguments.bytes(of: argument)) else {
            throw CommandFailure(.usage, "invalid-path", "a path is not empty")
        }
        guard path.isRelative else { return path }
        guard let directory = CurrentUser.workingDirectory() else {
            throw CommandFailure(.failure, "no-directory", "the working directory does not exist any more")
        }
        return directory.pushing(path)
    }

    // MARK: Output

    var format: OutputFormat {
        global.output ?? (Terminal.isTerminal(Terminal.output) ? .table : .plain)
    }

    /// Colour is for terminals, and not for those who set NO_COLOR (no-color.org).
    func style(for descriptor: Int32) -> Style {
        let wanted = (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
        return Style(aligned: format == .table, coloured: wanted && Terminal.isTerminal(descriptor))
    }

    /// Writes a verb's result: one JSON object, or lines. Warnings go to standard error unless the object has them.
    func write(_ result: VerbResult, schema: String) throws {
        if !result.isWritten {
            if format == .json {
                try Terminal.write(envelope(schema, result).line(), to: Terminal.output)
                return
            }
            let style = style(for: Terminal.output)
            let lines = result.text(style).map { style.printable($0) + "\n" }
            try Terminal.write(Array(lines.joined().utf8), to: Terminal.output)
        }
        for warning in result.warnings { say("warning: \(warning)") }
    }

    /// Writes lines for people to standard output.
    func write(lines: [String]) throws {
        let style = style(for: Terminal.output)
        try Terminal.write(Array(lines.map { style.printable($0) + "\n" }.joined().utf8), to: Terminal.output)
    }

    /// Writes one of several results, which is of now, as one JSON object on a line of its own.
    func writeObject(_ result: VerbResult, schema: String) throws {
        try Terminal.write(envelope(schema, result, asOf: Date()).line(), to: Terminal.output)
    }

    private func envelope(_ schema: String, _ result: VerbResult, asOf moment: Date? = nil) -> JSONValue {
        .object([
            "schema": .string("blazectl/\(schema)/1"), "ok": .bool(true), "data": result.data,
            "warnings": .strings(result.warnings), "as_of": .string((moment ?? startedAt).formatted(.iso8601)),
            "tier": .optional(result.tier), "duration_ms": .number(milliseconds),
        ])
    }

    private var milliseconds: Double {
        let elapsed = ContinuousClock.now - started
        return (elapsed / .microseconds(1)).rounded() / 1000
    }

    /// Writes why there is no result: one JSON object, or words; standard output stays empty.
    func write(_ failure: CommandFailure, schema: String) {
        if format == .json {
            Self.write(failure, schema: schema, milliseconds: milliseconds)
            return
        }
        say("blazectl: \(failure.message)")
        if !failure.hint.isEmpty, !global.quiet { say("hint: \(failure.hint)") }
    }

    /// The JSON form of a failure, also for those that come before any verb runs.
    static func write(_ failure: CommandFailure, schema: String, milliseconds: Double) {
        let object = JSONValue.object([
            "schema": .string("blazectl/\(schema)/1"), "ok": .bool(false),
            "error": .object([
                "code": .integer(Int64(failure.status.rawValue)), "name": .string(failure.name),
                "message": .string(failure.message), "hint": .optional(failure.hint.isEmpty ? nil : failure.hint),
                "target": .optional(failure.target), "holder": failure.holder?.json ?? .null,
            ]),
            "as_of": .string(Date().formatted(.iso8601)), "duration_ms": .number(milliseconds),
        ])
        guard let line = try? object.line() else { return }
        // Where standard error is closed there is nobody left to tell.
        try? Terminal.write(line, to: Terminal.error)
    }

    /// Text as a person may see it: control characters are escaped.
    func printable(_ text: String) -> String { FilePath.displayString(Array(text.utf8)) }

    /// Words for a person, on standard error.
    func say(_ text: String) {
        try? Terminal.write(Array((style(for: Terminal.error).printable(text) + "\n").utf8), to: Terminal.error)
    }

    /// Progress of long work, on one line of a terminal that a person watches.
    func progress(_ text: String?) {
        guard !global.quiet, Terminal.isTerminal(Terminal.error) else { return }
        try? Terminal.write(Array("\r\u{1B}[K\(text ?? "")".utf8), to: Terminal.error)
    }
}

extension CommandFailure {
    /// The failure by which any error ends a command.
    init(reporting error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ClientError: self.init(error)
        case let error as StorageError:
            let status: ExitStatus =
                switch error.code {
                case .notFound: .notFound
                case .permissionDenied, .unsafePermissions: .denied
                case .exists: .wouldOverwrite
                case .noSpace: .insufficient
                default: .failure
                }
            self.init(status, "file", "\(error)", target: error.path.displayString)
        case is SecretMemoryError:
            self.init(
                .insufficient, "no-secret-memory", "no locked memory is left for secrets",
                hint: "raise the limit on locked memory: ulimit -l")
        case let error as SealError: self.init(.failure, "seal", error.description)
        default: self.init(.failure, "failure", "\(error)")
        }
    }
}

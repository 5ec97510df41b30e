internal import ArgumentParser
internal import BlazePlatform

/// How results are written.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case plain
    case json
}

/// The options that every verb takes.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: "How results are written: table (default on a terminal), plain (tab-separated; default in a pipe), json.")
    var output: OutputFormat?

    @Option(help: ArgumentHelp("The agent's socket, instead of $BLAZEDB_AGENT_SOCK or the default.", valueName: "path"))
    var socket: String?

    @Flag(help: "Do not start an agent when none runs.")
    var noAutostart = false

    @Option(help: ArgumentHelp("How long the agent may be silent.", valueName: "seconds"))
    var timeout: Double = 120

    @Flag(help: "Never ask anything.")
    var batch = false

    @Flag(name: .shortAndLong, help: "No progress and no hints on standard error.")
    var quiet = false

    func validate() throws {
        guard timeout > 0, timeout <= 86_400 else {
            throw ValidationError("--timeout takes seconds, more than 0 and at most 86400")
        }
        if let socket, !socket.hasPrefix("/") {
            throw ValidationError("--socket takes an absolute path")
        }
    }
}

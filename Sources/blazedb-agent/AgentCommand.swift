internal import ArgumentParser
internal import BlazeAgent
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The agent's own command line. People start it through `blazectl agent start`.
@main
struct AgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blazedb-agent",
        abstract: "The session agent that alone holds the handles, keys and secrets of your BlazeDB databases.",
        discussion: "blazectl starts it when it is needed; by hand: blazectl agent start.",
        version: Agent.version)

    @Flag(help: "Log to standard error instead of the log file, and stay with the terminal.")
    var foreground = false

    @Flag(help: "Serve root's processes as well.")
    var allowRoot = false

    @Flag(help: ArgumentHelp("Let debuggers attach: for tests only.", visibility: .private))
    var allowTracing = false

    @Option(help: ArgumentHelp("Where to say that the agent is ready.", visibility: .private))
    var readyFd: Int32?

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let paths = AgentPaths(
            environment: environment, home: CurrentUser.home(environment: environment), userID: CurrentUser.id)
        let options = AgentOptions(
            paths: paths, environment: environment, allowRoot: allowRoot, allowTracing: allowTracing,
            foreground: foreground, readyDescriptor: readyFd)
        throw ExitCode(Agent.run(options).rawValue)
    }
}

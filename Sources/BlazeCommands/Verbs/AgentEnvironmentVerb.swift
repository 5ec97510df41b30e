internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

struct AgentEnvironmentVerb: Verb {
    static let schemaName = "agent.env"
    static let configuration = CommandConfiguration(
        commandName: "env", abstract: "Print what sets $\(AgentPaths.socketVariable) in a shell, and start the agent.",
        discussion: """
            For eval "$(blazectl agent env)" in a shell's start-up file. The syntax is that of $SHELL unless an option \
            names one. With --no-autostart nothing is started or asked.
            """)

    @OptionGroup var global: GlobalOptions
    @Flag var shell: ShellSyntax?

    func execute(_ context: Context) throws -> VerbResult {
        let pid = global.noAutostart ? nil : try context.launcher.connectOrStart().agent.pid
        let syntax = shell ?? ShellSyntax(loginShell: context.environment["SHELL"])
        let socket = context.paths.socket
        var result = VerbResult(
            data: .object([
                "variable": .string(AgentPaths.socketVariable), "socket": .string(socket.displayString),
                "shell": .string(syntax.rawValue), "pid": pid.map { .count($0) } ?? .null,
            ])
        ) { _ in [] }
        if context.format != .json {
            // For a shell and not for a person: nothing in it is escaped but what the shell takes apart.
            try Terminal.write(syntax.setting(AgentPaths.socketVariable, to: socket.bytes), to: Terminal.output)
            result.isWritten = true
        }
        return result
    }
}

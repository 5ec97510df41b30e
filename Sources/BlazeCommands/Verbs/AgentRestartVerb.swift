internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

struct AgentRestartVerb: Verb {
    static let schemaName = "agent.restart"
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Stop the agent, if one runs, and start one. All keys are wiped.",
        discussion: """
            Also replaces an agent of another version, to which blazectl cannot talk. The new agent serves root's \
            processes when the old one did.
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Serve root's processes as well.")
    var allowRoot = false

    func execute(_ context: Context) throws -> VerbResult {
        let old: AgentLauncher.Stopped?
        do throws(ClientError) {
            old = try context.launcher.stop(replyLimit: context.replyLimit, asksStatus: true)
        } catch {
            guard error.code == .noAgent else { throw error }
            old = nil
        }
        let servesRoot = allowRoot || old?.status?.allowRoot == true
        let new = try context.launcher.connectOrStart(options: servesRoot ? ["--allow-root"] : [])
        let pid = new.agent.pid
        let locked = old.map { $0.status?.unlocked } ?? []
        let data = JSONValue.object([
            "pid": .count(pid), "previous_pid": old.map { .count($0.processID) } ?? .null,
            "locked": locked.map { .array($0.map { .object($0.identityFields) }) } ?? .null,
            "socket": .string(context.paths.socket.displayString),
        ])
        return VerbResult(data: data) { _ in
            guard let old else { return ["no agent was running; one runs now (pid \(pid))"] }
            let first = "the agent was restarted (pid \(pid), before that \(old.processID))"
            guard let locked else { return [first, "what was unlocked is locked now"] }
            guard !locked.isEmpty else { return [first] }
            let count = locked.count == 1 ? "1 database was" : "\(locked.count) databases were"
            return [
                first, "\(count) unlocked and must be unlocked again: " + locked.map(\.title).joined(separator: ", "),
            ]
        }
    }
}

internal import ArgumentParser
internal import BlazePlatform

/// blazectl: parses its arguments, runs a verb, and tells how it ended.
public enum Blazectl {
    /// The package's version.
    public static let version = "0.1.0"

    /// Runs a command line, less the program's name, and returns the exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        // Where the system does not grant it, passwords are as safe as in any other program.
        _ = Hardening.closeToOthers()
        if arguments == [ClipboardClearing.argument] { return ClipboardClearing.run() }
        guard Terminal.occupyStandardStreams() else { return ExitStatus.failure.rawValue }
        Terminal.useLocale()
        do {
            var command = try BlazectlCommand.parseAsRoot(GlobalOptions.movedBehindVerb(arguments))
            try command.run()
            return ExitStatus.success.rawValue
        } catch let exit as ExitCode {
            return exit.rawValue
        } catch {
            return report(error, arguments)
        }
    }

    /// What the parser has to say: help that was asked for, or what is wrong with the command line.
    private static func report(_ error: any Error, _ arguments: [String]) -> Int32 {
        let text = BlazectlCommand.fullMessage(for: error)
        if BlazectlCommand.exitCode(for: error).isSuccess {
            do {
                try Terminal.write(Array((text + "\n").utf8), to: Terminal.output)
                return ExitStatus.success.rawValue
            } catch {
                return ExitStatus.failure.rawValue
            }
        }
        let message = BlazectlCommand.message(for: error)
        if wantsJSON(arguments) {
            Context.write(
                CommandFailure(.usage, "usage", message, hint: "see blazectl --help"), schema: "usage",
                milliseconds: 0)
        } else {
            // Where standard error is closed there is nobody left to tell.
            try? Terminal.write(Array((text + "\n").utf8), to: Terminal.error)
        }
        return ExitStatus.usage.rawValue
    }

    /// Whether a command line that cannot be parsed asks for JSON all the same.
    private static func wantsJSON(_ arguments: [String]) -> Bool {
        zip(arguments, arguments.dropFirst()).contains { ($0 == "-o" || $0 == "--output") && $1 == "json" }
            || arguments.contains("--output=json") || arguments.contains("-ojson")
    }
}

struct BlazectlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blazectl",
        abstract: "See everything in your BlazeDB databases, touch nothing.",
        discussion: """
            Databases are named by an alias, a path, or the first 6 or more digits of an id. A session agent holds \
            the keys; it is started when it is needed.
            """,
        version: Blazectl.version,
        subcommands: [
            ScanVerb.self, ListVerb.self, InfoVerb.self, UnlockVerb.self, LockVerb.self, CheckVerb.self,
            ExportVerb.self, HoldersVerb.self, ReleaseVerb.self, VacuumVerb.self, GcCommands.self,
            RepairVerb.self, SalvageVerb.self, BackupCommands.self, RestoreVerb.self, DumpVerb.self, ImportVerb.self,
            KeygenVerb.self, SecurityCommands.self,
            JobCommands.self, DatabaseCommand.self, StatusVerb.self, PingVerb.self,
            VaultCommands.self, ExecVerb.self, AgentCommands.self, ConfigCommand.self, VersionVerb.self,
        ])
}

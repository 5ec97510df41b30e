internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct ExecVerb: Verb {
    static let schemaName = "exec"
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a program with a database's password on descriptor 3.",
        discussion: """
            The agent takes no lock on the database while the program runs. Ends as the program does: with its status, or \
            with 128 and the signal that ended it.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @Option(
        name: .customLong("env"),
        help: ArgumentHelp(
            "Hand the password over in this environment variable instead, which other programs of yours can read.",
            valueName: "name"))
    var variable: String?
    @Argument(help: "Alias, path or id.")
    var database: String
    @Argument(parsing: .postTerminator, help: "The program and its arguments, behind --.")
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("a program to run comes behind --") }
        if let variable, variable.isEmpty || variable.contains("=") {
            throw ValidationError("--env takes the name of a variable")
        }
    }

    func execute(_ context: Context) throws -> VerbResult {
        let target = try context.target(database)
        let flow = SecretFlow(context, secrets, target: target)
        var password = try given(context, target)
        var rounds = 0
        while true {
            do {
                let ending = try handOver(target, &password, context)
                switch ending {
                case .exited(let status): throw ExitCode(status)
                case .signaled(let signal): throw ExitCode(128 + signal)
                }
            } catch let error as ClientError where rounds < 3 {
                rounds += 1
                switch error.fault?.code {
                case .vaultLocked?: try VaultUnlocking(context, secrets.vault).unlock(orThrow: error)
                case .locked?: password = try flow.askedPassword(orThrow: error)
                default: throw error
                }
            }
        }
    }

    /// Runs the program, and keeps the agent's connection until it has ended: so long the agent takes no lock.
    private func handOver(
        _ target: WireTarget, _ password: inout SecretBytes?, _ context: Context
    ) throws -> ChildProcess.Ending {
        var request = WireHandOverRequest()
        request.target = target
        var own: SecretBytes?
        if var given = password.take() {
            own = try given.duplicate()
            password = consume given
            request.ownPassword = true
        }
        let connection = try context.connect(for: .handOver)
        var none: SecretBytes?
        var answer: SecretBytes?
        var ending: ChildProcess.Ending?
        var failure: (any Error)?
        do throws(ClientError) {
            _ = try connection.call(request, secret: &none, answer: &answer) { _, secret throws(ClientError) in
                var handed = own.take() ?? secret.take()
                do {
                    ending = try run(&handed, context)
                } catch {
                    failure = error
                }
                connection.endInput()
            }
        } catch {
            // Once the program has run, that the agent has gone meanwhile changes nothing about how it ended.
            if failure == nil, ending == nil { throw error }
        }
        if let failure { throw failure }
        guard let ending else {
            throw CommandFailure(.protocolMismatch, "invalid-reply", "the agent handed nothing over")
        }
        return ending
    }

    /// The password that an option gave, once it has opened the database.
    private func given(_ context: Context, _ target: WireTarget) throws -> SecretBytes? {
        var password = try secrets.password.given(context)
        guard var secret = password.take() else { return nil }
        password = try secret.duplicate()
        var request = WireInfoRequest()
        request.target = target
        request.tier = .observe
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        _ = try context.connect(for: .info).call(request, secret: &password) { _ throws(ClientError) in }
        return secret
    }

    private static func failure(_ error: ChildProcessError, _ name: String) -> CommandFailure {
        switch error.code {
        case .notFound: CommandFailure(.notFound, "not-found", "there is no program \(name)", target: name)
        case .notExecutable: CommandFailure(.denied, "denied", "you may not run \(name)", target: name)
        case .tooLong: CommandFailure(.usage, "password-too-long", "the password is longer than can be handed over")
        case .notAVariable:
            CommandFailure(
                .usage, "invalid-variable", "the password, or the name, cannot be a variable of the environment")
        case .noSecretMemory: CommandFailure(reporting: SecretMemoryError())
        case .failed:
            CommandFailure(.failure, "cannot-run", "\(name) cannot be run (error \(error.errorNumber))", target: name)
        }
    }

    private func run(_ secret: inout SecretBytes?, _ context: Context) throws -> ChildProcess.Ending {
        guard var password = secret.take() else {
            throw CommandFailure(.protocolMismatch, "invalid-reply", "the agent sent no password")
        }
        do throws(ChildProcessError) {
            return try ChildProcess.run(
                command, environment: context.environment, secret: &password,
                by: variable.map { .environment($0) } ?? .descriptor)
        } catch {
            throw Self.failure(error, context.printable(command[0]))
        }
    }
}

internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

/// Where a database's password comes from. Never from an argument: other users can read those.
struct PasswordOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read the database's password from this descriptor.", valueName: "number"))
    var passwordFd: Int32?

    @Option(help: ArgumentHelp("Read it from a file that only you may read.", valueName: "path"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("Read it from what a command prints.", valueName: "command"))
    var passwordCommand: String?

    @Option(help: ArgumentHelp("The PBKDF2 count, for a database made with an unusual one.", valueName: "count"))
    var kdfIterations: UInt32?

    @Option(help: .hidden)
    var password: String?

    func validate() throws {
        guard password == nil else {
            throw ValidationError(
                "--password is not accepted: every user of this machine can read a program's arguments. "
                    + "Use --password-fd, --password-file or --password-command")
        }
        let given = [passwordFd != nil, passwordFile != nil, passwordCommand != nil].count { $0 }
        guard given <= 1 else {
            throw ValidationError("only one of --password-fd, --password-file and --password-command")
        }
        if let passwordFd, passwordFd < 0 { throw ValidationError("--password-fd takes a descriptor's number") }
        if let kdfIterations, kdfIterations == 0 || kdfIterations > 100_000_000 {
            throw ValidationError("--kdf-iterations takes a number from 1 to 100000000")
        }
    }

    /// The password from the option that was given; nil without one.
    func given(_ context: Context) throws -> SecretBytes? {
        let limit = ProtocolLimits.secret
        if let passwordFd {
            return try Self.reading("--password-fd \(passwordFd)") {
                try SecretInput.from(descriptor: passwordFd, limit: limit)
            }
        }
        if let passwordFile {
            let path = try context.path(passwordFile)
            return try Self.reading(path.displayString) { try SecretInput.from(file: path, limit: limit) }
        }
        if let passwordCommand {
            return try Self.reading("--password-command") {
                try SecretInput.from(command: passwordCommand, limit: limit)
            }
        }
        return nil
    }

    /// The password from the option that was given, else asked for on the terminal.
    func givenOrAsked(_ context: Context, for name: String) throws -> SecretBytes {
        if let password = try given(context) { return password }
        guard !context.global.batch else {
            throw CommandFailure(
                .promptNeeded, "prompt-needed", "the password of \(name) is needed, and --batch forbids to ask",
                hint: "give it by --password-fd, --password-file or --password-command")
        }
        return try Self.reading("the terminal") {
            try SecretInput.fromTerminal(
                prompt: "Password of \(FilePath.displayString(Array(name.utf8))): ", limit: ProtocolLimits.secret)
        }
    }

    private static func reading(_ source: String, _ body: () throws -> SecretBytes) throws -> SecretBytes {
        do {
            return try body()
        } catch let error as SecretInputError {
            switch error.code {
            case .noTerminal:
                throw CommandFailure(
                    .promptNeeded, "prompt-needed", "a password is needed, and there is no terminal to ask on",
                    hint: "give it by --password-fd, --password-file or --password-command")
            case .background:
                throw CommandFailure(
                    .promptNeeded, "prompt-needed", "a password is needed, and this command runs in the background",
                    hint:
                        "bring it to the foreground (fg), or give it by --password-fd, --password-file or --password-command"
                )
            case .timedOut: throw CommandFailure(.timeout, "prompt-timeout", "no password came in time from \(source)")
            case .declined: throw CommandFailure(.failure, "prompt-declined", "\(source) gave no password")
            case .interrupted(let signal):
                var failure = CommandFailure(.interrupted, "interrupted", "interrupted")
                failure.signal = signal
                throw failure
            case .empty: throw CommandFailure(.usage, "empty-password", "no password came from \(source)")
            case .tooLong:
                throw CommandFailure(
                    .usage, "password-too-long",
                    "what came from \(source) is longer than a password may be (\(ProtocolLimits.secret) bytes)")
            case .exposed:
                throw CommandFailure(
                    .denied, "password-file-exposed", "other users may read \(source)", hint: "chmod 600 \(source)")
            case .unreadable where error.errno == .noSuchFileOrDirectory:
                throw CommandFailure(.notFound, "not-found", "\(source) does not exist", target: source)
            case .unreadable where error.errno == .permissionDenied:
                throw CommandFailure(.denied, "denied", "you may not read \(source)", target: source)
            case .unreadable:
                throw CommandFailure(
                    .usage, "password-unreadable",
                    "\(source) cannot be read: \(error.errno.map { "\($0)" } ?? "the command failed")")
            case .noSecretMemory: throw SecretMemoryError()
            }
        }
    }
}

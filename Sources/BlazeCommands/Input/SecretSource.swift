internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

/// A place that a secret is read from without asking anybody: a descriptor, a file, or a command's output.
enum SecretSource {
    case descriptor(Int32, option: String)
    case file(String)
    case command(String, option: String)

    /// The source that options name; nil when they name none.
    ///
    /// - Parameter name: the options' name without its ending: `--password`, `--vault-password`.
    init?(descriptor: Int32?, file: String?, command: String?, name: String) {
        if let descriptor {
            self = .descriptor(descriptor, option: "\(name)-fd \(descriptor)")
        } else if let file {
            self = .file(file)
        } else if let command {
            self = .command(command, option: "\(name)-command")
        } else {
            return nil
        }
    }

    /// Whether the options name one place at most, and a descriptor that can be one.
    static func validate(descriptor: Int32?, file: String?, command: String?, name: String) throws {
        let given = [descriptor != nil, file != nil, command != nil].count { $0 }
        guard given <= 1 else {
            throw ValidationError("only one of \(name)-fd, \(name)-file and \(name)-command")
        }
        if let descriptor, descriptor < 0 { throw ValidationError("\(name)-fd takes a descriptor's number") }
    }

    /// That an option which would take the secret itself is not accepted, and why.
    static func refusal(_ name: String) -> ValidationError {
        ValidationError(
            "\(name) is not accepted: every user of this machine can read a program's arguments. "
                + "Use \(name)-fd, \(name)-file or \(name)-command")
    }

    /// The secret.
    func read(_ context: Context) throws -> SecretBytes {
        let limit = ProtocolLimits.secret
        switch self {
        case .descriptor(let number, let option):
            return try Self.reading(option) { try SecretInput.from(descriptor: number, limit: limit) }
        case .file(let name):
            let path = try context.path(name)
            return try Self.reading(path.displayString) { try SecretInput.from(file: path, limit: limit) }
        case .command(let command, let option):
            return try Self.reading(option) { try SecretInput.from(command: command, limit: limit) }
        }
    }

    /// Tells why a secret could not be read as the failure by which the command ends.
    static func reading(_ source: String, _ body: () throws -> SecretBytes) throws -> SecretBytes {
        do {
            return try body()
        } catch let error as SecretInputError {
            throw CommandFailure(error, from: source)
        }
    }
}

extension CommandFailure {
    /// Why no secret came from a place.
    init(_ error: SecretInputError, from source: String) {
        switch error.code {
        case .background:
            self.init(
                .promptNeeded, "prompt-needed", "a password is needed, and this command runs in the background",
                hint:
                    "bring it to the foreground (fg), or give it by --password-fd, --password-file or --password-command"
            )
        case .declined: self.init(.failure, "prompt-declined", "\(source) gave no password")
        case .noTerminal:
            self.init(
                .promptNeeded, "prompt-needed", "a password is needed, and there is no terminal to ask on",
                hint: "give it by --password-fd, --password-file or --password-command, or set BLAZEDB_ASKPASS")
        case .interrupted(let signal):
            self.init(.interrupted, "interrupted", "interrupted")
            self.signal = signal
        case .timedOut:
            self.init(.timeout, "prompt-timeout", "no password came in time from \(source)")
        case .empty: self.init(.usage, "empty-password", "no password came from \(source)")
        case .tooLong:
            self.init(
                .usage, "password-too-long",
                "what came from \(source) is longer than a password may be (\(ProtocolLimits.secret) bytes)")
        case .exposed:
            self.init(.denied, "password-file-exposed", "other users may read \(source)", hint: "chmod 600 \(source)")
        case .unreadable where error.errno == .noSuchFileOrDirectory:
            self.init(.notFound, "not-found", "\(source) does not exist", target: source)
        case .unreadable where error.errno == .permissionDenied:
            self.init(.denied, "denied", "you may not read \(source)", target: source)
        case .unreadable:
            self.init(
                .usage, "password-unreadable",
                "\(source) cannot be read: \(error.errno.map { "\($0)" } ?? "the command failed")")
        case .noSecretMemory: self.init(reporting: SecretMemoryError())
        }
    }
}

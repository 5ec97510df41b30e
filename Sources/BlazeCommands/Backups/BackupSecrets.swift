internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Where backups are, when not in the user's own place.
struct RepositoryOptions: ParsableArguments {
    @Option(
        name: .customLong("in"),
        help: ArgumentHelp("The directory that backups are kept in; by default the user's own.", valueName: "path"))
    var place: String?

    /// The absolute path; empty for the user's own place.
    func wire(_ context: Context) throws -> Data {
        guard let place else { return Data() }
        return try context.absolute(place)
    }
}

/// The passwords of a verb that opens a backup.
struct BackupSecretOptions: ParsableArguments {
    @OptionGroup var password: PasswordOptions
    @OptionGroup var vault: VaultPasswordOptions
}

/// Carries requests out that need the key which a backup has: what was given, the agent's own, else what its user types.
struct BackupSecrets {
    let context: Context
    let options: BackupSecretOptions

    func call<R: RequestMessage>(
        _ request: R, waiting wait: Duration = .zero, part: (R.Part) throws(ClientError) -> Void = { _ in }
    ) throws -> R.Reply {
        var secret = try options.password.given(context)
        var isAsked = secret != nil
        var isUnlocked = false
        while true {
            do {
                return try context.connect(for: R.operation, waiting: wait).call(request, secret: &secret, part: part)
            } catch {
                switch error.fault?.code {
                case .vaultLocked? where !isUnlocked:
                    isUnlocked = true
                    try VaultUnlocking(context, options.vault).unlock(orThrow: error)
                case .locked? where !isAsked:
                    isAsked = true
                    let asker = try Asker(context)
                    guard !context.global.batch, asker.canAsk else { throw error }
                    let name = context.printable(error.fault?.target ?? "the backup")
                    secret = try asker.ask("Password of \(name): ", within: .seconds(60))
                default: throw error
                }
            }
        }
    }

    /// Shows how far it is.
    func show(_ part: WireBackupPart) {
        context.progress(part.total > 0 ? "\(part.phase) \(part.done) of \(part.total)" : part.phase)
    }
}

extension Context {
    /// A path that a user has named, absolute.
    func absolute(_ path: String) throws -> Data {
        let given = FilePath(path)
        guard !path.isEmpty else { throw CommandFailure(.usage, "usage", "a path is not empty") }
        if given.isAbsolute { return Data(given.bytes) }
        guard let directory = FilePath(bytes: [UInt8](try target(".").workingDirectory)) else {
            throw CommandFailure(.usage, "usage", "the working directory cannot be told: name an absolute path")
        }
        return Data(directory.pushing(given).lexicallyNormalized().bytes)
    }

    /// A backup that a user has named.
    func backup(_ name: String, in repository: RepositoryOptions) throws -> WireBackupSelector {
        guard !name.isEmpty else { throw CommandFailure(.usage, "usage", "a backup's name is not empty") }
        var selector = WireBackupSelector()
        selector.name = Data(name.utf8)
        selector.workingDirectory = try target(".").workingDirectory
        selector.repository = try repository.wire(self)
        return selector
    }
}

internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

/// Secrets that a service manager has put into `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=).
struct Credentials {
    /// The vault's passphrase.
    static let vault = "blazedb-vault-password"
    /// A database's password, by its alias; without an ending, of any database.
    static let database = "blazedb-password"

    private let environment: [String: String]

    init(_ context: Context) {
        environment = context.environment
    }

    func vaultPassphrase() throws -> SecretBytes? { try read(Self.vault) }

    func password(of alias: String) throws -> SecretBytes? {
        if !alias.isEmpty, !alias.contains("/"), let named = try read("\(Self.database)-\(alias)") { return named }
        return try read(Self.database)
    }

    private func read(_ name: String) throws -> SecretBytes? {
        guard let path = SecretInput.credential(name, environment: environment) else { return nil }
        do {
            return try SecretInput.from(credential: path, limit: ProtocolLimits.secret)
        } catch let error as SecretInputError {
            if error.errno == .noSuchFileOrDirectory { return nil }
            throw CommandFailure(error, from: path.displayString)
        }
    }
}

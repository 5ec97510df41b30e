internal import BlazeClient
internal import BlazePlatform

/// Carries requests out that need the vault, which is unlocked first where it is locked.
struct VaultFlow {
    private let context: Context
    private let options: VaultPasswordOptions

    init(_ context: Context, _ options: VaultPasswordOptions) {
        self.context = context
        self.options = options
    }

    func call<R: RequestMessage>(_ request: R) throws -> R.Reply {
        var secret: SecretBytes?
        var answer: SecretBytes?
        return try call(request, secret: &secret, answer: &answer)
    }

    func call<R: RequestMessage>(
        _ request: R, secret: inout SecretBytes?, answer: inout SecretBytes?
    ) throws -> R.Reply {
        do throws(ClientError) {
            return try context.connect(for: R.operation, waiting: .seconds(60))
                .call(request, secret: &secret, answer: &answer)
        } catch {
            guard error.fault?.code == .vaultLocked else { throw error }
            try VaultUnlocking(context, options).unlock(orThrow: error)
            return try context.connect(for: R.operation, waiting: .seconds(60))
                .call(request, secret: &secret, answer: &answer)
        }
    }

    /// The vault's current passphrase for a change of its keys: given, else asked for; wrong ones are found out by the
    /// request itself.
    func currentPassphrase() throws -> SecretBytes {
        if let given = try options.given(context) { return given }
        if let credential = try Credentials(context).vaultPassphrase() { return credential }
        return try Asker(context).ask("Passphrase of the vault: ", within: .seconds(60))
    }

    /// Unlocks a locked vault by the passphrase that a change of its keys needs anyway, so that it is asked for once.
    func unlockIfLocked(by passphrase: inout SecretBytes) throws {
        guard try context.call(WireVaultInfoRequest()).facts.state != .unlocked else { return }
        var secret: SecretBytes? = try passphrase.duplicate()
        var request = WireVaultUnlockRequest()
        request.noWait = options.noWait
        _ = try context.connect(for: .vaultUnlock, waiting: .seconds(60)).call(request, secret: &secret) {
            _ throws(ClientError) in
        }
    }
}

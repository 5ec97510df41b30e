internal import BlazeClient
internal import BlazePlatform

/// Unlocks the vault: by an option, by a credential of the service that runs this, else by asking, once for all commands
/// that wait for it.
struct VaultUnlocking {
    private let context: Context
    private let options: VaultPasswordOptions
    private static let tries = 3

    init(_ context: Context, _ options: VaultPasswordOptions) {
        self.context = context
        self.options = options
    }

    /// Unlocks it, or fails as the request did that needs it when there is nobody to ask.
    func unlock(orThrow original: ClientError) throws {
        if try unlockWithoutAsking() != nil { return }
        try unlockByAsking(orThrow: original)
    }

    /// Unlocks it by what was given; nil when nothing was.
    func unlockWithoutAsking() throws -> WireVaultUnlockReply? {
        var secret = try options.given(context)
        if secret == nil { secret = try Credentials(context).vaultPassphrase() }
        guard secret != nil else { return nil }
        let connection = try context.connect(for: .vaultUnlock, waiting: Self.longestWait)
        return try connection.call(request, secret: &secret) { _ throws(ClientError) in }
    }

    /// Asks on the terminal, or waits for the command that asks.
    func unlockByAsking(orThrow original: ClientError?) throws {
        let asker = try Asker(context)
        guard !context.global.batch else { throw asker.promptNeeded() }
        let connection = try context.connect(for: .prompt, waiting: .seconds(60))
        var prompt = WirePromptRequest()
        prompt.canAsk = asker.canAsk
        let turn: WirePromptReply
        do throws(ClientError) {
            turn = try connection.call(prompt)
        } catch {
            guard error.fault?.code == .nobodyToAsk else { throw error }
            if let original { throw original }
            throw asker.promptNeeded()
        }
        guard turn.role == .ask else { return }
        let deadline = Deadline.after(.nanoseconds(Int64(clamping: turn.limit)))
        for attempt in 1...Self.tries {
            var secret: SecretBytes? = try asker.ask(
                "Passphrase of the vault: ", within: .milliseconds(Int64(deadline.millisecondsLeft)))
            do throws(ClientError) {
                _ = try connection.call(request, secret: &secret) { _ throws(ClientError) in }
                return
            } catch {
                guard error.fault?.code == .wrongPassphrase, attempt < Self.tries else { throw error }
                context.say("wrong passphrase, try again")
            }
        }
    }

    /// After wrong passphrases an attempt waits so long at most.
    private static let longestWait: Duration = .seconds(60)

    private var request: WireVaultUnlockRequest {
        var request = WireVaultUnlockRequest()
        request.noWait = options.noWait
        return request
    }
}

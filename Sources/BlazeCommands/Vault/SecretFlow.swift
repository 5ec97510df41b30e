internal import BlazeClient
internal import BlazePlatform

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Carries requests out that need a database's key, and gets what is missing: the vault's passphrase first, then the
/// database's password. Each is asked for once, and by one command where many need it.
struct SecretFlow {
    let context: Context
    let options: SecretOptions
    let target: WireTarget

    /// Whether the command is there to give a password: where there is nobody to ask, that is what it ends by.
    private let isForPassword: Bool
    /// Whether the password has to open anything that is left of a damaged database, and not its metadata.
    private let isRescue: Bool

    init(
        _ context: Context, _ options: SecretOptions, target: WireTarget, isForPassword: Bool = false,
        isRescue: Bool = false
    ) {
        self.isRescue = isRescue
        self.context = context
        self.options = options
        self.target = target
        self.isForPassword = isForPassword
    }

    /// Carries out a request that may bring the database's password.
    ///
    /// - Parameters:
    ///   - wait: how much longer than usual the agent may be silent.
    ///   - part: called for every answer before the last one.
    func call<R: RequestMessage>(
        _ request: R, waiting wait: Duration = .zero, part: (R.Part) throws(ClientError) -> Void = { _ in }
    ) throws -> R.Reply {
        var given = try options.password.given(context)
        return try call(request, given: &given, waiting: wait, part: part)
    }

    /// The same for one of several requests, all with the password that was given once.
    ///
    /// - Parameters:
    ///   - given: what an option gave; it stays.
    ///   - isLast: whether the password is remembered after it, where that is wanted.
    func call<R: RequestMessage>(
        _ request: R, given: inout SecretBytes?, isLast: Bool = true, waiting wait: Duration = .zero,
        part: (R.Part) throws(ClientError) -> Void = { _ in }
    ) throws -> R.Reply {
        if given != nil {
            let reply = try context.connect(for: R.operation, waiting: wait).call(request, secret: &given, part: part)
            if options.remember == true, isLast { try remember(&given) }
            return reply
        }
        return try supplying {
            var none: SecretBytes?
            return try context.connect(for: R.operation, waiting: wait).call(request, secret: &none, part: part)
        }
    }

    /// Does something that needs keys, and does it again with what was missing.
    func supplying<T>(_ body: () throws -> T) throws -> T {
        // The vault's passphrase, then the database's password; once more, should a lock come between.
        var rounds = 0
        while true {
            do {
                return try body()
            } catch let error as ClientError where rounds < 4 {
                rounds += 1
                switch error.fault?.code {
                case .vaultLocked?: try VaultUnlocking(context, options.vault).unlock(orThrow: error)
                case .locked?: try supplyPassword(orThrow: error)
                default: throw error
                }
            }
        }
    }

    /// The database's password itself, which its user is asked for, once it has opened the database.
    func askedPassword(orThrow original: ClientError) throws -> SecretBytes {
        let asker = try Asker(context)
        guard !context.global.batch else { throw asker.promptNeeded() }
        guard asker.canAsk else { throw original }
        var look = WireInfoRequest()
        look.target = target
        look.tier = .file
        let title = context.printable(try context.call(look).row.title)
        let hint = hintInVault()
        look.tier = .observe
        if let count = options.password.kdfIterations { look.kdfIterations = count }
        var typed: SecretBytes? = try asker.ask("Password of \(title): ", hint: hint, within: .seconds(60))
        _ = try context.connect(for: .info).call(look, secret: &typed) { _ throws(ClientError) in }
        try offerToRemember(&typed, canRemember: isVaultUnlocked(), asker)
        guard let password = typed.take() else { throw original }
        return password
    }

    /// The hint that the unlocked vault has for the database; nil where there is none. What keeps it away, such as a locked
    /// vault, is no reason not to ask.
    private func hintInVault() -> String? {
        var request = WireVaultHintRequest()
        request.target = target
        guard let entry = try? context.call(request).entry, entry.hasHint else { return nil }
        return context.printable(entry.hint)
    }

    private func isVaultUnlocked() throws -> Bool {
        do throws(ClientError) {
            return try context.call(WireVaultInfoRequest()).facts.state == .unlocked
        } catch {
            if error.fault?.code == .noVault { return false }
            throw error
        }
    }

    /// Keeps the password in the vault when an option or the user says so.
    private func offerToRemember(_ secret: inout SecretBytes?, canRemember: Bool, _ asker: Asker) throws {
        guard canRemember || options.remember == true else { return }
        let isWanted: Bool
        if let said = options.remember {
            isWanted = said
        } else {
            isWanted = asker.canConfirm ? try Asker.confirm("Remember in the vault?") : false
        }
        if isWanted { try remember(&secret) }
    }

    private func supplyPassword(orThrow original: ClientError) throws {
        if let credential = try Credentials(context).password(of: original.fault?.target ?? "") {
            var secret: SecretBytes? = consume credential
            var request = WireUnlockRequest()
            request.target = target
            request.rescue = isRescue
            if let count = options.password.kdfIterations { request.kdfIterations = count }
            _ = try context.connect(for: .unlock).call(request, secret: &secret) { _ throws(ClientError) in }
            return
        }
        let asker = try Asker(context)
        guard !context.global.batch else { throw asker.promptNeeded() }
        let connection = try context.connect(for: .prompt, waiting: .seconds(60))
        var prompt = WirePromptRequest()
        prompt.target = target
        prompt.canAsk = asker.canAsk
        let turn: WirePromptReply
        do throws(ClientError) {
            turn = try connection.call(prompt)
        } catch {
            // Where nobody can be asked, what is missing is told in the words of the request that misses it.
            guard error.fault?.code == .nobodyToAsk else { throw error }
            guard !isForPassword else { throw asker.promptNeeded() }
            throw original
        }
        guard turn.role == .ask else { return }
        var request = WireUnlockRequest()
        request.target = target
        request.rescue = isRescue
        if let count = options.password.kdfIterations { request.kdfIterations = count }
        let deadline = Deadline.after(.nanoseconds(Int64(clamping: turn.limit)))
        var secret: SecretBytes? = try asker.ask(
            "Password of \(context.printable(turn.title)): ", hint: turn.hasHint ? context.printable(turn.hint) : nil,
            within: .milliseconds(Int64(deadline.millisecondsLeft)))
        let reply = try connection.call(request, secret: &secret) { _ throws(ClientError) in }
        try offerToRemember(&secret, canRemember: reply.canRemember, asker)
    }

    /// Keeps the password in the vault. That it was not kept is a warning, since what was asked for has been done.
    func remember(_ secret: inout SecretBytes?) throws {
        var request = WireVaultAddRequest()
        request.target = target
        if let count = options.password.kdfIterations { request.kdfIterations = count }
        do {
            var none: SecretBytes?
            let reply = try VaultFlow(context, options.vault).call(request, secret: &secret, answer: &none)
            if !context.global.quiet { context.say("kept in the vault as \(context.printable(reply.entry.alias))") }
        } catch {
            let failure = CommandFailure(reporting: error)
            context.say("warning: the password was not kept: \(failure.message)")
            if !failure.hint.isEmpty, !context.global.quiet { context.say("hint: \(failure.hint)") }
        }
    }
}

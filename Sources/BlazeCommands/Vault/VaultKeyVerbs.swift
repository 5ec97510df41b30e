internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct VaultPasswdVerb: Verb {
    static let schemaName = "vault.passwd"
    static let configuration = CommandConfiguration(
        commandName: "passwd", abstract: "Change the vault's passphrase; entries and recovery codes stay.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @OptionGroup var new: NewPassphraseOptions

    func execute(_ context: Context) throws -> VerbResult {
        let flow = VaultFlow(context, vault)
        var current = try flow.currentPassphrase()
        try flow.unlockIfLocked(by: &current)
        var chosen: SecretBytes
        if let given = try new.given(context) {
            chosen = given
        } else {
            chosen = try Passphrase.chosen(context, "New passphrase of the vault: ")
        }
        var request = WireVaultPasswdRequest()
        request.currentLength = UInt32(clamping: current.count)
        guard current.count + chosen.count <= ProtocolLimits.secret else {
            throw CommandFailure(.usage, "password-too-long", "the two passphrases together are too long")
        }
        var both: SecretBytes? = try current.joined(with: &chosen)
        var none: SecretBytes?
        let reply = try flow.call(request, secret: &both, answer: &none)
        var warnings: [String] = []
        if reply.strength.isWeak { warnings.append("the passphrase is \(reply.strength.word): it may be guessed") }
        let data = JSONValue.object(["vault": reply.facts.json, "strength": reply.strength.json])
        return VerbResult(data: data, warnings: warnings) { _ in ["the vault has a new passphrase"] }
    }
}

struct VaultRekeyVerb: Verb {
    static let schemaName = "vault.rekey"
    static let configuration = CommandConfiguration(
        commandName: "rekey", abstract: "Change the key that the entries are sealed with.",
        discussion: "All recovery codes end by it; where there was one, a new one is shown once.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @OptionGroup var recovery: RecoveryOptions

    func execute(_ context: Context) throws -> VerbResult {
        let facts = try context.call(WireVaultInfoRequest()).facts
        let hasRecovery = facts.slots.contains { $0.kind == .recovery }
        let place = try recovery.place(context)
        guard place != nil || !hasRecovery else {
            throw CommandFailure(
                .promptNeeded, "no-terminal", "the new recovery code would be shown nowhere",
                hint: "--recovery-file writes it to a new file; or remove the old one first: blazectl vault slot rm")
        }
        let flow = VaultFlow(context, vault)
        var current = try flow.currentPassphrase()
        try flow.unlockIfLocked(by: &current)
        var secret: SecretBytes? = consume current
        var code: SecretBytes?
        let reply = try flow.call(WireVaultRekeyRequest(), secret: &secret, answer: &code)
        let shown = hasRecovery ? try place?.show(&code) : nil
        let data = JSONValue.object(["vault": reply.facts.json, "recovery": .optional(shown)])
        return VerbResult(data: data) { _ in ["the vault has a new data key"] }
    }
}

struct VaultSlotCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slot", abstract: "The ways to unlock the vault.",
        subcommands: [VaultSlotListVerb.self, VaultSlotAddVerb.self, VaultSlotRemoveVerb.self])
}

struct VaultSlotListVerb: Verb {
    static let schemaName = "vault.slot.ls"
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Show them.")

    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let facts = try context.call(WireVaultInfoRequest()).facts
        return VerbResult(data: .object(["slots": .array(facts.slots.map(\.json))])) { style in
            facts.slotTable.lines(style: style)
        }
    }
}

struct VaultSlotAddVerb: Verb {
    static let schemaName = "vault.slot.add"
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Make another recovery code, which is shown once.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @OptionGroup var recovery: RecoveryOptions

    func execute(_ context: Context) throws -> VerbResult {
        guard let place = try recovery.place(context) else {
            throw CommandFailure(
                .promptNeeded, "no-terminal", "the recovery code would be shown nowhere",
                hint: "--recovery-file writes it to a new file")
        }
        let flow = VaultFlow(context, vault)
        var current = try flow.currentPassphrase()
        try flow.unlockIfLocked(by: &current)
        var request = WireVaultSlotRequest()
        request.addRecovery = true
        var secret: SecretBytes? = consume current
        var code: SecretBytes?
        let reply = try flow.call(request, secret: &secret, answer: &code)
        let shown = try place.show(&code)
        let data = JSONValue.object([
            "vault": reply.facts.json, "number": .count(reply.number), "recovery": .string(shown),
        ])
        return VerbResult(data: data) { _ in ["slot \(reply.number) is a recovery code"] }
    }
}

struct VaultSlotRemoveVerb: Verb {
    static let schemaName = "vault.slot.rm"
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Take a way to unlock the vault away; the last one stays.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @Argument(help: "Its number, as blazectl vault slot ls shows it.")
    var number: UInt32

    func execute(_ context: Context) throws -> VerbResult {
        let flow = VaultFlow(context, vault)
        var current = try flow.currentPassphrase()
        try flow.unlockIfLocked(by: &current)
        var request = WireVaultSlotRequest()
        request.remove = number
        var secret: SecretBytes? = consume current
        var none: SecretBytes?
        let reply = try flow.call(request, secret: &secret, answer: &none)
        let data = JSONValue.object(["vault": reply.facts.json, "number": .count(reply.number)])
        return VerbResult(data: data) { _ in ["slot \(reply.number) opens the vault no more"] }
    }
}

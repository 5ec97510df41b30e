internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

struct VaultCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault", abstract: "Keep database passwords, sealed by one passphrase.",
        subcommands: [
            VaultInitVerb.self, VaultInfoVerb.self, VaultVerifyVerb.self, VaultListVerb.self, VaultAddVerb.self,
            VaultRemoveVerb.self, VaultRenameVerb.self, VaultHintVerb.self, VaultPasswdVerb.self, VaultRekeyVerb.self,
            VaultSlotCommands.self, VaultRevealVerb.self, VaultGenerateVerb.self, VaultBackupVerb.self,
        ])
}

struct VaultInitVerb: Verb {
    static let schemaName = "vault.init"
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make the vault, and a recovery code that is shown once.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @OptionGroup var recovery: RecoveryOptions
    @Flag(help: "Make no recovery code: without the passphrase the vault is lost then.")
    var noRecovery = false

    func validate() throws {
        guard recovery.recoveryFile == nil || !noRecovery else {
            throw ValidationError("only one of --recovery-file and --no-recovery")
        }
    }

    func execute(_ context: Context) throws -> VerbResult {
        // What is there already is told before anybody thinks of a passphrase.
        if let facts = try existing(context) {
            throw CommandFailure(
                .wouldOverwrite, "exists", "there is a vault already: \(facts.pathText)",
                hint: "blazectl vault info shows it", target: facts.pathText)
        }
        var warnings: [String] = []
        let place = noRecovery ? nil : try recovery.place(context)
        if place == nil, !noRecovery {
            warnings.append(
                "no recovery code was made, for there is no terminal to show it on: blazectl vault slot add makes one")
        }
        var passphrase = try vault.given(context)
        if passphrase == nil { passphrase = try Passphrase.chosen(context, "Passphrase of the new vault: ") }
        var request = WireVaultInitRequest()
        request.recovery = place != nil
        var code: SecretBytes?
        let reply = try context.connect(for: .vaultInit).call(request, secret: &passphrase, answer: &code)
        if reply.strength.isWeak { warnings.append("the passphrase is \(reply.strength.word): it may be guessed") }
        let shown = try place?.show(&code)
        let data = JSONValue.object([
            "vault": reply.facts.json, "strength": reply.strength.json, "recovery": .optional(shown),
        ])
        return VerbResult(data: data, warnings: warnings) { _ in
            ["the vault is at \(reply.facts.pathText), and \(reply.facts.state == .unlocked ? "unlocked" : "locked")"]
        }
    }

    private func existing(_ context: Context) throws -> WireVaultFacts? {
        do throws(ClientError) {
            return try context.call(WireVaultInfoRequest()).facts
        } catch {
            if error.fault?.code == .noVault { return nil }
            throw error
        }
    }
}

struct VaultInfoVerb: Verb {
    static let schemaName = "vault.info"
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "What the vault's file tells without its passphrase.")

    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let facts = try context.call(WireVaultInfoRequest()).facts
        return VerbResult(data: facts.json) { style in facts.lines(style) }
    }
}

struct VaultVerifyVerb: Verb {
    static let schemaName = "vault.verify"
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Open every entry of the vault; shows none.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions

    func execute(_ context: Context) throws -> VerbResult {
        let reply = try VaultFlow(context, vault).call(WireVaultVerifyRequest())
        let data = JSONValue.object([
            "vault": reply.facts.json, "passwords": .count(reply.passwords),
            "derived_keys": .count(reply.derivedKeys), "previous": .optional(reply.previous.text),
        ])
        let entries = reply.facts.entries
        return VerbResult(data: data) { _ in
            [
                "the vault is sound: \(entries == 1 ? "its entry opens" : "all \(entries) entries open"), "
                    + "\(reply.passwords) with a password and \(reply.derivedKeys) with a derived key",
                "the generation before: \(reply.previous.text ?? "unknown")",
            ]
        }
    }
}

struct VaultBackupVerb: Verb {
    static let schemaName = "vault.backup"
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the vault, as sealed as it is; overwrites nothing.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @Argument(help: "Where the copy goes.")
    var path: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireVaultBackupRequest()
        request.path = Data(try context.path(path).bytes)
        let reply = try VaultFlow(context, vault).call(request)
        let text = FilePath.displayString([UInt8](reply.path))
        return VerbResult(data: .object(["path": .string(text), "size": .count(reply.size)])) { _ in
            ["the vault was copied to \(text); it opens with the same passphrase"]
        }
    }
}

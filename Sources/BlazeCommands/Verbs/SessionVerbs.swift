internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct UnlockVerb: Verb {
    static let schemaName = "unlock"
    static let configuration = CommandConfiguration(
        commandName: "unlock",
        abstract: "Unlock the vault, or one database; the agent keeps the keys until lock, logout, suspend or stop.",
        discussion: """
            Without a database: the vault, by its passphrase or a recovery code. With one: by what the vault keeps for \
            it, else by its password. Asks on the terminal unless an option says where a password comes from.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @Argument(help: "Alias, path or id; none for the vault.")
    var database: String?

    func execute(_ context: Context) throws -> VerbResult {
        guard let database else { return try unlockVault(context) }
        var request = WireUnlockRequest()
        request.target = try context.target(database)
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        let reply = try SecretFlow(context, secrets, target: request.target, isForPassword: true).call(request)
        var fields = reply.row.identityFields
        fields["kdf_iterations"] = .count(reply.kdfIterations)
        fields["from_vault"] = .bool(reply.fromVault)
        return VerbResult(data: .object(fields), tier: "observe", warnings: reply.warnings) { _ in
            ["\(reply.row.title) is unlocked (\(reply.row.recordsText) records)"]
        }
    }

    private func unlockVault(_ context: Context) throws -> VerbResult {
        let unlocking = VaultUnlocking(context, secrets.vault)
        var already = false
        if let reply = try unlocking.unlockWithoutAsking() {
            already = reply.already
        } else if try context.call(WireVaultInfoRequest()).facts.state == .unlocked {
            already = true
        } else {
            try unlocking.unlockByAsking(orThrow: nil)
        }
        let facts = try context.call(WireVaultInfoRequest()).facts
        let data = JSONValue.object(["vault": facts.json, "already": .bool(already)])
        return VerbResult(data: data) { _ in
            let entries = facts.entries == 1 ? "1 entry" : "\(facts.entries) entries"
            return [already ? "the vault was unlocked already (\(entries))" : "the vault is unlocked (\(entries))"]
        }
    }
}

struct LockVerb: Verb {
    static let schemaName = "lock"
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Let the agent wipe the keys of these databases; without any, of all and of the vault.",
        discussion: "Operations that work with a key end, locks are given back.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Aliases, paths or ids; none for everything.")
    var databases: [String] = []

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireLockRequest()
        request.targets = try databases.map { try context.target($0) }
        var reply = WireLockReply()
        do throws(ClientError) {
            reply = try context.call(request)
        } catch {
            // Keys live in the agent only: without one, everything is locked already.
            guard error.code == .noAgent else { throw error }
        }
        let (locked, vault) = (reply.locked, reply.vault)
        let data = JSONValue.object([
            "locked": .array(locked.map { .optional($0.idText) }),
            "databases": .array(locked.map { .object($0.identityFields) }),
            "vault": .bool(vault),
        ])
        return VerbResult(data: data) { _ in
            guard vault || !locked.isEmpty else { return ["nothing was unlocked"] }
            return (vault ? ["the vault is locked"] : []) + locked.map { "\($0.title) is locked" }
        }
    }
}

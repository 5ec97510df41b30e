internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What the vault keeps for databases: vault-list, vault-add, vault-remove, vault-rename, vault-hint, vault-reveal.
enum VaultEntryHandlers {
    static func list(_ request: WireVaultListRequest, _ call: Call) throws -> WireVaultListReply {
        var reply = WireVaultListReply()
        reply.entries = try call.state.vault.required().entries()
            .sorted { ($0.alias, $0.identity.bytes.description) < ($1.alias, $1.identity.bytes.description) }
            .map(WireVaultEntry.init)
        return reply
    }

    /// Keeps a password that opens its database, with the key derived from it.
    static func add(
        _ request: WireVaultAddRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultAddReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        let vault = try state.vault.required(database.title)
        guard var password = secret.take() else { throw Fault(.invalidRequest, "vault-add needs the password") }
        let epoch = state.sessions.epoch(of: database.path)
        var key = try DatabaseKey.derive(
            for: database.files, in: state.storage, password: &password,
            iterations: try OpenDatabase.checked(iterations: request.hasKdfIterations ? request.kdfIterations : nil))
        var reply = WireVaultAddReply()
        reply.strength = try WireStrength(PasswordStrength.assess(&password))
        let identity = key.identity
        let old = try vault.entry(for: identity)
        let alias: String
        if request.hasAlias {
            alias = request.alias
        } else {
            alias = try old?.alias ?? Self.freeAlias(database.suggestedAlias, in: vault, for: identity)
        }
        var kept: SecretBytes? = consume password
        var derived: DerivedKey? = try DerivedKey(of: &key)
        try vault.put(
            identity, alias: alias, path: database.path, password: &kept, derivedKey: &derived,
            hint: request.hasHint ? request.hint : nil)
        // Whoever gave the password can use the database at once; a lock that came meanwhile has won.
        _ = state.keep(DatabaseSession(path: database.path, key: key), since: epoch, isNewer: true)
        state.prompts.satisfied(.database(database.path))
        reply.replaced = old != nil
        reply.entry = try entry(identity, vault)
        return reply
    }

    static func remove(_ request: WireVaultRemoveRequest, _ call: Call) throws -> WireVaultEntryReply {
        let vault = try call.state.vault.required()
        let found = try find(request.target, vault, call.state)
        try vault.remove(found.identity)
        return reply(found)
    }

    static func rename(_ request: WireVaultRenameRequest, _ call: Call) throws -> WireVaultEntryReply {
        let vault = try call.state.vault.required()
        let found = try find(request.target, vault, call.state)
        try vault.rename(found.identity, to: request.alias)
        return reply(try vault.entry(for: found.identity) ?? found)
    }

    static func hint(_ request: WireVaultHintRequest, _ call: Call) throws -> WireVaultEntryReply {
        let state = call.state
        let vault = try state.vault.required()
        guard request.hasHint else { return reply(try find(request.target, vault, state)) }
        let hint = request.hint.isEmpty ? nil : request.hint
        let found: VaultEntry
        do {
            found = try find(request.target, vault, state)
        } catch let fault as Fault where fault.code == .notFound && hint != nil {
            // A hint alone may be kept as well, for a password that is only in somebody's head.
            let database = try LocatedDatabase(request.target, state: state)
            guard let identity = try FileSummary.read(database.files, in: state.storage).identity else { throw fault }
            var password: SecretBytes?
            var key: DerivedKey?
            try vault.put(
                identity, alias: freeAlias(database.suggestedAlias, in: vault, for: identity), path: database.path,
                password: &password, derivedKey: &key, hint: hint)
            var reply = WireVaultEntryReply()
            reply.entry = try entry(identity, vault)
            return reply
        }
        try vault.setHint(hint, for: found.identity)
        return reply(try vault.entry(for: found.identity) ?? found)
    }

    static func reveal(
        _ request: WireVaultRevealRequest, secret: inout SecretBytes?, answer: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultRevealReply {
        let vault = try call.state.vault.required()
        let found = try find(request.target, vault, call.state)
        // Held until the reply is sent: a lock that comes before ends the connection.
        call.responder.hold(call.state.keyUses.begin(found.path, found.alias, abandon: call.responder.abandon))
        answer = try vault.password(of: found.identity)
        guard found.hasPassword else {
            throw Fault(.notFound, "the vault keeps a hint for \(found.alias), and no password", target: found.alias)
        }
        vault.noteUse(found.identity)
        call.state.timer.touch()
        var reply = WireVaultRevealReply()
        reply.entry = WireVaultEntry(found)
        return reply
    }

    /// The entry that a target means: by the alias it has in the vault, by the database that it names, by its last known
    /// path, or by the first digits of its id. The database itself need not be there any more.
    static func find(_ target: WireTarget, _ vault: OpenVault, _ state: AgentState) throws -> VaultEntry {
        let entries = try vault.entries()
        let text = FilePath.displayString([UInt8](target.argument))
        if !text.contains("/"), let named = entries.first(where: { $0.alias == text }) { return named }
        do {
            let database = try LocatedDatabase(target, state: state)
            let identity = try? FileSummary.read(database.files, in: state.storage).identity
            if let identity, let found = entries.first(where: { $0.identity == identity }) { return found }
            if let found = entries.first(where: { $0.path == database.path }) { return found }
        } catch let fault as Fault where fault.code == .notFound {}
        let matches = text.count >= 6 ? entries.filter { $0.identity.description.hasPrefix(text.lowercased()) } : []
        guard matches.count <= 1 else {
            throw Fault(.ambiguous, "\(text) begins the ids of \(matches.count) entries of the vault", target: text)
        }
        if let found = matches.first { return found }
        throw Fault(
            .notFound, "the vault has nothing for \(text)", hint: "blazectl vault ls shows what it has", target: text)
    }

    private static func entry(_ identity: DatabaseID, _ vault: OpenVault) throws -> WireVaultEntry {
        guard let entry = try vault.entry(for: identity) else {
            throw Fault(.notFound, "the entry was removed meanwhile")
        }
        return WireVaultEntry(entry)
    }

    private static func reply(_ entry: VaultEntry) -> WireVaultEntryReply {
        var reply = WireVaultEntryReply()
        reply.entry = WireVaultEntry(entry)
        return reply
    }

    /// The name, or the first of NAME-2, NAME-3, ... that no other entry has.
    private static func freeAlias(
        _ name: String, in vault: OpenVault, for identity: DatabaseID
    ) throws -> String {
        let taken = Set(try vault.entries().filter { $0.identity != identity }.map(\.alias))
        guard taken.contains(name) else { return name }
        var number = 2
        while taken.contains("\(name)-\(number)") { number += 1 }
        return "\(name)-\(number)"
    }
}

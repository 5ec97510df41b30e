internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct VaultListVerb: Verb {
    static let schemaName = "vault.ls"
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "What the vault keeps; shows no password.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions

    func execute(_ context: Context) throws -> VerbResult {
        let entries = try VaultFlow(context, vault).call(WireVaultListRequest()).entries
        return VerbResult(data: .object(["entries": .array(entries.map(\.json))])) { style in
            guard !entries.isEmpty else { return ["the vault is empty"] }
            var table = Table(WireVaultEntry.columns)
            for entry in entries { table.add(entry.cells) }
            return table.lines(style: style)
        }
    }
}

struct VaultAddVerb: Verb {
    static let schemaName = "vault.add"
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Keep a database's password, once it has opened the database.",
        discussion: "A password that is there already is replaced.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var password: PasswordOptions
    @OptionGroup var vault: VaultPasswordOptions
    @Option(help: ArgumentHelp("The entry's name in the vault, instead of the database's.", valueName: "name"))
    var alias: String?
    @Option(help: ArgumentHelp("A hint that is shown when the password is asked for.", valueName: "text"))
    var hint: String?
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireVaultAddRequest()
        request.target = try context.target(database)
        if let count = password.kdfIterations { request.kdfIterations = count }
        if let alias { request.alias = alias }
        if let hint { request.hint = hint }
        // Whoever is asked for a password should see which database is meant, and none for a name that means nothing.
        var given = try password.given(context)
        var look = WireInfoRequest()
        look.target = request.target
        look.tier = .file
        let title = context.printable(try context.call(look).row.title)
        let flow = VaultFlow(context, vault)
        // The vault is unlocked first, so that no password is typed for nothing.
        _ = try flow.call(WireVaultListRequest())
        if given == nil { given = try Asker(context).ask("Password of \(title): ", within: .seconds(300)) }
        var answer: SecretBytes?
        return result(try flow.call(request, secret: &given, answer: &answer))
    }

    private func result(_ reply: WireVaultAddReply) -> VerbResult {
        var warnings: [String] = []
        if reply.strength.isWeak { warnings.append("the password is \(reply.strength.word)") }
        if !reply.strength.unmet.isEmpty {
            warnings.append("it breaks BlazeDB's own policy: \(reply.strength.unmet.joined(separator: ", "))")
        }
        let data = JSONValue.object([
            "entry": reply.entry.json, "strength": reply.strength.json, "replaced": .bool(reply.replaced),
        ])
        return VerbResult(data: data, warnings: warnings) { _ in
            [
                "the vault \(reply.replaced ? "has the new password of" : "keeps the password of") \(reply.entry.alias)",
                reply.strength.meter,
            ]
        }
    }
}

struct VaultRemoveVerb: Verb {
    static let schemaName = "vault.rm"
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Forget a database's password. The database is not touched.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false
    @Argument(help: "Its name in the vault, or the database's alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireVaultRemoveRequest()
        request.target = try context.target(database)
        let flow = VaultFlow(context, vault)
        if !yes {
            // The password may exist nowhere else.
            var look = WireVaultHintRequest()
            look.target = request.target
            let name = context.printable(try flow.call(look).entry.alias)
            guard try Asker(context).canConfirm else {
                throw CommandFailure(
                    .promptNeeded, "confirmation-needed", "the password of \(name) would be forgotten",
                    hint: "--yes does it without asking")
            }
            let question = "Forget the password of \(name)?"
            guard try Asker.confirm(question) else {
                throw CommandFailure(.failure, "declined", "nothing was forgotten")
            }
        }
        let entry = try flow.call(request).entry
        return VerbResult(data: .object(["entry": entry.json])) { _ in ["the vault has forgotten \(entry.alias)"] }
    }
}

struct VaultRenameVerb: Verb {
    static let schemaName = "vault.rename"
    static let configuration = CommandConfiguration(commandName: "rename", abstract: "Name an entry of the vault.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @Argument(help: "Its name in the vault, or the database's alias, path or id.")
    var database: String
    @Argument(help: "The new name.")
    var name: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireVaultRenameRequest()
        request.target = try context.target(database)
        request.alias = name
        let entry = try VaultFlow(context, vault).call(request).entry
        return VerbResult(data: .object(["entry": entry.json])) { _ in ["it is \(entry.alias) now"] }
    }
}

struct VaultHintVerb: Verb {
    static let schemaName = "vault.hint"
    static let configuration = CommandConfiguration(
        commandName: "hint", abstract: "Show or set the hint that is shown when a password is asked for.",
        discussion: "A hint may be kept for a database whose password is not. It is no secret, but sealed like one.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @Argument(help: "Its name in the vault, or the database's alias, path or id.")
    var database: String
    @Argument(help: "The hint; an empty one takes it away; none shows it.")
    var hint: String?

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireVaultHintRequest()
        request.target = try context.target(database)
        if let hint { request.hint = hint }
        let entry = try VaultFlow(context, vault).call(request).entry
        return VerbResult(data: .object(["entry": entry.json])) { _ in
            [entry.hasHint ? "\(entry.alias): \(entry.hint)" : "\(entry.alias) has no hint"]
        }
    }
}

internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

extension WireTransactionChoice {
    /// The choice by the word that options take; nil for any other word.
    init?(word: String) {
        switch word {
        case "automatic": self = .automatic
        case "roll-back": self = .rollBack
        case "keep": self = .keep
        default: return nil
        }
    }
}

/// What a rescue is told to decide.
struct RescueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What becomes of a transaction that did not end: automatic, roll-back or keep.", valueName: "choice"))
    var transaction = "automatic"
    @Flag(help: "Also take records in pages of the free list: deleted ones, unless an older .meta was put back.")
    var includeFree = false
    @Flag(help: "Also take records in plain text pages, which prove nothing of who wrote them.")
    var includePlain = false
    @Flag(
        help: "Of two copies of a record take the newer one, also behind nextPageIndex, where nothing was acknowledged."
    )
    var preferNewest = false

    func validate() throws {
        guard WireTransactionChoice(word: transaction) != nil else {
            throw ValidationError("--transaction is automatic, roll-back or keep")
        }
    }

    var wire: WireRepairOptions {
        var options = WireRepairOptions()
        options.transaction = WireTransactionChoice(word: transaction) ?? .automatic
        options.includeFree = includeFree
        options.includePlain = includePlain
        options.preferNewest = preferNewest
        return options
    }
}

struct RepairVerb: Verb {
    static let schemaName = "repair"
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Show what can be saved of a damaged database, and save it with --apply.",
        discussion: """
            Without --apply and --undo it shows the plan and changes nothing. --apply writes every record that the bytes \
            still hold into new files, reads them back, puts them in the place of the old ones, and keeps the old ones \
            in a directory beside them; --undo puts those back. Needs the database's lock: where an app has it open, it \
            ends with 11 and names the app.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var running: JobOptions
    @OptionGroup var rescue: RescueOptions
    @Flag(help: "Carry the plan out, after the database's alias was typed.")
    var apply = false
    @Flag(help: "Put the files back that the last repair has kept.")
    var undo = false
    @Flag(help: "With --undo: also where the database was changed after the repair.")
    var discardChanges = false
    @Flag(help: "With --apply: also when there is nothing to repair.")
    var always = false
    @Flag(help: "Without the backup that is taken first otherwise.")
    var noBackup = false
    @Argument(help: "Alias, path or id.")
    var database: String

    func validate() throws {
        guard !(apply && undo) else { throw ValidationError("--apply and --undo exclude each other") }
        guard apply || undo || (!running.detach && !running.yes) else {
            throw ValidationError("a plan begins no job: --detach and --yes go with --apply or --undo")
        }
        guard undo || !discardChanges else { throw ValidationError("--discard-changes goes with --undo") }
        guard apply || !always else { throw ValidationError("--always goes with --apply") }
    }

    func execute(_ context: Context) throws -> VerbResult {
        if undo { return try RepairUndoing(verb: self).execute(context) }
        let flow = SecretFlow(context, secrets, target: try context.target(database), isRescue: true)
        var given = try secrets.password.given(context)
        if !apply { return Self.preview(try look(flow, &given)) }
        if !running.yes {
            let reply = try look(flow, &given, isLast: false)
            guard reply.facts.needed || always else { return Self.preview(reply) }
            if let failure = reply.facts.shortage(title: reply.row.title) { throw failure }
            let title = context.printable(reply.row.title)
            try running.confirm(
                typing: reply.row.word(context), "repaired", look: "blazectl repair",
                after: reply.facts.lines(title: title, style: context.style(for: Terminal.error)), context)
        }
        var request = request(flow)
        request.wait = running.wireWait
        request.detach = running.detach
        let reply = try AttendedJob(context).run { attend in
            try flow.call(request, given: &given, waiting: running.waiting) { part throws(ClientError) in
                attend(part.job)
            }
        }
        return Self.result(reply, isDetached: running.detach)
    }

    private func request(_ flow: SecretFlow) -> WireRepairRequest {
        var request = WireRepairRequest()
        request.target = flow.target
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        request.options = rescue.wire
        request.always = always
        request.noBackup = noBackup
        return request
    }

    private func look(
        _ flow: SecretFlow, _ given: inout SecretBytes?, isLast: Bool = true
    ) throws -> WireRepairReply {
        var request = request(flow)
        request.plan = true
        request.wait = running.wireWait
        return try flow.call(request, given: &given, isLast: isLast, waiting: running.waiting)
    }

    private static func preview(_ reply: WireRepairReply) -> VerbResult {
        var fields = reply.row.identityFields
        fields["plan"] = reply.facts.json
        fields["job"] = .null
        return VerbResult(data: .object(fields), tier: reply.tier.text) { style in
            guard reply.facts.needed else { return ["\(reply.row.title) has nothing to repair"] }
            return reply.facts.lines(title: reply.row.title, style: style)
                + ["blazectl repair --apply carries this out; nothing was changed"]
        }
    }

    private static func result(_ reply: WireRepairReply, isDetached: Bool) -> VerbResult {
        var fields = reply.row.identityFields
        fields["plan"] = .null
        fields["job"] = reply.job.json
        return VerbResult(data: .object(fields), tier: reply.tier.text, warnings: reply.job.recoveryLines) { style in
            reply.job.resultLines(isDetached: isDetached, style: style)
        }
    }
}

/// `repair --undo`.
private struct RepairUndoing {
    let verb: RepairVerb

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireRepairUndoRequest()
        request.target = try context.target(verb.database)
        if !verb.running.yes {
            request.plan = true
            let reply = try context.call(request)
            let title = context.printable(reply.row.title)
            var facts = FactList()
            facts.add("database", title)
            facts.add("goes back to", context.printable(FilePath.displayString([UInt8](reply.kept))))
            facts.add("size", Style.size(reply.keptBytes))
            facts.add(
                "changed since",
                reply.unchanged ? "no" : "yes: what was changed after the repair would be lost (--discard-changes)")
            try verb.running.confirm(
                typing: reply.row.word(context), "put back as it was before the repair", look: "blazectl repair",
                after: facts.lines(style: context.style(for: Terminal.error)), context)
            request.plan = false
        }
        request.discardChanges = verb.discardChanges
        request.wait = verb.running.wireWait
        request.detach = verb.running.detach
        let reply = try AttendedJob(context).run { attend in
            var none: SecretBytes?
            return try context.connect(for: .repairUndo, waiting: verb.running.waiting).call(request, secret: &none) {
                part throws(ClientError) in attend(part.job)
            }
        }
        var fields = reply.row.identityFields
        fields["plan"] = .null
        fields["job"] = reply.job.json
        let isDetached = verb.running.detach
        return VerbResult(data: .object(fields), tier: reply.tier.text, warnings: reply.job.recoveryLines) { style in
            reply.job.resultLines(isDetached: isDetached, style: style)
        }
    }
}

extension WireDatabaseRow {
    /// What a user types to say that this database is meant: its alias, else its file's name without the ending.
    func word(_ context: Context) -> String {
        if hasAlias { return context.printable(alias) }
        let stem = FilePath(bytes: [UInt8](path))?.stem
        return context.printable(FilePath.displayString(Array((stem ?? "repair").utf8)))
    }
}

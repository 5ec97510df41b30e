internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct GcCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Find pages that nothing uses, and make them usable again.",
        subcommands: [GcStatusVerb.self, GcRunVerb.self])
}

struct GcStatusVerb: Verb {
    static let schemaName = "gc.status"
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How a database's pages are used. Changes nothing, takes no lock.",
        discussion: "Every record is read. Ends with 5 when something stands in the way of gc and vacuum.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        let flow = SecretFlow(context, secrets, target: try context.target(database))
        var given = try secrets.password.given(context)
        return Self.result(try Self.look(flow, secrets, &given))
    }

    static func look(
        _ flow: SecretFlow, _ secrets: SecretOptions, _ given: inout SecretBytes?, isLast: Bool = true
    ) throws -> WireGcStatusReply {
        var request = WireGcStatusRequest()
        request.target = flow.target
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        return try flow.call(request, given: &given, isLast: isLast)
    }

    private static func result(_ reply: WireGcStatusReply) -> VerbResult {
        var fields = reply.row.identityFields
        fields["space"] = reply.space.json
        let status: ExitStatus = reply.space.obstacles.isEmpty ? .success : .damage
        return VerbResult(data: .object(fields), tier: reply.tier.text, status: status) { style in
            reply.space.collectionLines(title: reply.row.title, style: style)
        }
    }
}

struct GcRunVerb: Verb {
    static let schemaName = "gc.run"
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Put unused pages on the free list, and cut the unused end of the file off.",
        discussion: """
            Shows first what there is to do, and asks once. Needs the database's lock: where an app has it open, it ends \
            with 11 and names the app. Damage is left alone: it ends with 5 and says what is in the way.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var running: JobOptions
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        let flow = SecretFlow(context, secrets, target: try context.target(database))
        var given = try secrets.password.given(context)
        if !running.yes {
            let reply = try GcStatusVerb.look(flow, secrets, &given, isLast: false)
            if let failure = reply.space.refusal(title: reply.row.title, dropsUnindexed: true) { throw failure }
            guard reply.space.isCollectable else { return Self.nothingToDo(reply) }
            let title = context.printable(reply.row.title)
            try running.confirm(
                "Collect the garbage of \(title) now?", "changed", look: "blazectl gc status",
                after: reply.space.collectionLines(title: title, style: context.style(for: Terminal.error)), context)
        }
        var request = WireGcRunRequest()
        request.target = flow.target
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        request.wait = running.wireWait
        request.detach = running.detach
        let reply = try running.run {
            try AttendedJob(context).run { attend in
                try flow.call(request, given: &given, waiting: running.waiting) { part throws(ClientError) in
                    attend(part.job)
                }
            }
        } orTell: {
            let seen = try GcStatusVerb.look(flow, secrets, &given, isLast: false)
            return seen.space.refusal(title: seen.row.title, dropsUnindexed: true)
        }
        var fields = reply.row.identityFields
        fields["space"] = .null
        fields["job"] = reply.job.json
        let isDetached = running.detach
        return VerbResult(data: .object(fields), tier: reply.tier.text, warnings: reply.job.recoveryLines) { style in
            reply.job.resultLines(isDetached: isDetached, style: style)
        }
    }

    private static func nothingToDo(_ reply: WireGcStatusReply) -> VerbResult {
        var fields = reply.row.identityFields
        fields["space"] = reply.space.json
        fields["job"] = .null
        return VerbResult(data: .object(fields), tier: reply.tier.text) { _ in
            ["\(reply.row.title) has no garbage"]
        }
    }
}

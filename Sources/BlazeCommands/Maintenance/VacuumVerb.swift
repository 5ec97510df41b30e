internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct VacuumVerb: Verb {
    static let schemaName = "vacuum"
    static let configuration = CommandConfiguration(
        commandName: "vacuum", abstract: "Rewrite a database compactly, and give its unused pages back.",
        discussion: """
            Shows first what it would gain, and asks once. The old database stays until the new one is whole and \
            verified; a crash or Ctrl-C leaves the one or the other. Needs the database's lock: where an app has it open, \
            it ends with 11 and names the app. Damage is left alone: it ends with 5 and says what is in the way.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var running: JobOptions
    @Flag(help: "Only show what it would gain.")
    var dryRun = false
    @Flag(help: "Do without records that the index of the database does not have.")
    var dropUnindexed = false
    @Flag(help: "Also when there is nothing to gain.")
    var always = false
    @Flag(help: "Without the backup that is taken first otherwise.")
    var noBackup = false
    @Argument(help: "Alias, path or id.")
    var database: String

    func validate() throws {
        guard !dryRun || (!running.detach && running.wait == nil) else {
            throw ValidationError("--dry-run begins no job: it neither waits nor detaches")
        }
    }

    func execute(_ context: Context) throws -> VerbResult {
        let flow = SecretFlow(context, secrets, target: try context.target(database))
        var given = try secrets.password.given(context)
        if dryRun { return Self.preview(try look(flow, &given)) }
        if !running.yes {
            let reply = try look(flow, &given, isLast: false)
            if let failure = reply.space.refusal(title: reply.row.title, dropsUnindexed: dropUnindexed) {
                throw failure
            }
            guard reply.space.gain > 0 || always else { return Self.nothingToGain(reply) }
            if let failure = reply.space.shortage(title: reply.row.title) { throw failure }
            let title = context.printable(reply.row.title)
            try running.confirm(
                "Vacuum \(title) now?", "vacuumed", look: "--dry-run",
                after: reply.space.vacuumLines(title: title, style: context.style(for: Terminal.error)), context)
        }
        var request = WireVacuumRequest()
        request.target = flow.target
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        request.dropUnindexed = dropUnindexed
        request.always = always
        request.noBackup = noBackup
        request.wait = running.wireWait
        request.detach = running.detach
        let reply = try running.run {
            try AttendedJob(context).run { attend in
                try flow.call(request, given: &given, waiting: running.waiting) { part throws(ClientError) in
                    attend(part.job)
                }
            }
        } orTell: {
            let seen = try look(flow, &given, isLast: false)
            return seen.space.refusal(title: seen.row.title, dropsUnindexed: dropUnindexed)
        }
        return Self.result(reply, isDetached: running.detach)
    }

    private func look(
        _ flow: SecretFlow, _ given: inout SecretBytes?, isLast: Bool = true
    ) throws -> WireVacuumReply {
        var request = WireVacuumRequest()
        request.target = flow.target
        request.dryRun = true
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        return try flow.call(request, given: &given, isLast: isLast)
    }

    private static func preview(_ reply: WireVacuumReply) -> VerbResult {
        let space = reply.space
        var fields = reply.row.identityFields
        fields["dry_run"] = .bool(true)
        fields["space"] = space.json
        fields["job"] = .null
        let status: ExitStatus = space.obstacles.isEmpty ? .success : .damage
        return VerbResult(data: .object(fields), tier: reply.tier.text, status: status) { style in
            space.vacuumLines(title: reply.row.title, style: style)
        }
    }

    private static func nothingToGain(_ reply: WireVacuumReply) -> VerbResult {
        var fields = reply.row.identityFields
        fields["dry_run"] = .bool(false)
        fields["space"] = reply.space.json
        fields["job"] = .null
        return VerbResult(data: .object(fields), tier: reply.tier.text) { _ in
            ["\(reply.row.title) has nothing to gain from a vacuum"]
        }
    }

    private static func result(_ reply: WireVacuumReply, isDetached: Bool) -> VerbResult {
        var fields = reply.row.identityFields
        fields["dry_run"] = .bool(false)
        fields["space"] = .null
        fields["job"] = reply.job.json
        return VerbResult(data: .object(fields), tier: reply.tier.text, warnings: reply.job.recoveryLines) { style in
            reply.job.resultLines(isDetached: isDetached, style: style)
        }
    }
}

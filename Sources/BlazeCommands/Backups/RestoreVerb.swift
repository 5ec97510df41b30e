internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

struct RestoreVerb: Verb {
    static let schemaName = "restore"
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restore a backup: to a new path, or in the place of the database.",
        discussion: """
            --to never writes over anything. --in-place keeps the files that are there in a directory beside them, and \
            --rollback puts those back; it needs the database's lock. The restored database has the present password: \
            a backup of another one is encrypted anew. What is restored is read back in full first.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var repository: RepositoryOptions
    @OptionGroup var secrets: BackupSecretOptions
    @OptionGroup var running: JobOptions
    @Option(help: ArgumentHelp("The new database, which must not exist.", valueName: "path"))
    var to: String?
    @Flag(help: "In the place of the database that the backup is of, after its alias was typed.")
    var inPlace = false
    @Option(help: ArgumentHelp("With --in-place: the database to replace, where that is another one.", valueName: "db"))
    var over: String?
    @Flag(help: "Put the files back that the last restore in place has kept; the argument is the database.")
    var rollback = false
    @Flag(help: "With --rollback: also where the database was changed after the restore.")
    var discardChanges = false
    @Argument(help: "The backup's id, the beginning of one, or its directory.")
    var backup: String

    func validate() throws {
        guard [to != nil, inPlace, rollback].filter(\.self).count == 1 else {
            throw ValidationError("name one of --to, --in-place and --rollback")
        }
        guard inPlace || over == nil else { throw ValidationError("--over goes with --in-place") }
        guard rollback || !discardChanges else { throw ValidationError("--discard-changes goes with --rollback") }
        guard to == nil || (!running.detach && running.wait == nil && !running.yes) else {
            throw ValidationError("--to begins no job and asks nothing: --detach, --wait and --yes go with --in-place")
        }
    }

    func execute(_ context: Context) throws -> VerbResult {
        if rollback { return try RestoreRollback(verb: self).execute(context) }
        if inPlace { return try replace(context) }
        let flow = BackupSecrets(context: context, options: secrets)
        var request = WireRestoreRequest()
        request.backup = try context.backup(backup, in: repository)
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        request.to = try context.absolute(to ?? "")
        defer { context.progress(nil) }
        let reply = try flow.call(request) { part throws(ClientError) in flow.show(part) }
        context.progress(nil)
        var fields = reply.row.identityFields
        fields["backup"] = reply.facts.json
        fields["records"] = .count(reply.records)
        fields["unreadable"] = .count(reply.unreadable)
        return VerbResult(data: .object(fields), status: reply.unreadable > 0 ? .damage : .success) { style in
            var facts = FactList()
            facts.add("restored", FilePath.displayString([UInt8](reply.row.path)))
            facts.add("from", "\(reply.facts.id), taken \(Style.time(nanoseconds: reply.facts.taken))")
            facts.add("records", "\(reply.records)")
            if reply.unreadable > 0 { facts.add("damaged", "\(reply.unreadable) records, as they were then") }
            return facts.lines(style: style)
        }
    }

    private func replace(_ context: Context) throws -> VerbResult {
        let flow = BackupSecrets(context: context, options: secrets)
        var request = WireRestoreInPlaceRequest()
        request.backup = try context.backup(backup, in: repository)
        if let over { request.target = try context.target(over) }
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        // What becomes of it is told before anything moves.
        request.plan = true
        let plan = try flow.call(request)
        if !running.yes {
            var facts = FactList()
            plan.facts.add(to: &facts)
            facts.add("replaces", context.printable(FilePath.displayString([UInt8](plan.row.path))))
            facts.add(
                "password",
                plan.reencrypts
                    ? "the database's present one: the backup has another key and is encrypted anew" : "unchanged")
            try running.confirm(
                typing: plan.row.word(context), "replaced by the backup", look: "blazectl backup show",
                after: facts.lines(style: context.style(for: Terminal.error)), context)
        }
        request.plan = false
        request.wait = running.wireWait
        request.detach = running.detach
        let reply = try AttendedJob(context).run { attend in
            try flow.call(request, waiting: running.waiting) { part throws(ClientError) in attend(part.job) }
        }
        var fields = reply.row.identityFields
        fields["job"] = reply.job.json
        let isDetached = running.detach
        return VerbResult(
            data: .object(fields), tier: WireTier.lease.text, warnings: reply.job.recoveryLines,
            status: reply.job.restore.unreadable > 0 ? .damage : .success
        ) { style in
            reply.job.resultLines(isDetached: isDetached, style: style)
        }
    }
}

/// `restore --rollback`.
private struct RestoreRollback {
    let verb: RestoreVerb

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireRestoreRollbackRequest()
        request.target = try context.target(verb.backup)
        if !verb.running.yes {
            request.plan = true
            let reply = try context.call(request)
            var facts = FactList()
            facts.add("database", context.printable(reply.row.title))
            facts.add("goes back to", context.printable(FilePath.displayString([UInt8](reply.kept))))
            facts.add("size", Style.size(reply.keptBytes))
            facts.add(
                "changed since",
                reply.unchanged ? "no" : "yes: what was changed after the restore would be lost (--discard-changes)")
            try verb.running.confirm(
                typing: reply.row.word(context), "put back as it was before the restore", look: "blazectl info",
                after: facts.lines(style: context.style(for: Terminal.error)), context)
            request.plan = false
        }
        request.discardChanges = verb.discardChanges
        request.wait = verb.running.wireWait
        request.detach = verb.running.detach
        let reply = try AttendedJob(context).run { attend in
            var none: SecretBytes?
            return try context.connect(for: .restoreRollback, waiting: verb.running.waiting)
                .call(request, secret: &none) { part throws(ClientError) in attend(part.job) }
        }
        var fields = reply.row.identityFields
        fields["job"] = reply.job.json
        let isDetached = verb.running.detach
        return VerbResult(
            data: .object(fields), tier: WireTier.lease.text, warnings: reply.job.recoveryLines
        ) { style in
            reply.job.resultLines(isDetached: isDetached, style: style)
        }
    }
}

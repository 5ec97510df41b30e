internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

struct BackupCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copies of databases that are proven to restore.",
        subcommands: [
            BackupCreateVerb.self, BackupListVerb.self, BackupShowVerb.self, BackupVerifyVerb.self,
            BackupRemoveVerb.self, BackupPruneVerb.self,
        ])
}

struct BackupCreateVerb: Verb {
    static let schemaName = "backup.create"
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Take a backup, restore it to a scratch directory and compare.",
        discussion: """
            Where the database is free its lock is held meanwhile, and the backup is exact: the files as they are at that \
            moment. Where an app has it open the backup is live: each record is one that the database held meanwhile. \
            --tier lease waits for the lock with --wait, or fails; --tier observe does without. A backup is a plain set \
            of BlazeDB files, closed to others.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @Option(
        help: ArgumentHelp("The directory to keep it in; by default the user's own place.", valueName: "path"))
    var to: String?
    @Option(help: ArgumentHelp("A word to know it by.", valueName: "word"))
    var tag: String?
    @Option(help: ArgumentHelp("lease or observe.", valueName: "tier"))
    var tier: String?
    @Option(help: ArgumentHelp("With --tier lease: wait so long for the lock: 30s, 5m.", valueName: "time"))
    var wait: WaitArgument?
    @Flag(help: "Do not restore and compare it.")
    var noVerify = false
    @Flag(help: "Copy all files as they are, with what interrupted operations left: for a damaged database.")
    var raw = false
    @Flag(help: "Begin the job, print its number, and do not wait for its end.")
    var detach = false
    @Argument(help: "Alias, path or id.")
    var database: String

    func validate() throws {
        guard tier == nil || ["lease", "observe"].contains(tier) else {
            throw ValidationError("--tier is lease or observe")
        }
        guard wait == nil || tier == "lease" || raw else { throw ValidationError("--wait goes with --tier lease") }
        guard !raw || tier != "observe" else { throw ValidationError("--raw takes the lock") }
        if let wait, wait.duration > .seconds(86_400) { throw ValidationError("--wait takes at most a day") }
    }

    func execute(_ context: Context) throws -> VerbResult {
        let flow = SecretFlow(context, secrets, target: try context.target(database), isRescue: raw)
        var request = WireBackupCreateRequest()
        request.target = flow.target
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        request.tier = tier == "lease" ? .lease : tier == "observe" ? .observe : .unspecified
        let waiting = wait?.duration ?? .zero
        request.wait = UInt64(max(0, waiting / .nanoseconds(1)))
        request.detach = detach
        request.noVerify = noVerify
        request.raw = raw
        request.tag = tag ?? ""
        if let to { request.repository = try context.absolute(to) }
        let reply = try AttendedJob(context).run { attend in
            try flow.call(request, waiting: waiting) { part throws(ClientError) in attend(part.job) }
        }
        var fields = reply.row.identityFields
        fields["job"] = reply.job.json
        let isDamaged = !reply.job.backup.problems.isEmpty
        let isDetached = detach
        return VerbResult(
            data: .object(fields), tier: reply.job.backup.facts.method == .live ? "observe" : "lease",
            warnings: reply.job.backup.problems.map(\.line), status: isDamaged ? .damage : .success
        ) { style in
            reply.job.resultLines(isDetached: isDetached, style: style)
        }
    }
}

struct BackupListVerb: Verb {
    static let schemaName = "backup.ls"
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "The backups that are there, the newest first.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var repository: RepositoryOptions
    @Argument(help: "Only those of this database: alias, path or id.")
    var database: String?

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireBackupListRequest()
        if let database { request.target = try context.target(database) }
        request.repository = try repository.wire(context)
        let reply = try context.call(request)
        let data = JSONValue.object(["backups": .array(reply.backups.map(\.json))])
        return VerbResult(data: data) { style in
            guard !reply.backups.isEmpty else { return ["there are no backups"] }
            var table = Table([
                .init("BACKUP"), .init("DATABASE"), .init("TAKEN"), .init("METHOD"), .init("RECORDS", .right),
                .init("SIZE", .right), .init("STATE"), .init("TAG"),
            ])
            for backup in reply.backups {
                table.add([
                    .init(backup.id), .init(backup.databaseText),
                    .init(backup.taken == 0 ? "-" : Style.time(nanoseconds: backup.taken)),
                    .init(backup.problem.isEmpty ? backup.methodText : "-"),
                    .init(backup.hasRecords ? "\(backup.records)" : "-"), .init(Style.size(backup.bytes)),
                    .init(backup.stateText), .init(backup.tag.isEmpty ? "-" : backup.tag),
                ])
            }
            return table.lines(style: style)
        }
    }
}

struct BackupShowVerb: Verb {
    static let schemaName = "backup.show"
    static let configuration = CommandConfiguration(commandName: "show", abstract: "What a backup's manifest says.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var repository: RepositoryOptions
    @Argument(help: "Its id, the beginning of one, or its directory.")
    var backup: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireBackupShowRequest()
        request.backup = try context.backup(backup, in: repository)
        let facts = try context.call(request).facts
        return VerbResult(
            data: .object(["backup": facts.json]), status: facts.problem.isEmpty ? .success : .damage
        ) { style in
            var list = FactList()
            facts.add(to: &list)
            for file in facts.files {
                list.add(
                    "file", "\(FilePath.displayString([UInt8](file.name))), \(Style.size(file.bytes)), \(file.blake2B)")
            }
            return list.lines(style: style)
        }
    }
}

struct BackupVerifyVerb: Verb {
    static let schemaName = "backup.verify"
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Prove that a backup restores: open it, decrypt everything, compare.",
        discussion: "Exit 0: every one is sound; 5: something is not what was copied, or was damaged then already.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var repository: RepositoryOptions
    @OptionGroup var secrets: BackupSecretOptions
    @Flag(help: "All backups that are there.")
    var all = false
    @Argument(help: "Its id, the beginning of one, or its directory.")
    var backup: String?

    func validate() throws {
        guard all == (backup == nil) else { throw ValidationError("name one backup, or --all") }
    }

    func execute(_ context: Context) throws -> VerbResult {
        var selectors: [WireBackupSelector] = []
        if let backup {
            selectors = [try context.backup(backup, in: repository)]
        } else {
            var list = WireBackupListRequest()
            list.repository = try repository.wire(context)
            selectors = try context.call(list).backups.map { try context.backup($0.id, in: repository) }
        }
        let flow = BackupSecrets(context: context, options: secrets)
        defer { context.progress(nil) }
        var replies: [WireBackupVerifyReply] = []
        for selector in selectors {
            var request = WireBackupVerifyRequest()
            request.backup = selector
            if let count = secrets.password.kdfIterations { request.kdfIterations = count }
            replies.append(try flow.call(request) { part throws(ClientError) in flow.show(part) })
        }
        context.progress(nil)
        let isSound = replies.allSatisfy(\.problems.isEmpty)
        let data = replies.map { reply in
            JSONValue.object([
                "backup": reply.facts.json, "sound": .bool(reply.problems.isEmpty),
                "problems": .array(reply.problems.map(\.json)),
            ])
        }
        return VerbResult(data: .object(["backups": .array(data)]), status: isSound ? .success : .damage) { style in
            guard !replies.isEmpty else { return ["there are no backups"] }
            return replies.flatMap { reply -> [String] in
                guard !reply.problems.isEmpty else {
                    return ["\(reply.facts.id) is sound: \(reply.facts.records) records"]
                }
                return ["\(reply.facts.id) is not sound:"] + reply.problems.map { "- \($0.line)" }
            }
        }
    }
}

struct BackupRemoveVerb: Verb {
    static let schemaName = "backup.rm"
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Remove a backup.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var repository: RepositoryOptions
    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false
    @Argument(help: "Its id, the beginning of one, or its directory.")
    var backup: String

    func execute(_ context: Context) throws -> VerbResult {
        let selector = try context.backup(backup, in: repository)
        if !yes {
            var look = WireBackupShowRequest()
            look.backup = selector
            let facts = try context.call(look).facts
            guard try Asker(context).canConfirm else {
                throw CommandFailure(
                    .promptNeeded, "confirmation-needed", "backup \(facts.id) would be removed",
                    hint: "--yes does it without asking")
            }
            var list = FactList()
            facts.add(to: &list)
            for line in list.lines(style: context.style(for: Terminal.error)) { context.say(line) }
            guard try Asker.confirm("Remove it?") else {
                throw CommandFailure(.failure, "declined", "nothing was changed")
            }
        }
        var request = WireBackupRemoveRequest()
        request.backup = selector
        let facts = try context.call(request).facts
        return VerbResult(data: .object(["backup": facts.json])) { _ in ["\(facts.id) is removed"] }
    }
}

struct BackupPruneVerb: Verb {
    static let schemaName = "backup.prune"
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove the backups that no rule keeps.",
        discussion: """
            Each rule keeps, of each database, the last backup of as many hours, days and so on (UTC) as it says; \
            --keep-last the last ones. The newest verified backup of a database is never removed.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var repository: RepositoryOptions
    @Option(help: ArgumentHelp("Keep the last ones.", valueName: "n")) var keepLast: UInt32?
    @Option(help: ArgumentHelp("Keep the last one of so many hours.", valueName: "n")) var keepHourly: UInt32?
    @Option(help: ArgumentHelp("Keep the last one of so many days.", valueName: "n")) var keepDaily: UInt32?
    @Option(help: ArgumentHelp("Keep the last one of so many weeks.", valueName: "n")) var keepWeekly: UInt32?
    @Option(help: ArgumentHelp("Keep the last one of so many months.", valueName: "n")) var keepMonthly: UInt32?
    @Option(help: ArgumentHelp("Keep the last one of so many years.", valueName: "n")) var keepYearly: UInt32?
    @Flag(help: "Only show what would go, and why the others stay.")
    var dryRun = false
    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false
    @Argument(help: "Only those of this database: alias, path or id.")
    var database: String?

    func validate() throws {
        let counts = [keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly].compactMap(\.self)
        guard counts.contains(where: { $0 > 0 }) else {
            throw ValidationError("name at least one rule that keeps something, such as --keep-last 3")
        }
    }

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireBackupPruneRequest()
        if let database { request.target = try context.target(database) }
        request.repository = try repository.wire(context)
        request.keepLast = keepLast ?? 0
        request.keepHourly = keepHourly ?? 0
        request.keepDaily = keepDaily ?? 0
        request.keepWeekly = keepWeekly ?? 0
        request.keepMonthly = keepMonthly ?? 0
        request.keepYearly = keepYearly ?? 0
        request.dryRun = dryRun
        if !yes, !dryRun {
            request.dryRun = true
            let plan = try context.call(request).decisions
            guard plan.contains(where: { !$0.kept }) else { return Self.result(plan, isDryRun: false) }
            guard try Asker(context).canConfirm else {
                throw CommandFailure(
                    .promptNeeded, "confirmation-needed",
                    "\(plan.filter { !$0.kept }.count) backups would be removed",
                    hint: "--dry-run shows which; --yes does it without asking")
            }
            for line in Self.lines(plan, context.style(for: Terminal.error)) { context.say(line) }
            guard try Asker.confirm("Remove \(plan.filter { !$0.kept }.count) backups?") else {
                throw CommandFailure(.failure, "declined", "nothing was changed")
            }
            request.dryRun = false
        }
        return Self.result(try context.call(request).decisions, isDryRun: dryRun)
    }

    private static func result(_ decisions: [WireBackupDecision], isDryRun: Bool) -> VerbResult {
        let data = decisions.map { decision in
            JSONValue.object([
                "backup": decision.facts.json, "kept": .bool(decision.kept), "reasons": .strings(decision.reasons),
            ])
        }
        return VerbResult(data: .object(["dry_run": .bool(isDryRun), "decisions": .array(data)])) { style in
            guard !decisions.isEmpty else { return ["there are no backups"] }
            let gone = decisions.filter { !$0.kept }.count
            return lines(decisions, style) + [isDryRun ? "\(gone) would be removed" : "\(gone) removed"]
        }
    }

    private static func lines(_ decisions: [WireBackupDecision], _ style: Style) -> [String] {
        var table = Table([
            .init("BACKUP"), .init("DATABASE"), .init("TAKEN"), .init("STATE"), .init(""), .init("WHY"),
        ])
        for decision in decisions {
            table.add([
                .init(decision.facts.id), .init(decision.facts.databaseText),
                .init(decision.facts.taken == 0 ? "-" : Style.time(nanoseconds: decision.facts.taken)),
                .init(decision.facts.stateText), .init(decision.kept ? "keep" : "remove"),
                .init(decision.kept ? decision.reasons.joined(separator: ", ") : "no rule keeps it"),
            ])
        }
        return table.lines(style: style)
    }
}

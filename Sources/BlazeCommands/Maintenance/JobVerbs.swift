internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct JobCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Long operations of the agent: how far they are, and how they ended.",
        subcommands: [JobListVerb.self, JobShowVerb.self, JobCancelVerb.self])
}

struct JobListVerb: Verb {
    static let schemaName = "jobs.ls"
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "The jobs, the newest first.",
        discussion: """
            Jobs that an agent did not bring to their end because it was killed are put right by the next one: \
            rolled-back, finished-after-restart, or interrupted while another process has the database open.
            """)

    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let reply = try context.call(WireJobsListRequest())
        let data = JSONValue.object(["jobs": .array(reply.jobs.map(\.json))])
        return VerbResult(data: data, warnings: reply.warnings) { style in
            guard !reply.jobs.isEmpty else { return ["there are no jobs"] }
            var table = Table([
                .init("JOB", .right), .init("KIND"), .init("DATABASE"), .init("STATE"), .init("BEGUN"), .init("ENDED"),
                .init("OUTCOME"),
            ])
            for job in reply.jobs {
                table.add([
                    .init("\(job.id)"), .init(job.kindText), .init(job.title), .init(job.stateText),
                    .init(Style.time(nanoseconds: job.started)),
                    .init(job.hasEnded ? Style.time(nanoseconds: job.ended) : "-"), .init(job.outcomeText),
                ])
            }
            return table.lines(style: style)
        }
    }
}

struct JobShowVerb: Verb {
    static let schemaName = "jobs.show"
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One job.",
        discussion: "With --follow until it is over; Ctrl-C leaves, and the job goes on.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Show its progress until it is over.")
    var follow = false
    @Argument(help: "The job's number.")
    var job: UInt64

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireJobsShowRequest()
        request.id = job
        request.follow = follow
        if follow { Terminal.exitOnSignals(writing: "\r\n", to: Terminal.error) }
        defer { context.progress(nil) }
        var none: SecretBytes?
        let reply = try context.connect(for: .jobsShow).call(request, secret: &none) { part throws(ClientError) in
            context.progress("\(context.printable(part.job.title)): \(context.printable(part.job.progressText))")
        }
        context.progress(nil)
        return VerbResult(data: .object(["job": reply.job.json])) { style in reply.job.lines(style: style) }
    }
}

struct JobCancelVerb: Verb {
    static let schemaName = "jobs.cancel"
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Ask a job to end, and wait until it has.",
        discussion: """
            The database is left as it was before the job. A job that is over already stays as it is; one that is about \
            to put the new files in place of the old ones comes to its end.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The job's number.")
    var job: UInt64

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireJobsCancelRequest()
        request.id = job
        let connection = try context.connect(for: .jobsCancel)
        let wasActive = try connection.call(request).job.isActive
        var show = WireJobsShowRequest()
        show.id = job
        show.follow = true
        var none: SecretBytes?
        let shown = try connection.call(show, secret: &none) { _ throws(ClientError) in }.job
        let data = JSONValue.object(["job": shown.json, "was_active": .bool(wasActive)])
        return VerbResult(data: data) { _ in
            guard wasActive else { return ["job \(shown.id) was over already: \(shown.stateText)"] }
            return [
                shown.state == .cancelled
                    ? "job \(shown.id) is cancelled; \(shown.title) is as it was"
                    : "job \(shown.id) came to its end before it could be cancelled: \(shown.stateText)"
            ]
        }
    }
}

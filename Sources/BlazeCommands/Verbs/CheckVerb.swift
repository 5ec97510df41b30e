internal import ArgumentParser
internal import BlazeClient
internal import BlazeModel

struct CheckVerb: Verb {
    static let schemaName = "check"
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look for damage and waste; never writes.",
        discussion: """
            Works beside an app that has the database open. Without a depth: --full. docs/findings.md explains every finding. \
            Ends with 0 when all is well or there are only notes, 4 for advice or waste, 5 for damage.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var access: AccessOptions
    @Flag(
        help:
            "Files, headers, signature, page lists, WAL and leftovers; no record is read. Needs no key, but tells less without."
    )
    var quick = false
    @Flag(help: "All that the bytes can tell: every record, every page in use by none, secondary indexes (default).")
    var full = false
    @Option(
        help: ArgumentHelp(
            "As --quick, and so many percent of the records read, chosen at random: proves nothing about the rest.",
            valueName: "percent"))
    var sample: Double?
    @Option(help: ArgumentHelp("Choose the sample that an earlier check of this seed has read.", valueName: "number"))
    var seed: UInt64?
    @Argument(help: "Alias, path or id.")
    var database: String

    func validate() throws {
        guard [quick, full, sample != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("--quick, --full and --sample exclude one another")
        }
        if let sample, !(sample > 0 && sample <= 100) {
            throw ValidationError("--sample takes a percentage over 0 and at most 100")
        }
        guard seed == nil || sample != nil else { throw ValidationError("--seed goes with --sample only") }
        guard quick || access.tier != .file else {
            throw ValidationError("records cannot be read with --tier file: add --quick")
        }
    }

    private var depth: WireCheckDepth { quick ? .quick : sample != nil ? .sample : .full }

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireCheckRequest()
        request.target = try context.target(database)
        request.depth = depth
        request.tier = access.wireTier
        request.wait = access.wireWait
        if let sample {
            request.samplePercent = sample
            // Short enough to be typed again.
            request.seed = seed ?? UInt64.random(in: 0..<1_000_000)
        }
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        defer { context.progress(nil) }
        let flow = SecretFlow(context, secrets, target: request.target)
        let reply = try flow.call(request, waiting: access.waiting) { part throws(ClientError) in
            context.progress("\(context.printable(part.progressText))")
        }
        context.progress(nil)
        return result(reply, of: request)
    }

    private func result(_ reply: WireCheckReply, of request: WireCheckRequest) -> VerbResult {
        let findings = reply.findings.map(\.finding).worstFirst
        let worst = findings.first?.severity ?? .note
        let (verdict, status): (String, ExitStatus) =
            switch worst {
            case .note: ("clean", .success)
            case .advice: ("advice", .advice)
            case .damage: ("damage", .damage)
            }
        var fields = reply.row.identityFields
        fields["ownership"] = reply.row.ownershipJSON
        fields["verdict"] = .string(verdict)
        fields["findings"] = findings.json
        fields["counts"] = .object([
            "note": .count(findings.count(.note)), "advice": .count(findings.count(.advice)),
            "damage": .count(findings.count(.damage)),
        ])
        fields["depth"] = .string(depth == .quick ? "quick" : depth == .full ? "full" : "sample")
        fields["sample"] =
            request.hasSamplePercent
            ? .object(["percent": .number(request.samplePercent), "seed": .count(request.seed)]) : .null
        fields["reading"] = reply.hasReading ? reply.reading.json : .null
        return VerbResult(
            data: .object(fields), tier: reply.tier.text, warnings: reply.warnings, status: status
        ) { style in
            let read = reply.hasReading ? " (\(reply.reading.line))" : ""
            return findings.lines(style: style) + ["\(reply.row.title): \(verdict)\(read)"]
        }
    }
}

extension WireCheckPart {
    fileprivate var progressText: String {
        total > 0 ? "checking \(phase): \(done) of \(total)" : "checking \(phase)"
    }
}

extension WireCheckReading {
    fileprivate var json: JSONValue {
        .object([
            "indexed": .count(indexed), "looked": .count(looked), "readable": .count(readable),
            "hidden": .count(hidden), "deleted": .count(deleted), "unreadable": .count(unreadable),
            "unstable": .count(unstable), "unindexed": .count(unindexed), "pages": .count(pages),
            "bytes": .count(bytes),
        ])
    }

    fileprivate var line: String {
        "\(readable) of \(indexed) records read, \(Style.size(bytes)); \(pages) pages authenticated"
    }
}

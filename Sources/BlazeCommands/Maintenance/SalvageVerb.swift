internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

struct SalvageVerb: Verb {
    static let schemaName = "salvage"
    static let configuration = CommandConfiguration(
        commandName: "salvage", abstract: "Take what is left of a database into a new one.",
        discussion: """
            For a database of which files are missing: no .meta, no data file but what a vacuum left, nothing but a \
            .wal. The old files are only read. The new database has the old one's password.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var rescue: RescueOptions
    @Option(help: ArgumentHelp("The new database, which must not exist.", valueName: "path"))
    var to: String
    @Option(help: ArgumentHelp("A salt file to use in the place of the database's own.", valueName: "path"))
    var saltFile: String?
    @Argument(help: "The path that the data file has, or had.")
    var path: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireSalvageRequest()
        request.target = try context.target(path.contains("/") ? path : "./\(path)")
        request.options = rescue.wire
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        request.to = try context.absolute(to)
        if let saltFile { request.salt = try context.absolute(saltFile) }
        let flow = SecretFlow(context, secrets, target: request.target, isRescue: true)
        defer { context.progress(nil) }
        let reply: WireSalvageReply
        if saltFile == nil {
            reply = try flow.call(request) { part throws(ClientError) in show(part, context) }
        } else {
            // No key that is kept for the database is by another salt.
            var secret = try secrets.password.given(context)
            if secret == nil {
                let asker = try Asker(context)
                secret = try asker.ask("Password of \(context.printable(path)): ", within: .seconds(60))
            }
            reply = try context.connect(for: .salvage).call(request, secret: &secret) { part throws(ClientError) in
                show(part, context)
            }
        }
        var fields = reply.row.identityFields
        fields["plan"] = reply.facts.json
        if reply.source.isEmpty { fields["source"] = .null } else { fields.set(path: reply.source, as: "source") }
        return VerbResult(data: .object(fields), tier: WireTier.lease.text) { style in
            var facts = FactList()
            facts.add("new database", FilePath.displayString([UInt8](reply.row.path)))
            facts.add(
                "taken from", reply.source.isEmpty ? "the WAL" : FilePath.displayString([UInt8](reply.source)))
            reply.facts.add(to: &facts)
            return facts.lines(style: style) + reply.facts.steps.map { "- \($0.message)" }
                + reply.facts.itemLines(style)
        }
    }

    private func show(_ part: WireSalvagePart, _ context: Context) {
        context.progress(part.total > 0 ? "\(part.phase) \(part.done) of \(part.total)" : part.phase)
    }
}

internal import ArgumentParser
internal import BlazeClient
internal import BlazeModel

struct CheckVerb: Verb {
    static let schemaName = "check"
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look for damage and waste; never writes.",
        discussion: "Ends with 0 when all is well, 4 for advice or waste, 5 for damage.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var access: AccessOptions
    @Flag(help: "Files, headers, signature, page lists, WAL and leftovers; no record is decrypted.")
    var quick = false
    @Argument(help: "Alias, path or id.")
    var database: String

    func validate() throws {
        guard quick else { throw ValidationError("say how deep to look: --quick") }
    }

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireCheckRequest()
        request.target = try context.target(database)
        request.depth = .quick
        request.tier = access.wireTier
        request.wait = access.wireWait
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        let reply = try SecretFlow(context, secrets, target: request.target).call(request, waiting: access.waiting)
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
        return VerbResult(
            data: .object(fields), tier: reply.tier.text, warnings: reply.warnings, status: status
        ) { style in
            findings.lines(style: style) + ["\(reply.row.title): \(verdict)"]
        }
    }
}

internal import ArgumentParser
internal import BlazeClient

struct ListVerb: Verb {
    static let schemaName = "ls"
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Show the known databases.")

    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let reply = try context.call(WireListRequest())
        let rows = reply.databases
        return VerbResult(
            data: .object(["databases": .array(rows.map(\.json))]), tier: "file", warnings: reply.warnings
        ) { style in
            rows.isEmpty
                ? ["no databases are known: blazectl scan DIRECTORY looks for some"]
                : WireDatabaseRow.table(rows, style: style)
        }
    }
}

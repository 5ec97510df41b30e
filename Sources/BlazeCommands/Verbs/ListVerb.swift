internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct ListVerb: Verb {
    static let schemaName = "ls"
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "Show the known databases.",
        discussion: """
            A filter is a list of terms that must all hold; ! negates one:
              notes  '*-2024'  name:notes  path:/srv/*  tag:work  app:Mail  id:941b84
              state:damaged  session:unlocked  held:yes  twin:yes
              records>100  size>=10M  age<2d
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var selection: ListSelection
    @Flag(
        help: """
            Keep showing them as they change, until Ctrl-C: a table on a terminal, otherwise one JSON object for each \
            change (-o plain: one line).
            """)
    var watch = false

    func execute(_ context: Context) throws -> VerbResult {
        let request = selection.request
        if watch { return try WatchSession(context, request).run() }
        let reply = try context.call(request)
        let rows = reply.databases
        let grouping = selection.group
        let data = JSONValue.object([
            "databases": .array(rows.map(\.json)),
            "groups": grouping == nil ? .null : .array(reply.groups.map(\.json)),
        ])
        return VerbResult(data: data, tier: "file", warnings: reply.warnings) { style in
            if rows.isEmpty {
                return [
                    selection.isEverything
                        ? "no databases are known: blazectl scan DIRECTORY looks for some"
                        : "no known database fits"
                ]
            }
            return WireDatabaseRow.lines(rows, groups: grouping == nil ? nil : reply.groups, style: style)
        }
    }
}

/// Which of the known databases are shown, and how they are ordered.
struct ListSelection: ParsableArguments {
    enum Order: String, ExpressibleByArgument, CaseIterable {
        case name
        case size
        case records
        case changed
        case path
    }

    enum Grouping: String, ExpressibleByArgument, CaseIterable {
        case directory
        case app
    }

    @Option(help: ArgumentHelp("Only those for which all terms hold.", valueName: "terms"))
    var filter: String?

    @Option(help: ArgumentHelp("Only those with these letters in name or path, the best first.", valueName: "text"))
    var search: String?

    @Option(help: "Only those with this tag; may be given again.")
    var tag: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only those that have not changed for so long, such as 90d or 12h, and that nobody uses now.",
            valueName: "duration"))
    var unusedSince: DurationArgument?

    @Option(help: "The order: name, size, records, changed (largest, most, latest first) or path.")
    var sort: Order?

    @Flag(name: .shortAndLong, help: "Turn the order round.")
    var reverse = false

    @Option(help: "Show them under headings: directory, or app (by data directory, else by last holder).")
    var group: Grouping?

    /// Whether nothing is left out.
    var isEverything: Bool {
        filter == nil && search == nil && tag.isEmpty && unusedSince == nil
    }

    var request: WireListRequest {
        var request = WireListRequest()
        request.filter = filter ?? ""
        request.search = search ?? ""
        request.tags = tag
        request.reverse = reverse
        if let unusedSince { request.unusedSeconds = unusedSince.seconds }
        request.order =
            switch sort {
            case .name: .name
            case .size: .size
            case .records: .records
            case .changed: .changed
            case .path: .path
            case nil: .unspecified
            }
        request.grouping =
            switch group {
            case .directory: .directory
            case .app: .app
            case nil: .unspecified
            }
        return request
    }
}

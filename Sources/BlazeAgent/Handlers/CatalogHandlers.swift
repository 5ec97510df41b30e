internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// add, forget, alias and tag: the catalogue of known databases. No database's file is changed.
enum CatalogHandlers {
    static func add(_ request: WireAddRequest, _ call: Call) throws -> WireCatalogReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        let summary = try FileSummary.read(database.files, in: state.storage)
        let recognition = try state.catalog.recognize(
            Sighting(database.path, summary), alias: request.hasAlias ? request.alias : nil
        ) { DatabaseRows.exists($0, in: state.storage) }
        var answer = reply(LocatedDatabase(path: database.path, entry: recognition.entry), call)
        DatabaseRows.note(recognition, in: &answer.row)
        DatabaseRows.endSession(before: recognition, state)
        return answer
    }

    static func forget(_ request: WireForgetRequest, _ call: Call) throws -> WireCatalogReply {
        let known = try known(request.target, call)
        let answer = reply(known.database, call)
        try call.state.catalog.forget(known.entry)
        _ = call.state.lock(known.database.path)
        return answer
    }

    static func alias(_ request: WireAliasRequest, _ call: Call) throws -> WireCatalogReply {
        try Catalog.check(alias: request.alias)
        let known = try known(request.target, call)
        let entry = try call.state.catalog.setAlias(request.alias, of: known.entry)
        return reply(LocatedDatabase(path: entry.path, entry: entry), call)
    }

    static func tag(_ request: WireTagRequest, _ call: Call) throws -> WireCatalogReply {
        let known = try known(request.target, call)
        let entry = try call.state.catalog.changeTags(of: known.entry, adding: request.add, removing: request.remove)
        return reply(LocatedDatabase(path: entry.path, entry: entry), call)
    }

    private static func known(
        _ target: WireTarget, _ call: Call
    ) throws -> (database: LocatedDatabase, entry: CatalogEntry) {
        let database = try LocatedDatabase(target, state: call.state)
        guard let entry = database.entry else {
            throw Fault(
                .notFound, "\(database.path.displayString) is not in the catalogue",
                hint: "add it first: blazectl db add \(database.path.displayString)", target: database.title)
        }
        return (database, entry)
    }

    private static func reply(_ database: LocatedDatabase, _ call: Call) -> WireCatalogReply {
        var reply = WireCatalogReply()
        reply.row = DatabaseRows.row(for: database, twins: Twins(call.state), call.state)
        return reply
    }
}

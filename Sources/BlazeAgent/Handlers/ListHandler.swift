internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// list: the known databases, as far as they are asked for.
enum ListHandler {
    static func list(_ request: WireListRequest, _ call: Call) throws -> WireListReply {
        let state = call.state
        let query = try query(of: request)
        let storage = LeftoverListings(state.storage)
        var rows = state.catalog.entries().map { entry in
            DatabaseRows.row(for: LocatedDatabase(path: entry.path, entry: entry), in: storage, state)
        }
        DatabaseRows.noteTwins(in: &rows)
        var reply = WireListReply()
        (reply.databases, reply.groups) = choose(from: rows, query)
        return reply
    }

    /// What a request asks for.
    static func query(of request: WireListRequest) throws -> ListQuery {
        let filter: ListFilter
        do throws(ListFilterError) {
            filter = try ListFilter(request.filter)
        } catch {
            throw Fault(
                .invalidRequest, error.description,
                hint: "terms are words, key:value or figure>number: blazectl ls --help has examples")
        }
        var query = ListQuery(filter: filter)
        query.search = request.search.isEmpty ? nil : FuzzySearch(request.search)
        query.tags = Set(request.tags)
        query.order =
            switch request.order {
            case .name: .name
            case .size: .size
            case .records: .records
            case .changed: .changed
            case .path: .path
            default: nil
            }
        query.isReversed = request.reverse
        query.grouping =
            switch request.grouping {
            case .directory: .directory
            case .app: .app
            default: nil
            }
        query.unusedSeconds = request.hasUnusedSeconds ? request.unusedSeconds : nil
        return query
    }

    /// The rows that are asked for, in order, and how they fall into groups.
    static func choose(
        from rows: [WireDatabaseRow], _ query: ListQuery
    ) -> (rows: [WireDatabaseRow], groups: [WireListGroup]) {
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000_000)
        let chosen = query.choose(from: rows.map(ListedDatabase.init), now: now)
        let groups = chosen.groups.map { group in
            var out = WireListGroup()
            out.title = group.title
            out.count = UInt32(clamping: group.count)
            return out
        }
        return (chosen.indexes.map { rows[$0] }, groups)
    }
}

extension ListedDatabase {
    /// What a row says.
    init(_ row: WireDatabaseRow) {
        let path = FilePath(bytes: [UInt8](row.path)) ?? "/"
        let file = path.withoutExtension.lastComponent.map { FilePath(root: nil, [$0]).displayString } ?? ""
        self.init(path: path, name: row.hasAlias ? row.alias : file)
        id = row.hasID ? DatabaseID(bytes: [UInt8](row.id))?.description : nil
        tags = Set(row.tags)
        size = row.hasSize ? row.size : nil
        records = row.hasRecords ? row.records : nil
        modified = row.hasModified ? row.modified : nil
        state =
            switch row.state {
            case .ok: "ok"
            case .missing: "missing"
            case .damaged: "damaged"
            default: "unreadable"
            }
        isUnlocked = row.session == .unlocked
        isHeld = row.ownership.state == .owned
        isTwin = row.twinCount > 0
        app = row.hasApp ? row.app : nil
    }
}

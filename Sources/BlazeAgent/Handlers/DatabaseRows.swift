internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Logging
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The row by which a database appears in every answer.
enum DatabaseRows {
    /// The row of a database, with what its files say unless `withContents` is false, and its twins where they are given.
    static func row(
        for database: LocatedDatabase, withContents: Bool = true, in storage: (any Storage)? = nil,
        twins: Twins? = nil, _ state: AgentState
    ) -> WireDatabaseRow {
        var row = WireDatabaseRow()
        row.path = Data(database.path.bytes)
        fill(&row, from: database.entry, at: database.path, state)
        row.state = .ok
        guard withContents else {
            if let session = state.sessions[database.path] { row.id = Data(session.identity.bytes) }
            return row
        }
        do throws(EngineError) {
            let summary = try FileSummary.read(database.files, in: storage ?? state.storage)
            fill(&row, from: summary, twins, state)
            noteHolder(summary.ownership, of: database, &row, state)
        } catch {
            row.state = error.code == .notFound ? .missing : .unreadable
            row.reason = error.description
        }
        return row
    }

    /// The row of a database whose files were read already.
    static func row(
        for database: LocatedDatabase, summary: FileSummary, twins: Twins? = nil, _ state: AgentState
    ) -> WireDatabaseRow {
        var row = row(for: database, withContents: false, state)
        fill(&row, from: summary, twins, state)
        noteHolder(summary.ownership, of: database, &row, state)
        return row
    }

    /// What is known of a database besides its files.
    static func fill(
        _ row: inout WireDatabaseRow, from entry: CatalogEntry?, at path: FilePath, _ state: AgentState
    ) {
        if let alias = entry?.alias { row.alias = alias } else { row.clearAlias() }
        row.tags = entry?.tags.sorted() ?? []
        if let id = entry?.id, !row.hasID { row.id = Data(id.bytes) }
        if let holder = entry?.lastHolder { row.lastHolder = holder } else { row.clearLastHolder() }
        if let app = state.apps.name(of: path, lastHolder: entry?.lastHolder) { row.app = app } else { row.clearApp() }
        row.session = state.sessions[path] == nil ? .locked : .unlocked
    }

    /// Remembers which program has the database open, so that it can be told whose it is when it has ended.
    private static func noteHolder(
        _ ownership: Ownership, of database: LocatedDatabase, _ row: inout WireDatabaseRow, _ state: AgentState
    ) {
        guard database.entry != nil,
            let holder = ownership.holders.first(where: { $0.isExclusive && $0.processID != state.processID }),
            let program = holder.executable?.displayString, program != database.entry?.lastHolder
        else { return }
        row.lastHolder = program
        if let app = state.apps.name(of: database.path, lastHolder: program) { row.app = app }
        do throws(CatalogError) {
            try state.catalog.note(holder: program, of: database.path)
        } catch {
            state.log.warning("holder not noted", metadata: ["reason": "\(error)"])
        }
    }

    private static func fill(
        _ row: inout WireDatabaseRow, from summary: FileSummary, _ twins: Twins?, _ state: AgentState
    ) {
        if let id = summary.identity {
            row.id = Data(id.bytes)
            twins?.note(in: &row, id: id)
        }
        row.size = summary.status.totalSize
        if let count = summary.recordCount { row.records = UInt64(clamping: count) }
        row.recordsEstimated = summary.recordCountIsEstimate
        row.ownership = WireOwnership(summary.ownership, of: state)
        row.modified = summary.status.modified
        if let problem = summary.metadataProblem {
            row.state = .damaged
            row.reason = problem.description
        } else if let damage = summary.findings.first(where: { $0.severity == .damage }) {
            row.state = .damaged
            row.reason = damage.message
        }
    }
}

extension WireLeftover {
    init(_ leftover: BlazeEngine.Leftover) {
        self.init()
        path = Data(leftover.path.bytes)
        kind = leftover.kind.rawValue
        size = leftover.size
    }
}

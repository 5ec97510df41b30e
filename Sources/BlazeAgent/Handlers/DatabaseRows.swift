internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Foundation
internal import SystemPackage

/// The row by which a database appears in every answer.
enum DatabaseRows {
    /// The row of a database, with what its files say unless `withContents` is false.
    static func row(
        for database: LocatedDatabase, withContents: Bool = true, in storage: (any Storage)? = nil, _ state: AgentState
    ) -> WireDatabaseRow {
        var row = WireDatabaseRow()
        row.path = Data(database.path.bytes)
        if let entry = database.entry {
            if let alias = entry.alias { row.alias = alias }
            row.tags = entry.tags.sorted()
            if let id = entry.id { row.id = Data(id.bytes) }
        }
        row.session = state.sessions[database.path] == nil ? .locked : .unlocked
        row.state = .ok
        guard withContents else {
            if let session = state.sessions[database.path] { row.id = Data(session.identity.bytes) }
            return row
        }
        do throws(EngineError) {
            fill(&row, from: try FileSummary.read(database.files, in: storage ?? state.storage))
        } catch {
            row.state = error.code == .notFound ? .missing : .unreadable
            row.reason = error.description
        }
        return row
    }

    /// The row of a database whose files were read already.
    static func row(for database: LocatedDatabase, summary: FileSummary, _ state: AgentState) -> WireDatabaseRow {
        var row = row(for: database, withContents: false, state)
        fill(&row, from: summary)
        return row
    }

    private static func fill(_ row: inout WireDatabaseRow, from summary: FileSummary) {
        if let id = summary.identity { row.id = Data(id.bytes) }
        row.size = summary.status.totalSize
        if let count = summary.recordCount { row.records = UInt64(clamping: count) }
        row.recordsEstimated = summary.recordCountIsEstimate
        row.ownership = WireOwnership(summary.ownership)
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

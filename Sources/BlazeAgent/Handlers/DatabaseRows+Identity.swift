internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Foundation
internal import SystemPackage

extension Sighting {
    /// A database whose files were looked at.
    init(_ path: FilePath, _ summary: FileSummary) {
        self.init(path: path, id: summary.identity, file: summary.status.data?.identity)
    }
}

extension DatabaseRows {
    /// Whether there is a database at a path; one that cannot be looked at counts as there.
    static func exists(_ path: FilePath, in storage: any Storage) -> Bool {
        do throws(EngineError) {
            _ = try FileSummary.read(FileSet(data: path), in: storage)
            return true
        } catch {
            return error.code != .notFound
        }
    }

    /// Notes in a row that its database was found moved.
    static func note(_ recognition: Recognition, in row: inout WireDatabaseRow) {
        guard let old = recognition.movedFrom else { return }
        row.movedFrom = Data(old.bytes)
        row.movedAsFile = recognition.isSameFile
    }

    /// Wipes the key that was kept for the path that a database has left.
    static func endSession(before recognition: Recognition, _ state: AgentState) {
        if let old = recognition.movedFrom { _ = state.sessions.lock(old) }
    }

    /// Notes in each of all known databases' rows which others have the same id.
    static func noteTwins(in rows: inout [WireDatabaseRow]) {
        var alike: [Data: [Data]] = [:]
        for row in rows where row.hasID && row.state != .missing { alike[row.id, default: []].append(row.path) }
        for index in rows.indices {
            let row = rows[index]
            guard row.hasID, row.state != .missing, let paths = alike[row.id], paths.count > 1 else {
                if !row.twins.isEmpty { rows[index].twins = [] }
                continue
            }
            rows[index].twins = paths.filter { $0 != row.path }
        }
    }
}

/// Which known databases have the same id, as the catalogue has them now.
struct Twins {
    private let paths: [DatabaseID: [FilePath]]
    private let storage: any Storage

    init(_ state: AgentState) {
        var paths: [DatabaseID: [FilePath]] = [:]
        for entry in state.catalog.entries() {
            if let id = entry.id { paths[id, default: []].append(entry.path) }
        }
        self.paths = paths
        storage = state.storage
    }

    /// The data files of the other databases with this id that are there.
    func others(than path: FilePath, id: DatabaseID) -> [FilePath] {
        (paths[id] ?? []).filter { $0 != path && DatabaseRows.exists($0, in: storage) }
    }
}

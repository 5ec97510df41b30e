internal import BlazeEngine
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

extension Sighting {
    /// A database whose files were looked at.
    init(_ path: FilePath, _ summary: FileSummary) {
        self.init(path: path, id: summary.identity, file: summary.status.data?.identity)
    }
}

extension DatabaseRows {
    /// Whether there is a database at a path; one that cannot be looked at counts as there.
    static func exists(_ path: FilePath, in storage: any Storage) -> Bool {
        do throws(StorageError) {
            if try storage.status(of: path) != nil { return true }
        } catch {
            return true
        }
        // Its data file may be moved aside.
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

    /// How many twins a row names, at most: of thousands of copies each would name all others.
    static let twinLimit = 16

    /// Notes in each of all known databases' rows, which stand in the order of their paths, which others have the same id.
    static func noteTwins(in rows: inout [WireDatabaseRow]) {
        var alike: [Data: [Data]] = [:]
        for row in rows where row.hasID && row.state != .missing { alike[row.id, default: []].append(row.path) }
        for index in rows.indices {
            let row = rows[index]
            let paths = row.hasID && row.state != .missing ? alike[row.id] ?? [] : []
            let twins = paths.count > 1 ? Array(paths.lazy.filter { $0 != row.path }.prefix(twinLimit)) : []
            let count = UInt32(clamping: max(paths.count - 1, 0))
            if row.twins != twins { rows[index].twins = twins }
            if row.twinCount != count { rows[index].twinCount = count }
        }
    }
}

/// Which known databases have the same id, as the catalogue has them now and as far as they are there.
final class Twins {
    private let known: [DatabaseID: [FilePath]]
    private var there: [DatabaseID: Alike] = [:]
    private let storage: any Storage

    init(_ state: AgentState) {
        var known: [DatabaseID: [FilePath]] = [:]
        for entry in state.catalog.entries() {
            if let id = entry.id { known[id, default: []].append(entry.path) }
        }
        self.known = known
        storage = state.storage
    }

    /// Notes in a row which others have its id.
    func note(in row: inout WireDatabaseRow, id: DatabaseID) {
        let alike = there[id] ?? Alike((known[id] ?? []).filter { DatabaseRows.exists($0, in: storage) })
        there[id] = alike
        let own = row.path
        row.twins = Array(alike.first.filter { $0 != own }.prefix(DatabaseRows.twinLimit))
        let isAmong = FilePath(bytes: [UInt8](row.path)).map(alike.all.contains) ?? false
        row.twinCount = UInt32(clamping: alike.all.count - (isAmong ? 1 : 0))
    }

    /// Databases with one id: as many as a row may need to name, and all.
    private struct Alike {
        let first: [Data]
        let all: Set<FilePath>

        init(_ paths: [FilePath]) {
            first = paths.prefix(DatabaseRows.twinLimit + 1).map { Data($0.bytes) }
            all = Set(paths)
        }
    }
}

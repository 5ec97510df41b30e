public import BlazeModel
public import BlazePlatform
public import SystemPackage

/// A database as it was come upon: where, which, and in which file.
public struct Sighting: Sendable, Equatable {
    /// The data file's canonical path.
    public var path: FilePath
    /// The database's id; nil when it cannot be told.
    public var id: DatabaseID?
    /// The data file; nil when it is not in its place.
    public var file: FileIdentity?

    /// A sighting.
    public init(path: FilePath, id: DatabaseID?, file: FileIdentity?) {
        self.path = path
        self.id = id
        self.file = file
    }
}

/// How the catalogue took a sighting.
public struct Recognition: Sendable, Equatable {
    /// The entry as it is now.
    public internal(set) var entry: CatalogEntry
    /// Where the database was known before; nil when it was not, or still is where it was.
    public var movedFrom: FilePath?
    /// Whether the data file is the one known before. Otherwise only the salt tells that it is the same database, as after
    /// a restore from a copy.
    public var isSameFile = false
}

extension Catalog {
    /// Takes databases down that were come upon.
    ///
    /// The same path and salt is the same database, whatever inode the data file has now: compacting and restoring
    /// replace it. A new path with the id of a known database is that one, moved, when the known path is empty and
    /// either the inode agrees or no other new path could be meant; else it is another database, a copy.
    ///
    /// - Parameters:
    ///   - isAll: whether all new paths are among these. Without that, one that only the salt ties to a missing database
    ///     is left undecided, because the moved one may still be to come.
    ///   - exists: whether there is a database at a path.
    /// - Returns: for each sighting how it was taken; nil for one left undecided, which is to be brought again.
    public func recognize(
        _ sightings: [Sighting], isAll: Bool, exists: (FilePath) -> Bool
    ) throws(CatalogError) -> [Recognition?] {
        try change { map throws(CatalogError) in
            try self.take(sightings, isAll: isAll, exists: exists, into: &map)
        }
    }

    /// Takes one database down, and gives it an alias where one is given, by one change.
    public func recognize(
        _ sighting: Sighting, alias: String?, exists: (FilePath) -> Bool
    ) throws(CatalogError) -> Recognition {
        try change { map throws(CatalogError) in
            let taken = try self.take([sighting], isAll: true, exists: exists, into: &map)
            guard var recognition = taken.first ?? nil else {
                throw CatalogError(.notFound, "\(sighting.path.displayString) could not be taken down")
            }
            if let alias {
                var draft = Draft(map: map)
                recognition.entry = try draft.name(recognition.entry, alias)
                map = draft.map
            }
            return recognition
        }
    }

    private func take(
        _ sightings: [Sighting], isAll: Bool, exists: (FilePath) -> Bool, into map: inout [FilePath: CatalogEntry]
    ) throws(CatalogError) -> [Recognition?] {
        let moves = Moves(sightings, in: map, isAll: isAll, exists: exists)
        var draft = Draft(map: map)
        var out: [Recognition?] = []
        for (index, sighting) in sightings.enumerated() {
            switch moves.verdicts[index] {
            case .moved(let old, let isSameFile):
                if let entry = draft.move(old, to: sighting) {
                    out.append(Recognition(entry: entry, movedFrom: old, isSameFile: isSameFile))
                    continue
                }
            case .undecided:
                out.append(nil)
                continue
            case nil: break
            }
            out.append(Recognition(entry: try draft.add(sighting, now: now())))
        }
        map = draft.map
        return out
    }
}

/// Which of some sightings are known databases that have moved.
private struct Moves {
    enum Verdict {
        case moved(FilePath, isSameFile: Bool)
        case undecided
    }

    /// By the sighting's index; none for a sighting that is no move.
    private(set) var verdicts: [Int: Verdict] = [:]

    init(
        _ sightings: [Sighting], in map: [FilePath: CatalogEntry], isAll: Bool, exists: (FilePath) -> Bool
    ) {
        var known: [DatabaseID: [CatalogEntry]] = [:]
        for entry in map.values {
            if let id = entry.id { known[id, default: []].append(entry) }
        }
        var new: [DatabaseID: [Int]] = [:]
        for (index, sighting) in sightings.enumerated() where map[sighting.path] == nil {
            if let id = sighting.id { new[id, default: []].append(index) }
        }
        for (id, indexes) in new {
            var missing = (known[id] ?? []).filter { !exists($0.path) }
            var open = indexes
            for entry in missing {
                guard let file = entry.file else { continue }
                let same = open.filter { sightings[$0].file == file }
                // Two names of one file do not tell which of them is the one that it was moved to.
                guard same.count == 1 else { continue }
                verdicts[same[0]] = .moved(entry.path, isSameFile: true)
                missing.removeAll { $0.path == entry.path }
                open.removeAll { $0 == same[0] }
            }
            guard !missing.isEmpty else { continue }
            if !isAll {
                for index in open { verdicts[index] = .undecided }
            } else if missing.count == 1, open.count == 1 {
                verdicts[open[0]] = .moved(missing[0].path, isSameFile: false)
            }
        }
    }
}

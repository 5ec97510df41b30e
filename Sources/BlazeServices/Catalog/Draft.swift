internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

/// The catalogue's map while one change is made to it, with what many additions need again and again.
struct Draft {
    var map: [FilePath: CatalogEntry]
    private lazy var aliases = Set(map.values.compactMap(\.alias))

    init(map: [FilePath: CatalogEntry]) {
        self.map = map
    }

    /// Brings the entry of a path up to date; makes one where there is none.
    mutating func add(_ sighting: Sighting, now: Int64) throws(CatalogError) -> CatalogEntry {
        let path = sighting.path
        var entry: CatalogEntry
        if let known = map[path] {
            entry = known
        } else {
            guard map.count < Catalog.capacity else {
                throw CatalogError(
                    .full, "the catalogue holds \(Catalog.capacity) databases, which is all that it may",
                    hint: "forget some: blazectl db forget")
            }
            entry = CatalogEntry(path: path, id: nil, alias: freeAlias(for: path), addedAt: now)
            if let alias = entry.alias { aliases.insert(alias) }
        }
        if let id = sighting.id { entry.id = id }
        if let file = sighting.file { entry.file = file }
        map[path] = entry
        return entry
    }

    /// Gives an entry an alias.
    mutating func name(_ entry: CatalogEntry, _ alias: String) throws(CatalogError) -> CatalogEntry {
        var entry = entry
        entry.alias = try Self.checked(alias, for: entry.path, in: map)
        map[entry.path] = entry
        return entry
    }

    /// Takes an entry to the path at which its database was sighted. Alias and tags come along.
    mutating func move(_ old: FilePath, to sighting: Sighting) -> CatalogEntry? {
        guard var entry = map.removeValue(forKey: old) else { return nil }
        entry.path = sighting.path
        if let file = sighting.file { entry.file = file }
        map[sighting.path] = entry
        return entry
    }

    /// An alias that is in order and not another database's.
    static func checked(
        _ alias: String, for path: FilePath, in map: [FilePath: CatalogEntry]
    ) throws(CatalogError) -> String {
        try Catalog.check(alias: alias)
        if let other = map.values.first(where: { $0.alias == alias && $0.path != path }) {
            throw CatalogError(.aliasTaken, "\(alias) is the alias of \(other.path.displayString) already")
        }
        return alias
    }

    /// The file's name; when that is taken, with its directory's name before it, then with a number behind. Nil when no
    /// such text can be an alias.
    private mutating func freeAlias(for path: FilePath) -> String? {
        let taken = aliases
        func isFree(_ alias: String) -> Bool { CatalogEntry.isValid(alias: alias) && !taken.contains(alias) }
        let file = Self.text(path.withoutExtension.lastComponent)
        if isFree(file) { return file }
        let directory = Self.text(path.removingLastComponent().lastComponent)
        if isFree("\(directory)-\(file)") { return "\(directory)-\(file)" }
        guard CatalogEntry.isValid(alias: file) else { return nil }
        return (2...Catalog.capacity + 1).lazy.map { "\(file)-\($0)" }.first(where: isFree)
    }

    private static func text(_ component: FilePath.Component?) -> String {
        component.map { FilePath(root: nil, [$0]).displayString } ?? ""
    }
}

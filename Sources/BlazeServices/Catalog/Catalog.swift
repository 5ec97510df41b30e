public import BlazeModel
internal import BlazePlatform
internal import Synchronization
public import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The known databases, kept in one JSON file.
///
/// Two locks: the map's is held for memory work only, so that a reader never waits for the disk; the writer's makes
/// changes happen one after another and their files follow in the same order. A change counts only when it is on disk.
public final class Catalog: Sendable {
    /// The most databases that it holds.
    public static let capacity = 10_000
    /// The most tags that a database has.
    public static let tagCapacity = 64
    /// The longest file that is read, in bytes.
    public static let sizeLimit: UInt64 = 64 << 20

    private let file: FilePath
    private let map: Mutex<[FilePath: CatalogEntry]>
    private let writing = Mutex(())
    let now: @Sendable () -> Int64
    /// Told after every change.
    public let changes = ChangeNotices()

    /// A catalogue with these entries, whose changes go to `file`.
    public init(file: FilePath, entries: [CatalogEntry], now: @escaping @Sendable () -> Int64) {
        self.file = file
        map = Mutex(Dictionary(entries.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first }))
        self.now = now
    }

    /// The catalogue of a file; an empty one when it is missing.
    ///
    /// A file that is not a catalogue, or one of a version that is not known here, is set aside whole, and the warnings
    /// say where: it is no reason not to start.
    ///
    /// - Throws: `writeFailed`, also for a file that cannot be read.
    public static func load(
        from file: FilePath,
        now: @escaping @Sendable () -> Int64 = wallClock
    ) throws(CatalogError) -> (catalog: Catalog, warnings: [String]) {
        let storage = PosixStorage()
        var bytes: [UInt8] = []
        do throws(StorageError) {
            guard try storage.status(of: file) != nil else {
                return (Catalog(file: file, entries: [], now: now), [])
            }
            let open = try storage.open(file)
            let size = try open.status().size
            if size <= sizeLimit { bytes = try open.bytes(count: Int(size), at: 0) }
        } catch {
            throw CatalogError(.writeFailed, "the catalogue cannot be read: \(error)")
        }
        guard let version = try? JSONDecoder().decode(VersionOnly.self, from: Data(bytes)).version else {
            return try setAside(file, "was damaged", now: now)
        }
        guard version == StoredCatalog.currentVersion else {
            return try setAside(file, "is of version \(version), which this agent does not know,", now: now)
        }
        guard let stored = try? JSONDecoder().decode(StoredCatalog.self, from: Data(bytes)) else {
            return try setAside(file, "was damaged", now: now)
        }
        let entries = stored.databases.compactMap(\.entry)
        let lost = stored.databases.count - entries.count
        let warnings = lost == 0 ? [] : ["\(lost) entries of \(file.displayString) make no sense and were left out"]
        return (Catalog(file: file, entries: Array(entries.prefix(capacity)), now: now), warnings)
    }

    /// Whole seconds since 1970.
    public static let wallClock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }

    private struct VersionOnly: Decodable { let version: Int }

    private static func setAside(
        _ file: FilePath, _ why: String, now: @escaping @Sendable () -> Int64
    ) throws(CatalogError) -> (catalog: Catalog, warnings: [String]) {
        let aside = file.appendingSuffix(".aside-\(now())")
        do throws(StorageError) {
            try AtomicFile.rename(file, to: aside)
        } catch {
            throw CatalogError(.writeFailed, "the catalogue \(why) and cannot be set aside: \(error)")
        }
        let warning = "the catalogue \(why) and has been set aside as \(aside.displayString)"
        return (Catalog(file: file, entries: [], now: now), [warning])
    }

    // MARK: Looking

    /// All entries, by path.
    public func entries() -> [CatalogEntry] {
        map.withLock { Array($0.values) }.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
    }

    /// The entry of a canonical path.
    public func entry(at path: FilePath) -> CatalogEntry? { map.withLock { $0[path] } }

    /// The entry of an alias.
    public func entry(alias: String) -> CatalogEntry? {
        map.withLock { map in map.values.first { $0.alias == alias } }
    }

    /// The entry that an alias, or the first 6 or more digits of an id, names.
    ///
    /// - Throws: `notFound`, `ambiguous`.
    public func resolve(_ text: String) throws(CatalogError) -> CatalogEntry {
        if let entry = entry(alias: text) { return entry }
        let matches = entries().filter { $0.id?.matches(prefix: text) ?? false }
        guard let first = matches.first else {
            throw CatalogError(.notFound, "no database is known as \(FilePath.displayString(Array(text.utf8)))")
        }
        guard matches.count == 1 else {
            let names = matches.prefix(5).map(\.path.displayString).joined(separator: ", ")
            throw CatalogError(
                .ambiguous,
                "\(text) stands for \(matches.count) databases: \(names)\(matches.count > 5 ? ", ..." : "")",
                hint: "use an alias or a path")
        }
        return first
    }

    // MARK: Changing

    /// Makes a database known, or brings its entry up to date.
    ///
    /// - Parameter alias: nil for one made of the file's name when the database is new.
    public func add(path: FilePath, id: DatabaseID?, alias: String?) throws(CatalogError) -> CatalogEntry {
        try change { map throws(CatalogError) in
            var draft = Draft(map: map)
            defer { map = draft.map }
            let entry = try draft.add(Sighting(path: path, id: id, file: nil), now: self.now())
            guard let alias else { return entry }
            return try draft.name(entry, alias)
        }
    }

    /// Takes down which executable was seen holding a database. One that is not known, or was last held by the same, is
    /// left alone, so that the file is written only when there is news.
    public func note(holder executable: String, of path: FilePath) throws(CatalogError) {
        guard let entry = entry(at: path), entry.lastHolder != executable else { return }
        try change { map throws(CatalogError) in map[path]?.lastHolder = executable }
    }

    /// Takes an entry out.
    public func forget(_ entry: CatalogEntry) throws(CatalogError) {
        try change { map throws(CatalogError) in
            guard map.removeValue(forKey: entry.path) != nil else { throw Self.gone(entry) }
        }
    }

    /// Gives an entry another alias.
    public func setAlias(_ alias: String, of entry: CatalogEntry) throws(CatalogError) -> CatalogEntry {
        try change { map throws(CatalogError) in
            guard var current = map[entry.path] else { throw Self.gone(entry) }
            current.alias = try Draft.checked(alias, for: entry.path, in: map)
            map[entry.path] = current
            return current
        }
    }

    /// Puts tags on an entry and takes others off.
    public func changeTags(
        of entry: CatalogEntry, adding: [String], removing: [String]
    ) throws(CatalogError) -> CatalogEntry {
        for tag in adding where !CatalogEntry.isValid(tag: tag) {
            throw CatalogError(
                .invalidTag, "\(FilePath.displayString(Array(tag.utf8))) cannot be a tag",
                hint: "a tag has 1 to 64 letters, digits, dots, underscores or hyphens")
        }
        return try change { map throws(CatalogError) in
            guard var current = map[entry.path] else { throw Self.gone(entry) }
            current.tags = current.tags.union(adding).subtracting(removing)
            guard current.tags.count <= Self.tagCapacity else {
                throw CatalogError(.invalidTag, "a database has at most \(Self.tagCapacity) tags")
            }
            map[entry.path] = current
            return current
        }
    }

    /// Makes one change: on a copy, then on disk, then in the map, so that a change that cannot be kept does not count.
    func change<R: Sendable>(
        _ body: (inout [FilePath: CatalogEntry]) throws(CatalogError) -> R
    ) throws(CatalogError) -> R {
        var isNew = false
        let result = writing.withLock { _ -> Result<R, CatalogError> in
            let before = map.withLock { $0 }
            var copy = before
            do throws(CatalogError) {
                let result = try body(&copy)
                isNew = copy != before
                if isNew { try write(copy) }
                map.withLock { $0 = copy }
                return .success(result)
            } catch {
                isNew = false
                return .failure(error)
            }
        }
        if isNew { changes.tell() }
        return try result.get()
    }

    private func write(_ map: [FilePath: CatalogEntry]) throws(CatalogError) {
        let stored = StoredCatalog(
            version: StoredCatalog.currentVersion,
            databases: map.values.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
                .map(StoredEntry.init))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do {
            bytes = Array(try encoder.encode(stored)) + [UInt8(ascii: "\n")]
        } catch {
            throw CatalogError(.writeFailed, "the catalogue cannot be written as JSON")
        }
        do throws(StorageError) {
            try PrivateDirectory.ensure(file.removingLastComponent())
            try AtomicFile.write(bytes, to: file)
        } catch {
            throw CatalogError(.writeFailed, "the catalogue cannot be written: \(error)")
        }
    }

    /// Refuses a text that cannot be an alias.
    public static func check(alias: String) throws(CatalogError) {
        guard !CatalogEntry.isValid(alias: alias) else { return }
        throw CatalogError(
            .invalidAlias, "\(FilePath.displayString(Array(alias.utf8))) cannot be an alias",
            hint: "an alias has 1 to 64 letters, digits, dots, underscores or hyphens, "
                + "starts with no dot or hyphen, and does not look like an id")
    }

    private static func gone(_ entry: CatalogEntry) -> CatalogError {
        CatalogError(.notFound, "\(entry.path.displayString) is not in the catalogue any more")
    }
}

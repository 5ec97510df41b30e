import BlazeModel
import BlazePlatform
import BlazeServices
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// Which database a sighting is of: the known one, the known one moved, or another.
@Suite struct SightingTests {
    let directory: TemporaryDirectory
    let catalog: Catalog

    init() throws {
        directory = try TemporaryDirectory()
        catalog = try Catalog.load(from: directory.path.appending("c").appending("catalog.json"), now: { 7 }).catalog
    }

    static func sighting(_ path: String, id: UInt8? = 1, inode: UInt64? = 10) -> Sighting {
        Sighting(
            path: FilePath(path), id: id.flatMap { DatabaseID(bytes: [UInt8](repeating: $0, count: 16)) },
            file: inode.map { FileIdentity(device: 5, inode: $0) })
    }

    @discardableResult
    func see(_ sightings: Sighting..., isAll: Bool = true, there: [FilePath] = []) throws -> [Recognition?] {
        let paths = Set(there + sightings.map(\.path))
        return try catalog.recognize(sightings, isAll: isAll) { paths.contains($0) }
    }

    func known() -> [String] { catalog.entries().map { "\($0.alias ?? "-"):\($0.path.string)" } }

    @Test func aMovedFileKeepsAliasAndTags() throws {
        let first = try #require(try see(Self.sighting("/a/x.blazedb"))[0]).entry
        _ = try catalog.setAlias("mine", of: first)
        _ = try catalog.changeTags(of: first, adding: ["t"], removing: [])
        try catalog.note(holder: "/usr/bin/app", of: "/a/x.blazedb")
        let moved = try #require(try see(Self.sighting("/b/y.blazedb"))[0])
        #expect(moved.movedFrom == "/a/x.blazedb" && moved.isSameFile)
        #expect(moved.entry.tags == ["t"] && moved.entry.lastHolder == "/usr/bin/app" && moved.entry.addedAt == 7)
        #expect(known() == ["mine:/b/y.blazedb"])
        let again = try Catalog.load(from: directory.path.appending("c").appending("catalog.json")).catalog
        #expect(again.entries() == catalog.entries())
    }

    @Test func anotherFileWithTheSameSaltIsTakenForIt() throws {
        try see(Self.sighting("/a/x.blazedb"))
        let moved = try #require(try see(Self.sighting("/b/x.blazedb", inode: 99))[0])
        #expect(moved.movedFrom == "/a/x.blazedb" && !moved.isSameFile)
        #expect(catalog.entries().first?.file?.inode == 99)
    }

    @Test func aCopyBesideTheOriginalIsAnotherDatabase() throws {
        try see(Self.sighting("/a/x.blazedb"))
        let copy = try #require(try see(Self.sighting("/b/x.blazedb", inode: 11), there: ["/a/x.blazedb"])[0])
        #expect(copy.movedFrom == nil)
        #expect(known() == ["x:/a/x.blazedb", "b-x:/b/x.blazedb"])
    }

    @Test func ofTwoNewPathsTheInodeTellsTheMovedOne() throws {
        try see(Self.sighting("/a/x.blazedb"))
        let seen = try see(Self.sighting("/b/x.blazedb", inode: 99), Self.sighting("/c/x.blazedb"))
        #expect(seen.map { $0?.movedFrom } == [nil, "/a/x.blazedb"])
        #expect(known() == ["b-x:/b/x.blazedb", "x:/c/x.blazedb"])
    }

    @Test func ofTwoNewPathsWithoutItsInodeNeitherIs() throws {
        try see(Self.sighting("/a/x.blazedb"))
        let seen = try see(Self.sighting("/b/x.blazedb", inode: 98), Self.sighting("/c/x.blazedb", inode: 99))
        #expect(seen.allSatisfy { $0 != nil && $0?.movedFrom == nil })
        #expect(catalog.entries().count == 3)
    }

    @Test func hardLinksDoNotTell() throws {
        try see(Self.sighting("/a/x.blazedb"))
        let seen = try see(Self.sighting("/b/x.blazedb"), Self.sighting("/c/x.blazedb"))
        #expect(seen.allSatisfy { $0 != nil && $0?.movedFrom == nil })
    }

    @Test func beforeTheEndOnlyTheInodeDecides() throws {
        try see(Self.sighting("/a/x.blazedb"))
        #expect(try see(Self.sighting("/b/x.blazedb", inode: 99), isAll: false) == [nil])
        #expect(known() == ["x:/a/x.blazedb"])
        let moved = try see(Self.sighting("/c/x.blazedb"), isAll: false)
        #expect(moved[0]?.movedFrom == "/a/x.blazedb")
        // What was left undecided is a copy now.
        #expect(try see(Self.sighting("/b/x.blazedb", inode: 99), there: ["/c/x.blazedb"])[0]?.movedFrom == nil)
    }

    @Test func anotherInodeAtTheSamePathIsTheSameDatabase() throws {
        try see(Self.sighting("/a/x.blazedb"))
        let seen = try #require(try see(Self.sighting("/a/x.blazedb", inode: 77))[0])
        #expect(seen.movedFrom == nil && catalog.entries().count == 1 && catalog.entries()[0].file?.inode == 77)
        // While its data file is moved aside, the last one seen is remembered.
        try see(Self.sighting("/a/x.blazedb", inode: nil))
        #expect(catalog.entries()[0].file?.inode == 77)
    }

    @Test func whatHasNoIDNeverMoves() throws {
        try see(Self.sighting("/a/x.blazedb", id: nil))
        #expect(try see(Self.sighting("/b/x.blazedb", id: nil))[0]?.movedFrom == nil)
        #expect(catalog.entries().count == 2)
    }

    @Test func anAliasThatIsTakenChangesNothing() throws {
        try see(Self.sighting("/a/x.blazedb"))
        #expect(throws: CatalogError(.aliasTaken, "")) {
            try catalog.recognize(Self.sighting("/b/y.blazedb", id: 2), alias: "x") { _ in true }
        }
        #expect(known() == ["x:/a/x.blazedb"])
        #expect(
            try catalog.recognize(Self.sighting("/b/y.blazedb", id: 2), alias: "z") { _ in true }.entry.alias == "z")
    }

    @Test func aHolderIsWrittenOnlyWhenItIsNews() throws {
        let told = Mutex(0)
        _ = catalog.changes.add { told.withLock { $0 += 1 } }
        try see(Self.sighting("/a/x.blazedb"))
        for _ in 0..<3 { try catalog.note(holder: "/bin/app", of: "/a/x.blazedb") }
        try catalog.note(holder: "/bin/app", of: "/nowhere.blazedb")
        #expect(told.withLock { $0 } == 2)
        try see(Self.sighting("/a/x.blazedb"))
        #expect(told.withLock { $0 } == 2, "seeing the same again is no change")
    }

    @Test func manyAtOnceHaveAliasesOfTheirOwn() throws {
        let sightings = (0..<3000).map { Self.sighting("/d\($0 % 40)/\($0)/x.blazedb", id: nil, inode: UInt64($0)) }
        _ = try catalog.recognize(sightings, isAll: true) { _ in true }
        let aliases = catalog.entries().compactMap(\.alias)
        #expect(aliases.count == 3000 && Set(aliases).count == 3000)
    }
}

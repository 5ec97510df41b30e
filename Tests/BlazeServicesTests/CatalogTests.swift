import BlazeModel
import BlazePlatform
import BlazeServices
import Dispatch
import Foundation
import SystemPackage
import Synchronization
import TestSupport
import Testing

@Suite struct CatalogTests {
    let directory: TemporaryDirectory
    var file: FilePath { directory.path.appending("data").appending("catalog.json") }

    init() throws {
        directory = try TemporaryDirectory()
    }

    func load() throws -> Catalog { try Catalog.load(from: file, now: { 1_700_000_000 }).catalog }
    static func id(_ first: UInt8, _ last: UInt8 = 0) -> DatabaseID? {
        DatabaseID(bytes: [first] + [UInt8](repeating: 0xAA, count: 14) + [last])
    }

    @Test func changesAreOnDisk() throws {
        let catalog = try load()
        let entry = try catalog.add(path: "/d/notes.blazedb", id: Self.id(1), alias: nil)
        #expect(entry.alias == "notes" && entry.addedAt == 1_700_000_000)
        _ = try catalog.setAlias("n2", of: entry)
        _ = try catalog.changeTags(of: entry, adding: ["b", "a"], removing: [])
        #expect(try load().entries() == catalog.entries())
        #expect(try load().entry(alias: "n2")?.tags == ["a", "b"])
        #expect(try PosixStorage().status(of: file)?.mode == 0o600)
        try catalog.forget(entry)
        #expect(try load().entries().isEmpty)
        #expect(throws: CatalogError(.notFound, "")) { try catalog.forget(entry) }
    }

    @Test func pathsNeedNotBeText() throws {
        let path = try #require(FilePath(bytes: Array("/d/a".utf8) + [0xFF, 0x0A] + Array(".blazedb".utf8)))
        let entry = try load().add(path: path, id: nil, alias: nil)
        #expect(entry.alias == nil)
        #expect(try load().entries() == [entry])
    }

    @Test func aliasesAreMadeAndUnique() throws {
        let catalog = try load()
        let paths: [FilePath] = [
            "/a/db.blazedb", "/b/db.blazedb", "/c/b/db.blazedb", "/x y/db.blazedb", "/n/a b.blazedb",
        ]
        let aliases = try paths.map { try catalog.add(path: $0, id: nil, alias: nil).alias }
        #expect(aliases == ["db", "b-db", "db-2", "db-3", nil])
        #expect(throws: CatalogError(.aliasTaken, "")) { try catalog.add(path: "/e.blazedb", id: nil, alias: "db") }
        #expect(catalog.entries().count == 5)
        // Adding again brings the entry up to date and keeps the alias.
        #expect(try catalog.add(path: "/a/db.blazedb", id: Self.id(3), alias: nil).alias == "db")
        #expect(catalog.entry(at: "/a/db.blazedb")?.id == Self.id(3))
    }

    @Test(arguments: [
        "", "-a", ".a", "a/b", "a b", "@x", "abcdef", "0123456", "\u{E9}", String(repeating: "a", count: 65),
    ])
    func whatCannotBeAnAlias(_ alias: String) throws {
        let catalog = try load()
        #expect(throws: CatalogError(.invalidAlias, "")) { try catalog.add(path: "/d.blazedb", id: nil, alias: alias) }
        #expect(catalog.entries().isEmpty)
    }

    @Test func resolvingByAliasAndPrefix() throws {
        let catalog = try load()
        let one = try catalog.add(path: "/one.blazedb", id: Self.id(0x11, 1), alias: nil)
        let two = try catalog.add(path: "/two.blazedb", id: Self.id(0x11, 2), alias: nil)
        let three = try catalog.add(path: "/three.blazedb", id: Self.id(0x33), alias: nil)
        #expect(try catalog.resolve("one") == one)
        #expect(try catalog.resolve("33aaaa") == three)
        #expect(try catalog.resolve("33AAAA") == three)
        #expect(try catalog.resolve(two.id?.description ?? "") == two)
        #expect(throws: CatalogError(.ambiguous, "")) { try catalog.resolve("11aaaa") }
        #expect(throws: CatalogError(.notFound, "")) { try catalog.resolve("33aaa") }
        #expect(throws: CatalogError(.notFound, "")) { try catalog.resolve("") }
        #expect(throws: CatalogError(.notFound, "")) { try catalog.resolve("four") }
    }

    @Test func manyAtOnceAreOneChange() throws {
        let catalog = try load()
        let found = (0..<300).map { Sighting(path: FilePath("/d\($0)/db.blazedb"), id: Self.id(7), file: nil) }
        let entries = try catalog.recognize(found, isAll: true) { _ in true }.compactMap { $0?.entry }
        #expect(entries.map(\.path) == found.map(\.path) && Set(entries.compactMap(\.alias)).count == 300)
        #expect(try load().entries() == catalog.entries())
    }

    @Test func tags() throws {
        let catalog = try load()
        let entry = try catalog.add(path: "/d.blazedb", id: nil, alias: nil)
        #expect(throws: CatalogError(.invalidTag, "")) {
            try catalog.changeTags(of: entry, adding: ["a b"], removing: [])
        }
        let many = (0...Catalog.tagCapacity).map { "t\($0)" }
        #expect(throws: CatalogError(.invalidTag, "")) { try catalog.changeTags(of: entry, adding: many, removing: []) }
        #expect(try catalog.changeTags(of: entry, adding: ["x", "y"], removing: ["x"]).tags == ["y"])
    }

    @Test(arguments: [
        "", "{", "[]", "\0\0\0\0", "{\"version\":\"1\"}", "{\"version\":1,\"databases\":[3]}", "{\"version\":2}",
    ])
    func aDamagedFileIsSetAside(_ text: String) throws {
        try PrivateDirectory.ensure(file.removingLastComponent())
        try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
        let (catalog, warnings) = try Catalog.load(from: file, now: { 7 })
        #expect(catalog.entries().isEmpty && warnings.count == 1)
        let aside = try PosixStorage().open(file.appendingSuffix(".aside-7"))
        #expect(try aside.bytes(count: 100, at: 0) == Array(text.utf8))
        _ = try catalog.add(path: "/d.blazedb", id: nil, alias: nil)
        #expect(try load().entries().count == 1)
    }

    @Test func entriesThatMakeNoSenseAreLeftOut() throws {
        try PrivateDirectory.ensure(file.removingLastComponent())
        let text = """
            {"version":1,"databases":[{"path":"/ok.blazedb","tags":[],"added_at":1},
            {"path":"relative","tags":[],"added_at":1},{"path_hex":"2f6","tags":[],"added_at":1},
            {"path":"/b","alias":"a/b","tags":[],"added_at":1},{"tags":[],"added_at":1}]}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
        let (catalog, warnings) = try Catalog.load(from: file)
        #expect(catalog.entries().map(\.path) == ["/ok.blazedb"] && warnings.count == 1)
    }

    @Test func aChangeThatCannotBeKeptDoesNotCount() throws {
        // A file where the directory should be: nothing can be written, whoever runs the test.
        try directory.write([], to: "data")
        let catalog = Catalog(file: file, entries: [], now: { 0 })
        #expect(throws: CatalogError(.writeFailed, "")) { try catalog.add(path: "/d.blazedb", id: nil, alias: nil) }
        #expect(catalog.entries().isEmpty)
    }

    @Test func eightThreadsAtOnce() throws {
        let catalog = try load()
        let failures = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for i in 0..<10 {
                do {
                    let entry = try catalog.add(path: FilePath("/t\(thread)/f\(i).blazedb"), id: nil, alias: nil)
                    _ = try catalog.changeTags(of: entry, adding: ["t\(thread)"], removing: [])
                } catch {
                    failures.withLock { $0 += 1 }
                }
            }
        }
        #expect(failures.withLock { $0 } == 0)
        #expect(catalog.entries().count == 80)
        #expect(Set(catalog.entries().compactMap(\.alias)).count == 80)
        #expect(try load().entries() == catalog.entries())
    }
}

import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeEngine

/// Files become 0600 and their directory 0700, and what may be meant for others is left alone.
@Suite struct PermissionPlanTests {
    /// A database in a directory of its own, on the real file system.
    private struct World {
        let root: TemporaryDirectory
        let directory: FilePath
        var files: FileSet { FileSet(data: directory.appending("made.blazedb")) }

        init() throws {
            root = try TemporaryDirectory()
            directory = root.path.appending("app")
            try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: false)
            try set(0o755, directory)
            let builder = DatabaseBuilder()
            for (name, bytes) in [
                ("made.blazedb", []), ("made.meta", builder.metadata(payload: builder.payload)), ("made.salt", [1]),
            ] as [(String, [UInt8])] {
                try set(0o644, try root.write(bytes, to: "app/\(name)"))
            }
        }

        func set(_ mode: UInt16, _ path: FilePath) throws { try #require(chmod(path.string, mode_t(mode)) == 0) }
        func file(_ name: String) -> FilePath { directory.appending(name) }
        func mode(_ path: FilePath) throws -> UInt16? { try PermissionFacts.read(path)?.mode }
        func plan(takesDirectory: Bool = false, home: FilePath? = nil) throws -> PermissionPlan {
            try PermissionPlan(files, in: PosixStorage(), takesDirectory: takesDirectory, home: home)
        }
        /// What stands in the way of closing the directory.
        func obstacle(_ plan: PermissionPlan) -> String? {
            plan.changes.first { $0.facts.path == directory }?.obstacle
        }
    }

    @Test(arguments: [0o444, 0o400, 0o644, 0o700, 0o4600, 0o000] as [UInt16])
    func everyFileGetsExactlyTheMode(_ mode: UInt16) throws {
        let world = try World()
        try world.set(mode, world.file("made.salt"))
        let plan = try world.plan()
        #expect(plan.apply().allSatisfy { $0.failure == nil })
        for name in ["made.blazedb", "made.meta", "made.salt"] { #expect(try world.mode(world.file(name)) == 0o600) }
        #expect(try world.mode(world.directory) == 0o700)
        #expect(try world.plan().changes.isEmpty)
    }

    @Test func planningChangesNothing() throws {
        let world = try World()
        #expect(try world.plan().isNeeded)
        #expect(try world.mode(world.directory) == 0o755 && world.mode(world.file("made.meta")) == 0o644)
    }

    @Test func specialBitsOfADirectoryStay() throws {
        let world = try World()
        try world.set(0o2775, world.directory)
        #expect(try world.plan().apply().allSatisfy { $0.failure == nil })
        #expect(try world.mode(world.directory) == 0o2700)
    }

    @Test func otherThingsKeepTheDirectoryOpenUnlessAsked() throws {
        let world = try World()
        try world.root.write([1], to: "app/letters.txt")
        #expect(world.obstacle(try world.plan())?.contains("letters.txt") == true)
        #expect(world.obstacle(try world.plan(takesDirectory: true)) == nil)
    }

    @Test func anotherDatabaseIsNoOtherThingUnlessItIsAnotherUsers() throws {
        let world = try World()
        let other = try world.root.write([], to: "app/other.blazedb")
        #expect(world.obstacle(try world.plan()) == nil)
        try #require(chown(other.string, 4711, 4711) == 0)
        #expect(world.obstacle(try world.plan())?.contains("other users") == true)
        #expect(world.obstacle(try world.plan(takesDirectory: true)) == nil)
    }

    @Test func theHomeDirectoryIsClosedOnlyWhenAsked() throws {
        let world = try World()
        #expect(world.obstacle(try world.plan(home: world.directory))?.contains("home directory") == true)
        #expect(world.obstacle(try world.plan(takesDirectory: true, home: world.directory)) == nil)
        #expect(world.obstacle(try world.plan(home: world.root.path)) == nil)
    }

    @Test func stickyForeignAndLinkedDirectoriesAreNeverClosed() throws {
        let world = try World()
        try world.set(0o1777, world.directory)
        #expect(world.obstacle(try world.plan(takesDirectory: true))?.contains("sticky") == true)
        try world.set(0o755, world.directory)
        try #require(chown(world.directory.string, 4711, 4711) == 0)
        #expect(world.obstacle(try world.plan(takesDirectory: true))?.contains("4711") == true)
        try #require(chown(world.directory.string, geteuid(), getegid()) == 0)
        let link = world.root.path.appending("link")
        try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: world.directory.string)
        let plan = try PermissionPlan(
            FileSet(data: link.appending("made.blazedb")), in: PosixStorage(), takesDirectory: true)
        #expect(plan.changes.last?.obstacle?.contains("symbolic link") == true)
        #expect(try world.mode(world.directory) == 0o755)
    }

    @Test(arguments: ["/", "/etc", "/var/lib"] as [FilePath])
    func aDirectoryOfTheSystemIsNeverClosed(_ directory: FilePath) throws {
        let storage = MemoryStorage()
        let data = directory.appending("made.blazedb")
        storage[data] = []
        let plan = try PermissionPlan(FileSet(data: data), in: storage, takesDirectory: true) { path in
            let kind: PermissionFacts.Kind = path == data ? .regular : .directory
            guard path == data || data.starts(with: path) else { return nil }
            return PermissionFacts(
                path: path, kind: kind, mode: 0o755, owner: geteuid(), group: 0,
                identity: FileIdentity(device: 1, inode: UInt64(path.string.utf8.count)))
        }
        let change = try #require(plan.changes.last)
        #expect(change.facts.path == directory && change.obstacle == "it is a directory of the system")
    }

    @Test func aKeptSetIsClosedWithItsFiles() throws {
        let world = try World()
        let kept = world.file("made.before-repair-20260101T000000Z")
        try FileManager.default.createDirectory(atPath: kept.string, withIntermediateDirectories: false)
        try world.set(0o755, kept)
        try world.set(0o644, try world.root.write([1], to: "app/\(kept.lastComponent!)/made.blazedb"))
        #expect(try world.plan().apply().allSatisfy { $0.failure == nil })
        #expect(try world.mode(kept) == 0o700 && world.mode(kept.appending("made.blazedb")) == 0o600)
    }

    @Test func aFileThatTakesAnothersPlaceIsLeftAlone() throws {
        let world = try World()
        let plan = try world.plan()
        let meta = world.file("made.meta")
        // The old file stays, so that the new one cannot have its inode.
        try FileManager.default.moveItem(atPath: meta.string, toPath: world.root.path.appending("old").string)
        try world.set(0o644, try world.root.write([1], to: "app/made.meta"))
        let failed = plan.apply().filter { $0.failure != nil }.map(\.change.facts.path)
        #expect(failed == [meta])
        #expect(try world.mode(meta) == 0o644)
    }

    @Test func aLinkThatTakesAFilesPlaceIsNotFollowed() throws {
        let world = try World()
        let victim = try world.root.write([1], to: "victim")
        try world.set(0o644, victim)
        let plan = try world.plan()
        let meta = world.file("made.meta")
        try FileManager.default.removeItem(atPath: meta.string)
        try FileManager.default.createSymbolicLink(atPath: meta.string, withDestinationPath: victim.string)
        #expect(plan.apply().filter { $0.failure != nil }.map(\.change.facts.path) == [meta])
        #expect(try world.mode(victim) == 0o644)
    }

    @Test func whatIsChangedBackMeanwhileIsTold() throws {
        let world = try World()
        let meta = world.file("made.meta")
        let failed = try world.plan().apply { path throws(StorageError) in
            // As a save would that comes between the change and the look at it.
            if path == meta { chmod(meta.string, 0o644) }
            return try PermissionFacts.read(path)
        }.filter { $0.failure != nil }
        #expect(failed.map(\.change.facts.path) == [meta])
        #expect(failed.first?.failure?.contains("meanwhile") == true)
    }
}

import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct DirectoryWatchTests {
    let directory: TemporaryDirectory
    let root: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        root = try #require(directory.path.resolved)
    }

    /// The changes until `condition` holds of all of them together, or ten seconds have passed.
    private func changes(
        of watch: DirectoryWatch, until condition: (DirectoryWatch.Changes) -> Bool
    ) throws -> DirectoryWatch.Changes {
        let descriptor = try #require(watch.descriptor)
        var all = DirectoryWatch.Changes()
        let deadline = Deadline.after(.seconds(10))
        while !condition(all), deadline.millisecondsLeft > 0 {
            _ = waitForInput([descriptor], within: .milliseconds(Int(deadline.millisecondsLeft)))
            let some = watch.changes()
            all.entries.merge(some.entries) { $0.union($1) }
            all.newDirectories.formUnion(some.newDirectories)
            all.gone.formUnion(some.gone)
        }
        return all
    }

    #if os(Linux)
        @Test func tellsWhatAppearsChangesAndGoes() throws {
            let watch = DirectoryWatch()
            #expect(watch.add(root) && watch.add(root))
            try directory.write([1], to: "a.blazedb")
            try FileManager.default.createDirectory(
                atPath: root.appending("d").string, withIntermediateDirectories: false)
            let seen = try changes(of: watch) { !$0.newDirectories.isEmpty }
            #expect(seen.entries[root]?.contains(Array("a.blazedb".utf8)) == true)
            #expect(seen.newDirectories == [root.appending("d")] && !seen.isIncomplete)
            try FileManager.default.removeItem(atPath: root.appending("a.blazedb").string)
            let gone = try changes(of: watch) { $0.entries[root] != nil }
            #expect(gone.entries[root] == [Array("a.blazedb".utf8)] && gone.gone.isEmpty)
        }

        @Test(arguments: [true, false]) func tellsThatADirectoryIsGone(moved: Bool) throws {
            let below = root.appending("d")
            try FileManager.default.createDirectory(atPath: below.string, withIntermediateDirectories: false)
            let watch = DirectoryWatch()
            #expect(watch.add(below))
            if moved {
                try FileManager.default.moveItem(atPath: below.string, toPath: root.appending("e").string)
            } else {
                try FileManager.default.removeItem(atPath: below.string)
            }
            #expect(try changes(of: watch) { !$0.gone.isEmpty }.gone == [below])
            #expect(watch.watched.isEmpty && !watch.add(below))
        }
    #endif

    @Test func whatCannotBeWatchedIsSaid() {
        #expect(!DirectoryWatch().add(root.appending("absent")))
        let mounts = MountTable([("/", MountTable.Mount(type: "nfs"))])
        #expect(!DirectoryWatch(mounts: mounts).add(root))
        let without = DirectoryWatch(usesNotices: false)
        #expect(without.descriptor == nil && !without.add(root) && without.changes() == .init())
    }

    @Test func aWakePipeWakesUntilItIsCleared() throws {
        let pipe = try WakePipe()
        #expect(waitForInput([pipe.descriptor], within: .milliseconds(1)).isEmpty)
        for _ in 0..<100_000 { pipe.wake() }
        #expect(waitForInput([pipe.descriptor], within: nil) == [pipe.descriptor])
        pipe.clear()
        #expect(waitForInput([pipe.descriptor], within: .zero).isEmpty)
    }
}

import BlazeEngine
import BlazePlatform
import BlazeServices
import Foundation
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct DirectoryScanTests {
    let directory: TemporaryDirectory
    let root: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        root = try #require(directory.path.resolved)
    }

    func make(_ path: String) throws {
        let file = root.pushing(FilePath(path))
        try FileManager.default.createDirectory(
            atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: file.string))
    }

    func scan(_ roots: [FilePath]? = nil, excludes: [String] = []) -> [DirectoryScan.Event] {
        var events: [DirectoryScan.Event] = []
        _ = DirectoryScan(roots: roots ?? [root], excludes: excludes).run { event in
            if case .progress = event { return .go }
            events.append(event)
            return .go
        }
        return events
    }

    func found(_ events: [DirectoryScan.Event]) -> [String] {
        events.compactMap { event in
            guard case .found(let path) = event else { return nil }
            return String(path.string.dropFirst(root.string.count + 1))
        }.sorted()
    }

    @Test func findsByName() throws {
        for path in [
            "b/x.blazedb", "a/Y.BlazeDB", ".hidden/z.blazedb", "a/.w.blazedb", "a/blazedb", "a/.blazedb",
            "a/x.blazedb.bak",
        ] {
            try make(path)
        }
        #expect(found(scan()) == [".hidden/z.blazedb", "a/Y.BlazeDB", "b/x.blazedb"])
    }

    @Test func leftoversAreNoDatabases() throws {
        // Some are of `n`, which is there; those of `gone` have no database any more.
        let names: [(String, Leftover.Kind)] = [
            ("backup_v0_1234.blazedb", .openBackup), ("backup_v0_1234.meta", .openBackup),
            ("n.vacuum.blazedb", .vacuumNew), ("gone.vacuum.wal", .vacuumNew),
            ("n.vacuum_backup.blazedb", .vacuumBackup), ("gone.vacuum_backup.meta", .vacuumBackup),
            ("gone.vacuum_in_progress", .vacuumMarker), ("txn_in_progress-n-ab.blazedb", .transactionCopy),
            ("txn_in_progress-gone-ab.state", .transactionCopy), ("txn_log-gone-0f.json", .transactionLog),
            ("txn_log.json", .transactionLog), ("gone.blazedb.vacuum-1234", .asyncVacuum),
            ("n.blazedb.wal", .asyncVacuum),
        ]
        for (name, _) in names { try make(name) }
        try make("n.blazedb")
        let events = scan()
        for (name, kind) in names { #expect(events.contains(.leftover(root.appending(name), kind)), "\(name)") }
        #expect(found(events) == ["n.blazedb"])
    }

    @Test func aDatabaseWhoseDataFileIsMovedAsideIsFound() throws {
        for path in ["a/db.vacuum_backup.blazedb", "a/db.meta", "b/db.vacuum_backup.blazedb"] { try make(path) }
        let events = scan()
        #expect(found(events) == ["a/db.blazedb"])
        #expect(events.contains(.leftover(root.pushing("a/db.vacuum_backup.blazedb"), .vacuumBackup)))
    }

    @Test func mountsThatMayHangAreNotEntered() throws {
        for path in ["here/x.blazedb", "disk/x.blazedb", "share/x.blazedb", "kernel/x.blazedb"] { try make(path) }
        let mounts = MountTable([
            (root.appending("disk").string, MountTable.Mount(type: "ext4")),
            (root.appending("share").string, MountTable.Mount(type: "nfs4")),
            (root.appending("kernel").string, MountTable.Mount(type: "proc")),
        ])
        var events: [DirectoryScan.Event] = []
        _ = DirectoryScan(roots: [root], excludes: [], mounts: mounts).run { event in
            events.append(event)
            return .go
        }
        #expect(found(events) == ["disk/x.blazedb", "here/x.blazedb"])
        #expect(events.contains(.skipped(root.appending("share"), "a mount of nfs4")))
        #expect(events.contains(.skipped(root.appending("kernel"), "a mount of proc")))
        // Whoever names one wants it searched.
        events = []
        _ = DirectoryScan(roots: [root.appending("share")], excludes: [], mounts: mounts).run { event in
            events.append(event)
            return .go
        }
        #expect(found(events) == ["share/x.blazedb"])
    }

    @Test func whatIsNoRegularFileIsSkippedWithAReason() throws {
        try make("d.blazedb/inside.blazedb")
        #expect(root.appending("fifo.blazedb").withPlatformString { mkfifo($0, 0o600) } == 0)
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: root.appending("null.blazedb").string, withDestinationPath: "/dev/null")
        try manager.createSymbolicLink(atPath: root.appending("gone.blazedb").string, withDestinationPath: "nowhere")
        let events = scan()
        let skipped = Set(
            events.compactMap { event -> String? in
                guard case .skipped(let path, _) = event else { return nil }
                return path.lastComponent?.string
            })
        #expect(skipped == ["d.blazedb", "fifo.blazedb", "null.blazedb", "gone.blazedb"])
        #expect(found(events) == ["d.blazedb/inside.blazedb"])
    }

    @Test func linksAndLoops() throws {
        try make("real/x.blazedb")
        let manager = FileManager.default
        try manager.createSymbolicLink(
            atPath: root.appending("real").appending("loop").string, withDestinationPath: "..")
        try manager.createSymbolicLink(
            atPath: root.appending("one.blazedb").string, withDestinationPath: "real/x.blazedb")
        try manager.createSymbolicLink(
            atPath: root.appending("two.blazedb").string, withDestinationPath: "real/x.blazedb")
        #expect(found(scan()) == ["one.blazedb", "real/x.blazedb"])
        // The same directory by two roots is walked once.
        try manager.createSymbolicLink(atPath: root.appending("again").string, withDestinationPath: "real")
        #expect(found(scan([root.appending("real"), root.appending("again")])) == ["real/x.blazedb"])
    }

    @Test func excludesByNameAndByPath() throws {
        for path in ["node_modules/a.blazedb", "k/b.blazedb", "k/skip-me/c.blazedb", "k/old.blazedb"] { try make(path) }
        #expect(found(scan(excludes: ["node_*", "old.*"])) == ["k/b.blazedb", "k/skip-me/c.blazedb"])
        #expect(found(scan(excludes: ["\(root.string)/k"])) == ["node_modules/a.blazedb"])
    }

    @Test func rootsThatAreFilesOrMissing() throws {
        try make("x.blazedb")
        try make("y.txt")
        #expect(found(scan([root.appending("x.blazedb"), root.appending("absent")])) == ["x.blazedb"])
        let events = scan([root.appending("y.txt")])
        guard case .skipped = events.first, events.count == 1 else {
            Issue.record("a file that is no database is skipped")
            return
        }
    }

    @Test func namesAreBytes() throws {
        let odd = try #require(FilePath(bytes: root.bytes + Array("/a\n".utf8) + [0xFF] + Array(".blazedb".utf8)))
        let fd = odd.withPlatformString { open($0, O_CREAT | O_WRONLY, 0o600) }
        #expect(fd >= 0)
        close(fd)
        #expect(scan() == [.found(odd)])
    }

    @Test func deepTreesCostNoStack() throws {
        var path = root
        for _ in 0..<700 { path.append("d") }
        try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: path.appending("x.blazedb").string))
        #expect(scan() == [.found(path.appending("x.blazedb"))])
    }

    @Test func aWalkCanBeStopped() throws {
        for i in 0..<20 { try make("d\(i)/x.blazedb") }
        var seen = 0
        let totals = DirectoryScan(roots: [root], excludes: []).run { event in
            if case .found = event { seen += 1 }
            return seen == 3 ? .stop : .go
        }
        #expect(seen == 3 && totals.stopped)
    }

    @Test func aStoppedWalkReleasesThreadsThatWaitToTell() throws {
        // More directories with something to tell than the mailbox holds letters.
        for i in 0..<600 { try make("d\(i)/x.blazedb") }
        var seen = 0
        let totals = DirectoryScan(roots: [root], excludes: [], workers: 8).run { event in
            if case .found = event { seen += 1 }
            return .stop
        }
        #expect(seen <= 1 && totals.stopped)
    }

    @Test func totalsCount() throws {
        for path in ["a/1", "a/2", "b/3", "x.blazedb"] { try make(path) }
        let totals = DirectoryScan(roots: [root], excludes: []).run { _ in .go }
        #expect(totals.directories == 3 && totals.files == 4 && !totals.stopped)
    }
}

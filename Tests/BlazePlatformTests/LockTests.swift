import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazePlatform

/// Who holds a file's lock, and taking it for one operation.
struct LockTests {
    private static let table = """
        1: POSIX  ADVISORY  WRITE 2294 fe:00:5310667 1073741824 1073742335
        2: FLOCK  ADVISORY  WRITE 2294 fe:0a:16220222 0 EOF
        2: -> FLOCK  ADVISORY  WRITE 2300 fe:0a:16220222 0 EOF
        3: FLOCK  ADVISORY  READ  77 08:01:5 0 EOF
        4: LEASE  ACTIVE    READ 99 08:01:6 0 EOF
        5: FLOCK  ADVISORY  WRITE x 08:01:7 0 EOF
        6: FLOCK  ADVISORY  WRITE 1 08:01
        """

    @Test func heldFlocksAreTakenAndNothingElse() {
        let entries = LockTable.parse(Array(Self.table.utf8))
        #expect(
            entries == [
                .init(isExclusive: true, processID: 2294, device: .init(major: 0xFE, minor: 0x0A), inode: 16_220_222),
                .init(isExclusive: false, processID: 77, device: .init(major: 8, minor: 1), inode: 5),
            ])
    }

    @Test func aLeaseIsSeenByWhomeverLooks() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("db.blazedb")
        try Data("x".utf8).write(to: URL(fileURLWithPath: path.string))
        let storage = PosixStorage()
        let identity = try #require(try storage.status(of: path)?.identity)
        #if os(Linux)
            #expect(storage.ownership(of: identity, at: path) == .free)
            do {
                let lease = try FileLease(path: path)
                #expect(lease.identity == identity)
                #expect(storage.ownership(of: identity, at: path) == .leased)
                let error = #expect(throws: StorageError.self) { try FileLease(path: path) }
                #expect(error?.code == .locked)
            }
        #else
            #expect(storage.ownership(of: identity, at: path).holders.isEmpty)
        #endif
        _ = try FileLease(path: path)
    }

    @Test func aLeaseIsOnTheFileThatThePathNames() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("db.blazedb")
        let error = #expect(throws: StorageError.self) { try FileLease(path: path) }
        #expect(error?.code == .notFound)
        try Data("old".utf8).write(to: URL(fileURLWithPath: path.string))
        let old = try FileLease(path: path)
        // A rename over the file leaves the old lease on a file that has no name any more.
        let next = directory.path.appending("next")
        try Data("new".utf8).write(to: URL(fileURLWithPath: next.string))
        #expect(rename(next.string, path.string) == 0)
        let new = try FileLease(path: path)
        #expect(new.identity != old.identity)
    }

    @Test func withoutATableOwnershipIsUnknown() {
        let blind = LockTable(entries: [], blindness: "a test")
        #expect(blind.ownership(of: FileIdentity(device: 1, inode: 2), at: "/") == .unknown("a test"))
    }
}

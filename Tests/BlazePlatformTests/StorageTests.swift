@testable import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct StorageTests {
    let storage = PosixStorage()

    @Test func readsWhatIsThere() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([1, 2, 3, 4, 5], to: "f")
        let file = try storage.open(path)
        #expect(try file.status().size == 5)
        #expect(try file.bytes(count: 3, at: 1) == [2, 3, 4])
        #expect(try file.bytes(count: 10, at: 3) == [4, 5])
        #expect(try file.bytes(count: 10, at: 5) == [])
        #expect(try file.bytes(count: 1, at: .max) == [])
    }

    @Test func onlyRegularFilesAreOpened() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: StorageError(.notFound, operation: "", path: "")) {
            try storage.open(directory.path.appending("absent"))
        }
        #expect(throws: StorageError(.notRegularFile, operation: "", path: "")) { try storage.open(directory.path) }
        #expect(throws: StorageError(.notRegularFile, operation: "", path: "")) { try storage.open("/dev/null") }
        let fifo = directory.path.appending("fifo")
        #expect(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
        #expect(throws: StorageError(.notRegularFile, operation: "", path: "")) { try storage.open(fifo) }
        #expect(throws: StorageError(.notFound, operation: "", path: "")) {
            try storage.open(try directory.write([], to: "file").appending("below"))
        }
    }

    @Test func statusTellsKinds() throws {
        let directory = try TemporaryDirectory()
        #expect(try storage.status(of: directory.path)?.kind == .directory)
        #expect(try storage.status(of: "/dev/null")?.kind == .special)
        #expect(try storage.status(of: directory.path.appending("absent")) == nil)
    }

    @Test func namesAreBytes() throws {
        let directory = try TemporaryDirectory()
        let odd = try #require(FilePath(bytes: directory.path.bytes + [0x2F, 0x61, 0xFF]))
        #expect(odd.withPlatformString { open($0, O_CREAT | O_WRONLY, 0o600) } >= 0)
        try directory.write([], to: "b\nc")
        let names = try storage.names(in: directory.path).map { FilePath(root: nil, [$0]).bytes }
        #expect(Set(names) == [[0x61, 0xFF], Array("b\nc".utf8)])
    }

    @Test func holesAreSkipped() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([1], to: "sparse")
        #expect(path.withPlatformString { truncate($0, 1 << 30) } == 0)
        let file = try storage.open(path)
        #expect(try file.nextData(from: 0) == 0)
        // A file system without holes answers with the offset itself.
        let next = try file.nextData(from: 1 << 20)
        #expect(next == nil || next == 1 << 20)
        #expect(try file.nextData(from: .max) == nil)
    }

    @Test func aNewFileNeverTakesANameInUse() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("out")
        let file = try NewFile(path: path)
        try file.write([1, 2])
        #expect(try storage.status(of: path) == nil)
        try file.publish()
        let status = try #require(try storage.status(of: path))
        #expect(status.size == 2 && status.mode == 0o600)
        #expect(throws: StorageError(.exists, operation: "", path: "")) { _ = try NewFile(path: path) }
        let late = directory.path.appending("late")
        let slow = try NewFile(path: late)
        try directory.write([9], to: "late")
        #expect(throws: StorageError(.exists, operation: "", path: "")) { try slow.publish() }
        #expect(try storage.open(late).bytes(count: 9, at: 0) == [9])
    }

    @Test func nothingIsLeftOfANewFileThatWasNotPublished() throws {
        let directory = try TemporaryDirectory()
        do {
            let file = try NewFile(path: directory.path.appending("out"))
            try file.write([1])
        }
        #expect(try storage.names(in: directory.path).isEmpty)
    }
}

@Suite struct PrivateDirectoryTests {
    @Test func madeWithItsParents() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("a").appending("b")
        try PrivateDirectory.ensure(path)
        #expect(try PosixStorage().status(of: path)?.mode == 0o700)
        try PrivateDirectory.ensure(path)
    }

    @Test func aReadableOneOfOursIsTightened() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("a")
        #expect(path.withPlatformString { mkdir($0, 0o755) } == 0)
        try PrivateDirectory.ensureUnchanged(path)
        #expect(try PosixStorage().status(of: path)?.mode == 0o755)
        try PrivateDirectory.ensure(path)
        #expect(try PosixStorage().status(of: path)?.mode == 0o700)
    }

    @Test func linksFilesAndWritableOnesAreRefused() throws {
        let directory = try TemporaryDirectory()
        let real = directory.path.appending("real")
        try PrivateDirectory.ensure(real)
        let link = directory.path.appending("link")
        try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: "real")
        #expect(throws: StorageError(.unsafePermissions, operation: "", path: "")) { try PrivateDirectory.ensure(link) }
        let file = try directory.write([], to: "file")
        #expect(throws: StorageError(StorageError.Code.notDirectory, operation: "", path: "")) {
            try PrivateDirectory.ensure(file)
        }
        #expect(real.withPlatformString { chmod($0, 0o777) } == 0)
        #expect(throws: StorageError(.unsafePermissions, operation: "", path: "")) { try PrivateDirectory.ensure(real) }
    }
}

@Suite struct FileTimeTests {
    /// FileStatus keeps nanoseconds in 64 bits; a file may carry any time.
    @Test(arguments: [
        (Int64(0), Int64(5), Int64(5)), (1, 999_999_999, 1_999_999_999), (-1, 1, -999_999_999),
        (13_569_465_600, 0, Int64.max), (.max, 999_999_999, .max), (.min, 0, .min), (-9_300_000_000, 0, .min),
        (9_223_372_036, 999_999_999, .max),
    ])
    func timesThatDoNotFit(_ seconds: Int64, _ rest: Int64, _ expected: Int64) {
        #expect(FileStatus.nanoseconds(seconds, rest) == expected)
    }
}

@Suite struct LockFileTests {
    @Test func whatIsNoNoteIsLeftAlone() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(Array("[[package]]\n".utf8), to: "Cargo.lock")
        try LockFile(path: path).note("12\n")
        #expect(try PosixStorage().open(path).bytes(count: 99, at: 0) == Array("[[package]]\n".utf8))
    }

    @Test func oneHolderAtATime() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("x.lock")
        do {
            let first = try LockFile(path: path)
            #expect(throws: StorageError(.locked, operation: "", path: "")) { _ = try LockFile(path: path) }
            first.note("12\n")
        }
        let next = try LockFile(path: path)
        #expect(try PosixStorage().open(next.path).bytes(count: 9, at: 0) == Array("12\n".utf8))
    }
}

import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    @Test func replacesAndKeepsNothingElse() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("f")
        try AtomicFile.write([1], to: path)
        try AtomicFile.write([2, 3], to: path, mode: 0o640)
        let storage = PosixStorage()
        #expect(try storage.open(path).bytes(count: 9, at: 0) == [2, 3])
        #expect(try storage.names(in: directory.path).count == 1)
    }

    @Test func aFailureLeavesTheOld() throws {
        let directory = try TemporaryDirectory()
        // A directory cannot be replaced by a file.
        let path = directory.path.appending("d")
        try PrivateDirectory.ensure(path)
        #expect(throws: StorageError.self) { try AtomicFile.write([1], to: path) }
        #expect(try PosixStorage().names(in: directory.path).map(\.string) == ["d"])
        #expect(throws: StorageError(.notFound, operation: "", path: "")) {
            try AtomicFile.write([1], to: directory.path.appending("absent").appending("f"))
        }
    }

    @Test func renaming() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([7], to: "old")
        try AtomicFile.rename(path, to: directory.path.appending("new"))
        #expect(try PosixStorage().names(in: directory.path).map(\.string) == ["new"])
    }
}

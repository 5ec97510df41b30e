import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct LockPlaceTests {
    @Test func aRemovedFileIsNoticed() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("lock")
        let first = try LockFile(path: path)
        try FileManager.default.removeItem(atPath: path.string)
        #expect(!first.isInPlace)
        let second = try LockFile(path: path)
        #expect(second.isInPlace && !first.isInPlace)
    }

    @Test func whetherItIsHeldIsKnownWithoutTakingItForLong() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("lock")
        #expect(!LockFile.isHeld(path))
        #expect(try PosixStorage().status(of: path) == nil)
        do {
            let lock = try LockFile(path: path)
            #expect(LockFile.isHeld(lock.path))
        }
        #expect(!LockFile.isHeld(path))
        _ = try LockFile(path: path)
    }

    @Test func theNoteNamesAProcess() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("lock")
        #expect(LockFile.notedProcessID(at: path) == nil)
        let lock = try LockFile(path: path)
        #expect(LockFile.notedProcessID(at: path) == nil)
        lock.note("4711\n")
        #expect(LockFile.notedProcessID(at: path) == 4711)
    }

    @Test(arguments: ["", "\n", "4711", "0\n", "1\n", "-7\n", "99999999999\n", "12 34\n", "words\n"])
    func otherNotesNameNone(_ text: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(Array(text.utf8), to: "lock")
        #expect(LockFile.notedProcessID(at: path) == nil)
    }
}

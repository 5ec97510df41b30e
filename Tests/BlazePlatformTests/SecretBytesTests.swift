import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct SecretBytesTests {
    @Test func holdsWhatWasWritten() throws {
        var secret = try SecretBytes(count: 3) { (buffer: UnsafeMutableRawBufferPointer) throws(Never) in
            buffer.copyBytes(from: [1, 2, 3])
        }
        #expect(secret.withBytes { Array($0) } == [1, 2, 3])
        var copy = try secret.duplicate()
        #expect(copy.withBytes { Array($0) } == [1, 2, 3])
    }

    @Test func anErrorWhileFillingComesOut() {
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            _ = try SecretBytes(count: 8) { (_: UnsafeMutableRawBufferPointer) throws(Stop) in throw Stop() }
        }
    }

    @Test func anEmptySecretIsPossible() throws {
        var secret = try SecretBytes(count: 0) { (_: UnsafeMutableRawBufferPointer) throws(Never) in }
        #expect(secret.withBytes { $0.count } == 0)
    }

    @Test func wipingClears() {
        var bytes: [UInt8] = [1, 2, 3]
        bytes.withUnsafeMutableBytes { wipe($0) }
        #expect(bytes == [0, 0, 0])
    }
}

@Suite struct SecretInputTests {
    /// What a descriptor that gives `bytes` is read as.
    static func read(_ bytes: [UInt8], limit: Int = 100) throws -> [UInt8] {
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(Data(bytes))
        try pipe.fileHandleForWriting.close()
        var secret = try SecretInput.from(descriptor: pipe.fileHandleForReading.fileDescriptor, limit: limit)
        return secret.withBytes { Array($0) }
    }

    static func file(in directory: TemporaryDirectory, mode: Int) throws -> FilePath {
        let path = try directory.write(Array("pw\n".utf8), to: "file-\(mode)")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
        return path
    }

    @Test(arguments: [
        ("secret", "secret"), ("secret\n", "secret"), ("secret\r\n", "secret"), ("secret\n\n", "secret\n"),
        ("two\nlines", "two\nlines"), (" \n", " "),
    ])
    func oneLineEndIsDropped(_ given: String, _ expected: String) throws {
        #expect(try Self.read(Array(given.utf8)) == Array(expected.utf8))
    }

    @Test func limits() throws {
        #expect(try Self.read(Array("1234\n".utf8), limit: 4) == Array("1234".utf8))
        #expect(throws: SecretInputError(.tooLong)) { try Self.read(Array("12345".utf8), limit: 4) }
        #expect(throws: SecretInputError(.tooLong)) { try Self.read(Array("123456789".utf8), limit: 4) }
        #expect(throws: SecretInputError(.empty)) { try Self.read([]) }
        #expect(throws: SecretInputError(.empty)) { try Self.read(Array("\n".utf8)) }
    }

    @Test func filesThatOthersMayReadAreRefused() throws {
        let directory = try TemporaryDirectory()
        let file = try Self.file(in: directory, mode: 0o600)
        var secret = try SecretInput.from(file: file, limit: 10)
        #expect(secret.withBytes { Array($0) } == Array("pw".utf8))
        for mode in [0o640, 0o604, 0o660, 0o644] {
            let exposed = try Self.file(in: directory, mode: mode)
            #expect(throws: SecretInputError(.exposed)) { _ = try SecretInput.from(file: exposed, limit: 10) }
        }
        #expect(throws: SecretInputError(.unreadable)) {
            _ = try SecretInput.from(file: directory.path.appending("absent"), limit: 10)
        }
    }

    @Test func commands() throws {
        var secret = try SecretInput.from(command: "echo 'a b'", limit: 10)
        #expect(secret.withBytes { Array($0) } == Array("a b".utf8))
        #expect(throws: SecretInputError(.unreadable)) {
            _ = try SecretInput.from(command: "echo x; exit 3", limit: 10)
        }
        #expect(throws: SecretInputError(.empty)) { _ = try SecretInput.from(command: "true", limit: 10) }
    }
}

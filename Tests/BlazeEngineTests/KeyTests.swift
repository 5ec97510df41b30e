import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// How a password becomes a key, and what is said when it does not.
@Suite struct KeyTests {
    private func derive(
        _ storage: MemoryStorage, _ files: FileSet, _ password: String, _ iterations: Int? = nil
    ) throws -> (iterations: Int, salt: [UInt8], identity: DatabaseID) {
        var password = try SecretBytes(utf8: password)
        let key = try DatabaseKey.derive(for: files, in: storage, password: &password, iterations: iterations)
        return (key.iterations, key.saltFingerprint, key.identity)
    }

    private func memory(_ name: String) throws -> (MemoryStorage, FileSet, Fixture) {
        let fixture = Fixture.named(name)
        return (
            MemoryStorage(try fixture.contents()), FileSet(data: FilePath("/db").appending(fixture.manifest.database)),
            fixture
        )
    }

    @Test func findsTheUsualCount() throws {
        let (storage, files, fixture) = try memory("tiny")
        let key = try derive(storage, files, fixture.manifest.password)
        #expect(key.iterations == 600_000)
        let salt = try #require(storage[files.salt])
        #expect(key.salt == Salt(bytes: salt, source: .file).fingerprint)
        let hash = SHA256.hash(data: Array("blazedb-agent database identity v1\0".utf8) + salt)
        #expect(key.identity.bytes == Array(hash.prefix(16)))
    }

    @Test func tellsTheCountsThatWereTried() throws {
        let (storage, files, _) = try memory("tiny")
        let error = #expect(throws: EngineError.self) { try derive(storage, files, "Not-The-Passw0rd") }
        #expect(error?.code == .wrongPassword && error?.triedIterations == [600_000, 100_000, 10_000])
        #expect(error?.message.contains("600000, 100000, 10000") == true)
        #expect(error?.message.contains("metadata signature does not verify") == true)
        #expect(error?.description.contains("Not-The-Passw0rd") == false)
    }

    @Test(arguments: ["", "x", String(repeating: "y", count: 100_000), "\u{0}"]) func survivesAnyPassword(
        _ text: String
    ) throws {
        let (storage, files, _) = try memory("typed")
        let error = #expect(throws: EngineError.self) { try derive(storage, files, text, 1000) }
        #expect(error?.code == .wrongPassword && error?.triedIterations == [1000])
    }

    @Test(arguments: [0, -1, EngineLimits.iterations + 1, Int.max, Int.min]) func refusesOddCounts(_ count: Int) throws
    {
        let (storage, files, fixture) = try memory("typed")
        let error = #expect(throws: EngineError.self) { try derive(storage, files, fixture.manifest.password, count) }
        #expect(error?.code == .invalidIterations)
    }

    @Test func anUnusualCountIsTheOnlyOne() throws {
        let (storage, files, fixture) = try memory("typed")
        #expect(try derive(storage, files, fixture.manifest.password, 1000).iterations == 1000)
        let error = #expect(throws: EngineError.self) { try derive(storage, files, fixture.manifest.password) }
        // The metadata is sound and the password right: only the count is unusual.
        #expect(error?.code == .wrongPassword)
        #expect(error?.hint?.contains("--kdf-iterations") == true)
    }

    @Test func theOldFormComesFirstWithoutASaltFile() throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(1))
        let storage = builder.storage()
        storage[DatabaseBuilder.files.salt] = nil
        let error = #expect(throws: EngineError.self) { try derive(storage, DatabaseBuilder.files, "whatever") }
        #expect(error?.triedIterations == [10_000, 600_000, 100_000])
        #expect(error?.hint?.contains("no salt file") == true)
        let inode = try #require(try storage.status(of: DatabaseBuilder.files.data)).identity.inode
        let hash = SHA256.hash(
            data: Array("blazedb-agent database identity v1 legacy\0".utf8) + DatabaseBuilder.big(inode))
        #expect(try FileSummary.read(DatabaseBuilder.files, in: storage).identity?.bytes == Array(hash.prefix(16)))
    }

    @Test func readsAnOldDatabase() throws {
        let (storage, files, fixture) = try memory("damaged/overflow-v1")
        #expect(try derive(storage, files, fixture.manifest.password, 1000).salt == Salt.constant.fingerprint)
    }

    @Test func refusesAnEmptySalt() throws {
        let (storage, files, fixture) = try memory("typed")
        storage[files.salt] = []
        let error = #expect(throws: EngineError.self) { try derive(storage, files, fixture.manifest.password, 1000) }
        #expect(error?.code == .emptySalt && error?.path == files.salt)
        storage[files.salt] = [UInt8](repeating: 1, count: Int(EngineLimits.saltBytes) + 1)
        let long = #expect(throws: EngineError.self) { try derive(storage, files, fixture.manifest.password, 1000) }
        #expect(long?.code == .limitExceeded)
        storage[files.salt] = nil
        let missing = #expect(throws: EngineError.self) { try derive(storage, files, fixture.manifest.password, 1000) }
        #expect(missing?.code == .wrongPassword)
    }

    @Test func tellsWhatIsNoDatabase() throws {
        let storage = MemoryStorage()
        let files = FileSet(data: "/db/x.blazedb")
        storage[files.data] = Array("just a text\n".utf8)
        #expect((#expect(throws: EngineError.self) { try derive(storage, files, "p") })?.code == .notADatabase)
        storage[files.data] = []
        #expect((#expect(throws: EngineError.self) { try derive(storage, files, "p") })?.code == .metadataMissing)
        storage[files.data] = DatabaseBuilder.padded(Array("BZDB".utf8) + [2])
        #expect((#expect(throws: EngineError.self) { try derive(storage, files, "p") })?.code == .metadataMissing)
    }
}

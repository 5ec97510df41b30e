import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Keys that are kept and used again, and what tells whether they still fit.
@Suite struct StoredKeyTests {
    private let storage: MemoryStorage
    private let files: FileSet
    private let password: String

    init() throws {
        let fixture = Fixture.named("typed")
        storage = MemoryStorage(try fixture.contents())
        files = FileSet(data: FilePath("/db").appending(fixture.manifest.database))
        password = fixture.manifest.password
    }

    private func derived() throws -> DatabaseKey {
        var password = try SecretBytes(utf8: password)
        return try DatabaseKey.derive(for: files, in: storage, password: &password, iterations: 1000)
    }

    private func keyBytes() throws -> [UInt8] {
        var key = try derived()
        return key.withSecret { Array($0) }
    }

    /// What a vault would keep; `change` alters it.
    private func stored(_ change: (inout [UInt8]) -> Void = { _ in }) throws -> SecretBytes {
        var bytes = try keyBytes()
        change(&bytes)
        return try SecretBytes(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    @Test func aStoredKeyFitsWithoutADerivation() throws {
        var first = try derived()
        var again = try DatabaseKey(stored: try stored(), iterations: 1000, for: files, in: storage)
        #expect(again.iterations == 1000 && again.identity == first.identity)
        #expect(again.saltFingerprint == first.saltFingerprint)
        #expect(first.withKey { $0 } == again.withKey { $0 })
    }

    @Test(arguments: [0, 7, 31]) func anAlteredKeyIsRefused(_ at: Int) throws {
        let error = #expect(throws: EngineError.self) {
            _ = try DatabaseKey(stored: try stored { $0[at] ^= 1 }, iterations: 1000, for: files, in: storage)
        }
        #expect(error?.code == .wrongPassword && error?.message.contains("wrong key") == true)
    }

    @Test(arguments: [0, 16, 31]) func aKeyOfAnotherLengthIsRefused(_ count: Int) throws {
        let error = #expect(throws: EngineError.self) {
            _ = try DatabaseKey(
                stored: try stored { $0.removeLast($0.count - count) }, iterations: 1000, for: files, in: storage)
        }
        #expect(error?.code == .wrongPassword)
    }

    @Test(arguments: [0, -1, EngineLimits.iterations + 1]) func oddCountsAreRefused(_ count: Int) throws {
        let error = #expect(throws: EngineError.self) {
            _ = try DatabaseKey(stored: try stored(), iterations: count, for: files, in: storage)
        }
        #expect(error?.code == .invalidIterations)
    }

    @Test func alteredMetadataIsToldApartFromAWrongKey() throws {
        var meta = try #require(storage[files.meta])
        let needle = Array("\"signature\":\"".utf8)
        let at = try #require(
            meta.indices.first { $0 + needle.count < meta.count && Array(meta[$0..<$0 + needle.count]) == needle })
        let letter = at + needle.count
        meta[letter] = meta[letter] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        let key = try keyBytes()
        storage[files.meta] = meta
        let error = #expect(throws: EngineError.self) {
            let stored = try SecretBytes(count: key.count) { $0.copyBytes(from: key) }
            _ = try DatabaseKey(stored: stored, iterations: 1000, for: files, in: storage)
        }
        #expect(error?.code == .metadataUnverified)
    }

    @Test func aDuplicateLivesOnItsOwn() throws {
        var copy: DatabaseKey
        do {
            var key = try derived()
            copy = try key.duplicate()
        }
        let kept = try stored()
        var again = try DatabaseKey(stored: kept, iterations: 1000, for: files, in: storage)
        #expect(copy.withKey { $0 } == again.withKey { $0 })
        #expect(copy.iterations == again.iterations && copy.saltFingerprint == again.saltFingerprint)
    }

    @Test func theFingerprintFollowsTheSalt() throws {
        let before = try DatabaseKey.saltFingerprint(of: files, in: storage)
        let salt = try #require(storage[files.salt])
        let hash = SHA256.hash(data: Array("blazedb-agent salt fingerprint v1\0file\0".utf8) + salt)
        #expect(before == Array(hash.prefix(16)))
        #expect(try derived().saltFingerprint == before)

        var other = salt
        other[0] ^= 1
        storage[files.salt] = other
        #expect(try DatabaseKey.saltFingerprint(of: files, in: storage) != before)

        storage[files.salt] = nil
        let constant = SHA256.hash(data: Array("blazedb-agent salt fingerprint v1\0constant\0AshPileSalt".utf8))
        #expect(try DatabaseKey.saltFingerprint(of: files, in: storage) == Array(constant.prefix(16)))

        // A salt file that holds the constant is still another case than none: BlazeDB treats them differently.
        storage[files.salt] = Array("AshPileSalt".utf8)
        #expect(try DatabaseKey.saltFingerprint(of: files, in: storage) != Array(constant.prefix(16)))

        storage[files.salt] = []
        let error = #expect(throws: EngineError.self) { try DatabaseKey.saltFingerprint(of: files, in: storage) }
        #expect(error?.code == .emptySalt)
    }
}

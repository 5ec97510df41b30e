import BlazeModel
import BlazePlatform
import SystemPackage
import TestSupport

@testable import BlazeVault

/// What tests give their vaults; none of it is a secret.
enum Given {
    static let passphrase = "correct horse battery staple"
    static let fingerprint: [UInt8] = Array("salt's fingerprint".utf8)

    static func secret(_ text: String = passphrase) throws -> SecretBytes { try SecretBytes(utf8: text) }

    /// An identity of its own for each number.
    static func identity(_ number: Int) -> DatabaseID {
        DatabaseID(bytes: [UInt8](repeating: UInt8(number & 255), count: 15) + [UInt8(number >> 8 & 255)])!
    }

    static func key(_ byte: UInt8, iterations: UInt32 = 600_000) throws -> DerivedKey {
        let key = try SecretBytes(count: DerivedKey.byteCount) { buffer in
            for i in buffer.indices { buffer[i] = byte &+ UInt8(i) }
        }
        return DerivedKey(key: key, saltFingerprint: fingerprint, iterations: iterations)
    }
}

extension VaultStore {
    /// A new vault with the passphrase that tests use, at the least cost.
    func createForTest(withRecovery: Bool = false) throws -> NewVault {
        var passphrase = try Given.secret()
        return try create(passphrase: &passphrase, costs: .cheapest, withRecovery: withRecovery)
    }

    func open(_ text: String) throws -> OpenVault {
        var secret = try SecretBytes(utf8: text)
        return try open(with: &secret)
    }
}

extension OpenVault {
    /// Adds an entry whose secrets follow from its number.
    func putForTest(_ number: Int, alias: String? = nil, password: String? = nil, hint: String? = nil) throws {
        var secret: SecretBytes? = try SecretBytes(utf8: password ?? "password \(number)")
        var key: DerivedKey? = try Given.key(UInt8(number & 255))
        try put(
            Given.identity(number), alias: alias ?? "db\(number)", path: FilePath("/data/\(number).blazedb"),
            password: &secret, derivedKey: &key, hint: hint)
    }

    func passwordText(_ number: Int) throws -> String? {
        var secret = try password(of: Given.identity(number))
        return secret.text
    }

    func keyBytes(_ number: Int) throws -> [UInt8]? {
        var key = try derivedKey(of: Given.identity(number))
        return key?.key.withBytes { Array($0) }
    }
}

extension Optional where Wrapped == SecretBytes {
    /// The secret as text, for tests whose secrets are none.
    var text: String? {
        mutating get { self?.withBytes { String(decoding: $0, as: UTF8.self) } }
    }
}

extension SecretBytes {
    var text: String {
        mutating get { withBytes { String(decoding: $0, as: UTF8.self) } }
    }
}

/// A vault in a directory of its own in the real file system.
struct VaultDirectory {
    let parent: TemporaryDirectory
    let store: VaultStore

    init(patience: Duration = .seconds(10)) throws {
        parent = try TemporaryDirectory()
        store = VaultStore(path: parent.path.appending("data").appending("vault.bdv"), patience: patience)
    }

    var directory: FilePath { store.path.removingLastComponent() }
    var previous: FilePath { store.path.appendingSuffix(".previous") }

    func bytes(_ path: FilePath) throws -> [UInt8] {
        try PosixVaultFiles().read(path, limit: VaultLimits.fileBytes).bytes
    }
}

/// A test's own assumption did not hold.
struct Missing: Error {}

extension NewVault {
    /// The recovery code that was asked for.
    mutating func code() throws -> String {
        guard let text = recoveryCode.text else { throw Missing() }
        return text
    }
}

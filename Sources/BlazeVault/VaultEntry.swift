public import BlazeModel
public import BlazePlatform
public import SystemPackage

/// What the vault knows of a database, without its secrets. Times are nanoseconds since 1970.
public struct VaultEntry: Sendable, Hashable {
    /// Which database.
    public let identity: DatabaseID
    /// The name that the user gave it; no other entry has it.
    public let alias: String
    /// Where its data file was last seen; nil when that is not known.
    public let path: FilePath?
    /// A reminder of the password, for when there is no password.
    public let hint: String?
    /// When the entry was made.
    public let created: Int64
    /// When it was last changed.
    public let updated: Int64
    /// When its secrets were last used; nil for never.
    public let used: Int64?
    /// How often it was changed; from 1.
    public let revision: UInt64
    /// Whether the password is kept.
    public let hasPassword: Bool
    /// The PBKDF2 iteration count of the derived key that is kept; nil without one.
    public let kdfIterations: UInt32?
    /// The fingerprint of the salt that the derived key belongs to, as the caller computed it; nil without a key.
    public let saltFingerprint: [UInt8]?
}

/// A database's key as PBKDF2 gave it, with what tells whether it still fits.
public struct DerivedKey: ~Copyable, Sendable {
    /// The count of the key's bytes.
    public static let byteCount = 32

    /// 32 bytes.
    public var key: SecretBytes
    /// The fingerprint of the salt, as the caller computes it; 1 to `VaultLimits.fingerprintBytes` bytes.
    public let saltFingerprint: [UInt8]
    /// The PBKDF2 iteration count, from 1.
    public let iterations: UInt32

    /// A derived key.
    public init(key: consuming SecretBytes, saltFingerprint: [UInt8], iterations: UInt32) {
        self.key = key
        self.saltFingerprint = saltFingerprint
        self.iterations = iterations
    }

    /// The key alone.
    public consuming func intoKey() -> SecretBytes { key }
}

extension VaultEntry {
    init(_ contents: borrowing EntryContents, identity: DatabaseID, used: Int64) {
        let hasKey = contents.iterations > 0
        self.init(
            identity: identity, alias: contents.alias, path: FilePath(bytes: contents.path),
            hint: contents.hint.isEmpty ? nil : contents.hint, created: contents.created, updated: contents.updated,
            used: used == 0 ? nil : used, revision: contents.revision,
            hasPassword: contents.hasPassword, kdfIterations: hasKey ? contents.iterations : nil,
            saltFingerprint: hasKey ? contents.fingerprint : nil)
    }
}

internal import BlazePlatform

/// Bounds of everything in a vault; each is checked before memory is taken. Protocol/vault.md lists them.
public enum VaultLimits {
    /// The largest file, in bytes.
    public static let fileBytes = 16 << 20
    /// The most entries.
    public static let entries = 10_000
    /// The most key slots; their numbers go from 1 to this.
    public static let slots = 8
    /// The longest passphrase, in bytes.
    public static let passphraseBytes = 4096
    /// The longest password of a database, in bytes.
    public static let passwordBytes = 4096
    /// The longest alias, in bytes of UTF-8.
    public static let aliasBytes = 256
    /// The longest path, in bytes.
    public static let pathBytes = 4096
    /// The longest hint, in bytes of UTF-8.
    public static let hintBytes = 256
    /// The longest salt fingerprint, in bytes.
    public static let fingerprintBytes = 64
    /// The passes of Argon2id.
    public static let operations = KDFCosts.operationsRange
    /// The memory of Argon2id, in KiB: from 8 MiB to 1 GiB.
    public static let memoryKiB = KDFCosts.memoryKiBRange
}

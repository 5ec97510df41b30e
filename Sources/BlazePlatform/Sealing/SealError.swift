/// Why a sealed stream cannot be made or opened. Never holds a secret or what is sealed.
public struct SealError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Hashable, CaseIterable {
        /// The bytes do not begin like a sealed stream.
        case notSealed
        /// A version that is not known here.
        case unsupportedVersion
        /// The bytes in front of the chunks are out of shape.
        case malformed
        /// No slot opens with what was given.
        case notOpened
        /// Altered, cut off, out of order or continued: a chunk does not authenticate, or the end is not where it was sealed.
        case damaged
        /// The text is no recipient.
        case invalidRecipient
        /// The text is no identity.
        case invalidIdentity
        /// Nothing to seal with, too many recipients, or a passphrase that is empty or too long.
        case unfit
        /// The file asks for Argon2id costs outside of the limits.
        case costs
        /// Memory could not be had.
        case noMemory
    }

    /// What kind of failure it was.
    public let code: Code
    /// One sentence for a person.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// Errors are equal when their codes are.
    public static func == (a: SealError, b: SealError) -> Bool { a.code == b.code }

    static let noMemory = SealError(.noMemory, "no locked memory is left for the keys of a sealed stream")
    static let cutOff = SealError(.damaged, "the sealed stream is cut off")
    static let altered = SealError(
        .damaged, "the sealed stream was altered or cut: a piece of it does not authenticate")
}

/// The bounds of a sealed stream; Protocol/dump.md lists them.
public enum SealLimits {
    /// The plaintext of every chunk but the last, in bytes.
    public static let chunk = 64 << 10
    /// The most ways to open one stream.
    public static let slots = 64
    /// The longest passphrase, in bytes.
    public static let passphrase = 2048
}

internal import BlazePlatform
public import SystemPackage

/// What went wrong with the vault, where, and what to do next. Never holds a secret, an alias or a hint.
///
/// Errors are equal when their codes are; text and places are for people.
public struct VaultError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: String, Sendable, CaseIterable {
        /// There is no vault at that path.
        case notFound = "not-found"
        /// There is a vault already, or a copy of one that would be overwritten.
        case exists
        /// The file is no vault, is damaged, or was altered.
        case damaged
        /// Neither the passphrase nor a recovery code of this vault.
        case wrongSecret = "wrong-secret"
        /// A mistyped recovery code, found out before any key was derived.
        case malformedRecoveryCode = "malformed-recovery-code"
        /// No secret for a vault: empty, too long, or of a recovery code's shape.
        case unfitSecret = "unfit-secret"
        /// The keys were wiped.
        case locked
        /// A version of the format that is not known here.
        case unsupportedVersion = "unsupported-version"
        /// A length, count or cost is outside of a named limit.
        case limitExceeded = "limit-exceeded"
        /// Other users can reach the file or its directory, or it is not this user's own.
        case exposed
        /// The only key slot left cannot be removed.
        case lastSlot = "last-slot"
        /// The vault has no key slot of that number, or no room for one more.
        case noSuchSlot = "no-such-slot"
        /// The vault has no entry of that database.
        case noSuchEntry = "no-such-entry"
        /// Another entry has that alias.
        case aliasTaken = "alias-taken"
        /// Another process gave the vault another data key, or put another vault in its place.
        case changed
        /// Another process is writing the vault and did not end in time.
        case busy
        /// Memory for a key, or for its derivation, could not be had.
        case noSecretMemory = "no-secret-memory"
        /// The file system is full.
        case noSpace = "no-space"
        /// The system could not read.
        case readFailed = "read-failed"
        /// The system could not write; the vault is the old one or the new one, whole.
        case writeFailed = "write-failed"
    }

    /// What kind of failure it was.
    public let code: Code
    /// One sentence for a person.
    public let message: String
    /// What to do next, where there is something to do; for `exposed` the command to run.
    public let hint: String?
    /// The file or directory concerned.
    public let path: FilePath?

    /// An error.
    public init(_ code: Code, _ message: String, hint: String? = nil, path: FilePath? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.path = path
    }

    /// A system call that failed while reading or writing.
    init(_ error: StorageError, writing: Bool) {
        let code: Code =
            switch error.code {
            case .notFound: writing ? .writeFailed : .notFound
            case .exists: .exists
            case .locked: .busy
            case .noSpace: .noSpace
            case .unsafePermissions, .notRegularFile: .exposed
            default: writing ? .writeFailed : .readFailed
            }
        let hint: String? =
            switch code {
            case .busy: "another process is writing the vault; try again"
            case .noSpace: "free some space, then try again"
            default: nil
            }
        self.init(code, error.description, hint: hint, path: error.path)
    }

    /// The message.
    public var description: String { message }

    /// Errors are equal when their codes are.
    public static func == (a: VaultError, b: VaultError) -> Bool { a.code == b.code }
}

extension VaultError {
    static func noSecretMemory() -> VaultError {
        VaultError(
            .noSecretMemory, "locked memory for the vault's keys could not be had",
            hint: "raise the limit on locked memory (ulimit -l)")
    }

    static func locked() -> VaultError {
        VaultError(.locked, "the vault is locked", hint: "unlock it")
    }

    static func noSuchEntry() -> VaultError {
        VaultError(.noSuchEntry, "the vault has no entry of this database")
    }
}

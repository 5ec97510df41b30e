public import BlazePlatform
public import SystemPackage

/// What went wrong with a database, where, and what to do next. Never holds a value or a secret.
///
/// Errors are equal when their codes are; text and places are for people.
public struct EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: String, Sendable, CaseIterable {
        /// Nothing has that path.
        case notFound = "not-found"
        /// This user may not read it.
        case permissionDenied = "permission-denied"
        /// A directory, FIFO, device or socket.
        case notRegularFile = "not-a-regular-file"
        /// No metadata, and nothing in the file looks like a BlazeDB page.
        case notADatabase = "not-a-database"
        /// An interrupted vacuum has moved the data file aside (trap T5b).
        case dataMovedAside = "data-moved-aside"
        /// The system could not read a file.
        case readFailed = "read-failed"
        /// The salt file is empty (FORMAT.md 2).
        case emptySalt = "empty-salt"
        /// The metadata file is not there.
        case metadataMissing = "metadata-missing"
        /// The metadata is not JSON; `offset` tells from which byte on.
        case metadataNotJSON = "metadata-not-json"
        /// The metadata is JSON of a shape that no BlazeDB writes.
        case metadataMalformed = "metadata-malformed"
        /// The metadata carries no signature (FORMAT.md 5.3).
        case metadataUnsigned = "metadata-unsigned"
        /// The signature does not verify although the key opens data pages: altered, forged or damaged (trap T9).
        case metadataUnverified = "metadata-unverified"
        /// No key derived from this password fits.
        case wrongPassword = "wrong-password"
        /// The iteration count is out of range.
        case invalidIterations = "invalid-iterations"
        /// A version of the format that is not known here.
        case unsupportedFormat = "unsupported-format"
        /// A length or count is over a named limit.
        case limitExceeded = "limit-exceeded"
        /// Another process changed the files meanwhile.
        case changedWhileReading = "changed-while-reading"
        /// The bytes are no record (FORMAT.md 4).
        case malformedRecord = "malformed-record"
        /// An indexed record cannot be read.
        case unreadableRecord = "unreadable-record"
        /// Guarded memory for a key could not be had.
        case noSecretMemory = "no-secret-memory"
    }

    /// What kind of failure it was.
    public let code: Code
    /// One sentence for a person.
    public let message: String
    /// What to do next, where there is something to do.
    public let hint: String?
    /// The file concerned.
    public let path: FilePath?
    /// The page concerned.
    public let page: UInt32?
    /// The position concerned, in bytes from the start of the file or of what the message names.
    public let offset: UInt64?
    /// The PBKDF2 iteration counts that were tried, in order.
    public let triedIterations: [Int]

    /// An error.
    public init(
        _ code: Code, _ message: String, hint: String? = nil, path: FilePath? = nil, page: UInt32? = nil,
        offset: UInt64? = nil, triedIterations: [Int] = []
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.path = path
        self.page = page
        self.offset = offset
        self.triedIterations = triedIterations
    }

    /// A failed system call.
    public init(_ error: StorageError, hint: String? = nil) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .permissionDenied: .permissionDenied
            case .notRegularFile: .notRegularFile
            default: .readFailed
            }
        self.init(code, error.description, hint: hint, path: error.path)
    }

    /// The message, and the byte position where there is one.
    public var description: String {
        guard let offset else { return message }
        return "\(message) (byte \(offset))"
    }

    /// Errors are equal when their codes are.
    public static func == (a: EngineError, b: EngineError) -> Bool { a.code == b.code }
}

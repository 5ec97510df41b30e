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
        /// The system could not write, sync or rename a file.
        case writeFailed = "write-failed"
        /// The file system is full, or the quota is used up.
        case noSpace = "no-space"
        /// There is too little memory for what was asked.
        case noMemory = "no-memory"
        /// The file system cannot be written.
        case readOnly = "read-only"
        /// An earlier write failed: nothing more is done through this handle.
        case poisoned = "poisoned"
        /// Another process replaced the files although their lock is held here.
        case replacedMeanwhile = "replaced-meanwhile"
        /// What an interrupted operation left cannot be put right without a decision.
        case recoveryUndecided = "recovery-undecided"
        /// The caller ended the operation.
        case interrupted = "interrupted"
        /// The database is damaged, and the operation would make it worse.
        case damaged = "damaged"
        /// Records that the index does not have would be lost.
        case wouldDropRecords = "would-drop-records"
        /// The database was changed since, and that would be lost.
        case changedSince = "changed-since"
        /// There is nothing to go back to.
        case nothingKept = "nothing-kept"
        /// There is a record of that id already.
        case recordExists = "record-exists"
        /// There is no record of that id.
        case recordNotFound = "record-not-found"
        /// The record has no id, or is over a limit of the format.
        case invalidRecord = "invalid-record"
        /// A database of that name is there already.
        case alreadyExists = "already-exists"
        /// What is to be imported is not of the form that it should be; the message names the line.
        case malformedInput = "malformed-input"
        /// What was given does not open the sealed dump.
        case notOpened = "not-opened"
        /// A value cannot be written in the form that was asked for.
        case notRepresentable = "not-representable"
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
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .exists: .alreadyExists
            default: Self.changing.contains(error.operation) ? .writeFailed : .readFailed
            }
        self.init(code, error.description, hint: hint, path: error.path)
    }

    /// What `StorageError` calls the operations that change something.
    private static let changing: Set = [
        "make", "write", "truncate", "sync", "rename", "link", "remove", "create", "change the mode of",
    ]

    /// The message, and the byte position where there is one.
    public var description: String {
        guard let offset else { return message }
        return "\(message) (byte \(offset))"
    }

    /// Errors are equal when their codes are.
    public static func == (a: EngineError, b: EngineError) -> Bool { a.code == b.code }
}

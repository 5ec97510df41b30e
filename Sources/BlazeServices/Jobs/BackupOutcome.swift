public import BlazeEngine
internal import BlazeModel
internal import SystemPackage

/// A backup that a job has made, as its job and the journal have it.
public struct BackupOutcome: Sendable, Equatable, Codable {
    /// Something that does not hold of it.
    public struct Problem: Sendable, Equatable, Codable {
        /// The file concerned.
        public var file: String
        /// What is wrong, as a sentence.
        public var message: String
    }

    /// Its name.
    public var id: String
    /// Its directory.
    public var directory: StoredPath
    /// Which database it is of, as text.
    public var database: String
    /// The data file that it was taken of, for people.
    public var source: String
    /// When it was begun, in nanoseconds since 1970.
    public var taken: Int64
    /// How it was taken: `exact`, `live` or `raw`.
    public var method: String
    /// The user's word for it.
    public var tag: String
    /// Records that can be read; nil where that is not known.
    public var records: UInt64?
    /// Index entries whose record is damaged; nil where that is not known.
    public var unreadable: UInt64?
    /// Bytes of all files.
    public var bytes: UInt64
    /// What was put right in the copy.
    public var steps: [String]
    /// Whether it was restored to a scratch directory and found sound.
    public var isVerified: Bool
    /// What does not hold of it.
    public var problems: [Problem]

    /// What was made.
    public init(_ report: Backup.Report) {
        id = report.manifest.id
        directory = StoredPath(report.directory)
        database = report.manifest.database.description
        source = report.manifest.source
        taken = report.manifest.taken
        method = report.manifest.method.rawValue
        tag = report.manifest.tag
        records = report.manifest.contents?.records
        unreadable = report.manifest.contents?.unreadable
        bytes = report.manifest.bytes
        steps = report.manifest.steps
        isVerified = report.isVerified
        problems = report.problems.map { Problem(file: $0.file, message: $0.message) }
    }
}

/// A restore in place that a job has done.
public struct RestoreOutcome: Sendable, Equatable, Codable {
    /// The backup's name.
    public var id: String
    /// Records of the restored database.
    public var records: UInt64
    /// Index entries whose record is damaged.
    public var unreadable: UInt64
    /// Whether the records were encrypted with another key than the backup's.
    public var isReencrypted: Bool
    /// The directory that keeps the files which were there.
    public var kept: StoredPath

    /// What was done.
    public init(_ report: RestoreInPlace.Report) {
        id = report.manifest.id
        records = report.records
        unreadable = report.unreadable
        isReencrypted = report.isReencrypted
        kept = StoredPath(report.kept)
    }
}

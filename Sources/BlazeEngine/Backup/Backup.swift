internal import BlazePlatform
public import SystemPackage

/// Copies of databases that are proven to restore (Protocol/backup.md).
public enum Backup {
    /// Something that does not hold of a backup.
    public struct Problem: Sendable, Hashable {
        /// The file concerned, by its name in the backup.
        public let file: String
        /// What is wrong with it, as a sentence.
        public let message: String

        init(_ name: FilePath.Component, _ message: String) {
            file = FilePath.displayString(FilePath(root: nil, [name]).bytes)
            self.message = message
        }

        init(_ file: String, _ message: String) {
            self.file = file
            self.message = message
        }
    }

    /// What was asked of a new backup.
    public struct Options: Sendable, Hashable {
        /// A word of the user's.
        public var tag = ""
        /// Whether it is restored to a scratch directory and compared before it counts as made.
        public var verifies = true
        /// All files byte by byte, with what interrupted operations left, and nothing put right.
        public var isRaw = false

        /// The defaults.
        public init() {}
    }

    /// A backup that was made.
    public struct Report: Sendable, Hashable {
        /// What it holds.
        public let manifest: BackupManifest
        /// Where it is.
        public let directory: FilePath
        /// Whether it was verified, and is sound.
        public let isVerified: Bool
        /// What does not hold of it. A backup of a damaged database is made all the same.
        public let problems: [Problem]
    }

    /// What a verification found.
    public struct Verification: Sendable, Hashable {
        /// Whether everything holds, and every record can be read.
        public var isSound: Bool { problems.isEmpty }
        /// What does not hold.
        public internal(set) var problems: [Problem] = []
        /// Records that were read.
        public internal(set) var records: UInt64 = 0
        /// Bytes of the files that were read.
        public internal(set) var bytes: UInt64 = 0
        /// What the records are together; nil where that was not looked at.
        public internal(set) var contents: BackupManifest.Contents?
    }

    /// The longest word that a backup can be given, in bytes.
    public static let longestTag = 200
}

public import BlazeModel
public import BlazePlatform
public import SystemPackage

/// What of a database can be read without its password, and by whom. It tells names and counts, never a value. Needs no key,
/// takes no lock and changes nothing; the metadata's signature is not verified.
public struct Exposure: Sendable {
    /// A file of the database, or a directory that holds some.
    public struct File: Sendable, Hashable {
        /// What it is: `data`, `meta`, `salt`, `wal`, `indexes`, `directory`, what left it (`Leftover.Kind`), `kept-set` for a
        /// directory with the files from before a repair, or `kept` for one of those.
        public let role: String
        /// What it is like.
        public let facts: PermissionFacts
        /// Who may read it besides its owner; of a directory, who may come to what is in it. Nil of a symbolic link: what it
        /// names is not looked at.
        public let readers: Readers?

        /// Whether its own bits let somebody besides its owner read it.
        public var isOpen: Bool { facts.kind != .link && facts.mode & 0o044 != 0 }

        init(_ role: String, _ facts: PermissionFacts, below above: Ancestors) {
            self.role = role
            self.facts = facts
            readers = facts.kind == .link ? nil : Readers(of: facts, below: above)
        }
    }

    /// A secondary index, whose keys are values of records.
    public struct Index: Sendable, Hashable {
        /// The name.
        public let name: String
        /// Its fields.
        public let fields: [String]
        /// Distinct keys.
        public let keys: Int
        /// Record ids under all keys.
        public let entries: Int
    }

    /// The database's files that are there, leftovers and kept sets behind them.
    public let files: [File]
    /// The directory that they are in; nil when it cannot be looked at.
    public let directory: File?
    /// Every text that holds indexed values, search words or record ids, those of the metadata file first. A copy of which
    /// that is not known has a `problem`.
    public let sources: [Source]
    /// What that comes to, the gravest first.
    public let findings: [Finding]

    /// The metadata proper: the signed payload, or what a file without one has in its place; nil when it cannot be read.
    private var proper: Source? { sources.first { $0.role == "meta" }.flatMap { $0.problem == nil ? $0 : nil } }
    /// The indexes whose keys stand in the metadata proper.
    public var indexes: [Index] { proper?.indexes ?? [] }
    /// Words of a search index there; nil when the metadata has none.
    public var searchWords: Int? { proper?.searchWords }
    /// Records whose ids stand in the metadata; nil when it cannot be read.
    public var recordIDs: Int? { proper?.recordIDs }
    /// Whether an unsigned copy beside the signed payload holds an index of records as well.
    public var hasMirror: Bool {
        guard let first = sources.first, first.role == "meta", first.part == .payload else { return false }
        return sources.contains { $0.path == first.path && $0.part == .layout && ($0.recordIDs ?? 0) > 0 }
    }

    /// Looks at the files. Throws `.notFound` where there are none, and what looking at them throws.
    ///
    /// - Parameter facts: tells what a path names.
    public static func read(
        _ files: FileSet, in storage: any Storage,
        facts: (FilePath) throws(StorageError) -> PermissionFacts? = PermissionFacts.read
    ) throws(EngineError) -> Exposure {
        try onStorage(files.data) {
            let above = Ancestors(files.directory, facts: facts)
            var survey = Survey(storage)
            for (role, path) in [
                ("data", files.data), ("meta", files.meta), ("salt", files.salt), ("wal", files.wal),
                ("indexes", files.indexes),
            ] {
                if let facts = try facts(path) { try survey.add(role, facts, below: above) }
            }
            let status = try FileSetStatus.read(files, in: storage)
            for leftover in status.leftovers {
                if let facts = try facts(leftover.path) { try survey.add(leftover.kind.rawValue, facts, below: above) }
            }
            if status.kept > 0 { try survey.addKept(of: files, below: above, facts: facts) }
            guard !survey.files.isEmpty else {
                throw EngineError(StorageError(.notFound, operation: "open", path: files.data))
            }
            if !status.leftoversKnown { survey.unlisted.append(files.directory) }
            let directory = try facts(files.directory).map { File("directory", $0, below: above.ofNearest) }
            return Exposure(survey, directory)
        }
    }

    private init(_ survey: Survey, _ directory: File?) {
        files = survey.files
        self.directory = directory
        sources = survey.sources
        findings = Self.findings(survey, directory)
    }
}

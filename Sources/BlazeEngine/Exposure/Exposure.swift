public import BlazeModel
public import BlazePlatform
public import SystemPackage

/// What of a database can be read without its password, and by whom. It tells names and counts, never a value. Needs no key,
/// takes no lock and changes nothing; the metadata's signature is not verified.
public struct Exposure: Sendable {
    /// A file of the database, or its directory.
    public struct File: Sendable, Hashable {
        /// What it is: `data`, `meta`, `salt`, `wal`, `indexes`, `directory`, or what left it (`Leftover.Kind`).
        public let role: String
        /// What it is like.
        public let facts: PermissionFacts

        /// Whether somebody besides its owner may read it, as far as its own bits go.
        public var isOpen: Bool { facts.kind != .link && facts.mode & 0o044 != 0 }
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

    /// The database's files that are there, leftovers behind them.
    public let files: [File]
    /// The directory that they are in; nil when it cannot be looked at.
    public let directory: File?
    /// The indexes whose keys stand in the metadata.
    public let indexes: [Index]
    /// Words of a search index; nil when the metadata has none.
    public let searchWords: Int?
    /// Records whose ids stand in the metadata; nil when it cannot be read.
    public let recordIDs: Int?
    /// Whether the unsigned mirror holds the index as well.
    public let hasMirror: Bool
    /// What that comes to, the gravest first.
    public let findings: [Finding]

    /// Whether others than the owner can come to the files: without the right to enter the directory no file's bits matter.
    public var isReachable: Bool { (directory?.facts.mode ?? 0o077) & 0o011 != 0 }

    /// Looks at the files. Throws `.notFound` where there are none, and what looking at them throws.
    ///
    /// - Parameter facts: tells what a path names.
    public static func read(
        _ files: FileSet, in storage: any Storage,
        facts: (FilePath) throws(StorageError) -> PermissionFacts? = PermissionFacts.read
    ) throws(EngineError) -> Exposure {
        try onStorage(files.data) {
            var found: [File] = []
            for (role, path) in [
                ("data", files.data), ("meta", files.meta), ("salt", files.salt), ("wal", files.wal),
                ("indexes", files.indexes),
            ] {
                if let facts = try facts(path) { found.append(File(role: role, facts: facts)) }
            }
            for leftover in try FileSetStatus.read(files, in: storage).leftovers {
                if let facts = try facts(leftover.path) {
                    found.append(File(role: leftover.kind.rawValue, facts: facts))
                }
            }
            guard !found.isEmpty else {
                throw EngineError(StorageError(.notFound, operation: "open", path: files.data))
            }
            let directory = try facts(files.directory).map { File(role: "directory", facts: $0) }
            // What cannot be read here says nothing; the check of the files tells why.
            let metadata = try? MetadataFile(files, in: storage)
            return Exposure(found, directory, metadata)
        }
    }

    private init(_ files: [File], _ directory: File?, _ metadata: MetadataFile?) {
        self.files = files
        self.directory = directory
        let payload = try? metadata?.payload()
        indexes = (payload?.indexes ?? []).filter { $0.entries > 0 }.map {
            Index(name: $0.name, fields: $0.fields, keys: $0.keys, entries: $0.entries)
        }
        searchWords = payload?.keptMembers.first { $0.key == "searchIndex" }.flatMap(Self.words)
        recordIDs = payload?.index.count
        hasMirror = metadata?.mirrorIndex() != nil
        let isReachable = (directory?.facts.mode ?? 0o077) & 0o011 != 0
        findings = Self.findings(files, directory, isReachable: isReachable, indexes, searchWords)
    }

    /// How many words a search index has; nil for one that has none.
    private static func words(_ member: Metadata.RawMember) -> Int? {
        var scanner = JSONScanner(member.value)
        guard let value = try? scanner.value(), case .object(let words)? = value["globalIndex"], !words.isEmpty else {
            return nil
        }
        return words.count
    }

    private static func findings(
        _ files: [File], _ directory: File?, isReachable: Bool, _ indexes: [Index], _ searchWords: Int?
    ) -> [Finding] {
        var out: [Finding] = []
        func add(_ name: Finding.Name, _ severity: Finding.Severity, _ count: Int, _ message: String) {
            if count > 0 { out.append(Finding(name, severity, count: count, message)) }
        }
        let open = files.filter(\.isOpen)
        add(
            .fileModeOpen, isReachable ? .advice : .note, open.count,
            isReachable
                ? "others than the owner may read \(open.count) files: \(list(open))"
                : "the modes of \(open.count) files let others read them, and the directory keeps others out")
        if let directory, directory.facts.mode & 0o077 != 0 {
            add(
                .directoryModeOpen, .advice, 1,
                "others may enter or list the directory: what BlazeDB saves there next, all can read by the usual umask"
            )
        }
        let foreign = (files + [directory].compactMap(\.self)).filter { !$0.facts.isOwn }
        add(.foreignOwner, .advice, foreign.count, "\(foreign.count) files belong to another user: \(list(foreign))")
        let links = files.filter { $0.facts.kind == .link }
        add(.symbolicLink, .note, links.count, "\(links.count) files are symbolic links: \(list(links))")
        let harmless = [Leftover.Kind.vacuumMarker, .transactionLog].map(\.rawValue)
        let copies = files.filter {
            Leftover.Kind(rawValue: $0.role) != nil && !harmless.contains($0.role) && $0.facts.size > 0
        }
        add(
            .leftoverHoldsData, .advice, copies.count,
            "\(copies.count) files that operations left hold copies of the data: \(list(copies))")
        add(
            .indexedValuesReadable, .note, indexes.count,
            "the values of \(indexes.count) indexes stand unencrypted in the metadata")
        add(
            .searchWordsReadable, .note, searchWords == nil ? 0 : 1,
            "\(searchWords ?? 0) words of records stand unencrypted in the metadata's search index")
        return out.sorted { $0.severity > $1.severity }
    }

    private static func list(_ files: [File]) -> String {
        let names = files.prefix(4).map {
            FilePath(root: nil, [$0.facts.path.lastComponent].compactMap(\.self)).displayString
        }
        return names.joined(separator: ", ") + (files.count > 4 ? " and \(files.count - 4) more" : "")
    }
}

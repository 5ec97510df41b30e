public import BlazePlatform
public import SystemPackage

/// Closes a database's files and their directory to others: 0600 and 0700. BlazeDB's next save makes the metadata anew by the
/// umask, so that only the directory's mode lasts (FORMAT.md 1).
public struct PermissionPlan: Sendable {
    /// What becomes of one file, or of a directory.
    public struct Change: Sendable, Hashable {
        /// What it is like now.
        public let facts: PermissionFacts
        /// The permission bits that it is to have.
        public let mode: UInt16
        /// Why it is left as it is; nil where it is changed.
        public let obstacle: String?
    }

    /// Files first, the directory last. What has these modes already is not among them.
    public let changes: [Change]

    /// Whether there is anything to change.
    public var isNeeded: Bool { changes.contains { $0.obstacle == nil } }

    /// - Parameters:
    ///   - takesDirectory: also where the directory holds other things than databases of its owner, or is `home`.
    ///   - home: the user's home directory.
    /// - Throws: what `Exposure.read` throws.
    public init(
        _ files: FileSet, in storage: any Storage, takesDirectory: Bool, home: FilePath? = nil,
        facts: @escaping (FilePath) throws(StorageError) -> PermissionFacts? = PermissionFacts.read
    ) throws(EngineError) {
        let exposure = try Exposure.read(files, in: storage, facts: facts)
        var changes: [Change] = []
        for file in exposure.files {
            let isDirectory = file.facts.kind == .directory
            let mode: UInt16 = isDirectory ? Self.closed(file.facts) : 0o600
            guard file.facts.kind == .link || file.facts.mode != mode else { continue }
            changes.append(Change(facts: file.facts, mode: mode, obstacle: Self.obstacle(file)))
        }
        if let directory = exposure.directory?.facts, directory.mode != Self.closed(directory) {
            let place = Place(files, storage, home: home, facts: facts)
            let obstacle = try onStorage(files.directory) { try place.obstacle(directory, takesDirectory) }
            changes.append(Change(facts: directory, mode: Self.closed(directory), obstacle: obstacle))
        }
        self.changes = changes
    }

    /// 0700, and whatever special bits the directory has.
    private static func closed(_ directory: PermissionFacts) -> UInt16 { directory.mode & 0o7000 | 0o700 }

    private static func obstacle(_ file: Exposure.File) -> String? {
        let facts = file.facts
        return switch facts.kind {
        case .link: "it is a symbolic link: see to what it names"
        case .directory where file.role != "kept-set": "it is no regular file"
        case .regular where file.role == "kept-set": "it is no directory"
        case .special: "it is no regular file"
        case .regular, .directory:
            if !facts.isOwn {
                "it belongs to user \(facts.owner)"
            } else if facts.kind == .regular, facts.names > 1 {
                "it has \(facts.names) names, and the others may be meant to be read"
            } else {
                nil
            }
        }
    }

    /// The directory of a database, and what it is besides.
    private struct Place {
        private let files: FileSet
        private let storage: any Storage
        private let home: FilePath?
        private let facts: (FilePath) throws(StorageError) -> PermissionFacts?

        init(
            _ files: FileSet, _ storage: any Storage, home: FilePath?,
            facts: @escaping (FilePath) throws(StorageError) -> PermissionFacts?
        ) {
            (self.files, self.storage, self.home, self.facts) = (files, storage, home, facts)
        }

        /// Why the directory is not closed. What a system cannot do without stays open even where its user asks otherwise.
        func obstacle(_ directory: PermissionFacts, _ takesDirectory: Bool) throws -> String? {
            guard directory.kind == .directory else {
                return "it is a symbolic link: see to the directory that it names"
            }
            guard directory.isOwn else { return "it belongs to user \(directory.owner)" }
            guard directory.mode & 0o1000 == 0 else { return "others keep files in it (sticky bit)" }
            let path = files.directory.resolved ?? files.directory.lexicallyNormalized()
            guard try facts("/")?.identity != directory.identity, !systemDirectories.contains(path.string) else {
                return "it is a directory of the system"
            }
            guard !takesDirectory else { return nil }
            if let home, try facts(home.resolved ?? home)?.identity == directory.identity {
                return "it is the home directory: --directory closes it all the same"
            }
            let names = try storage.names(in: files.directory)
            if let other = otherThing(names) {
                return
                    "it holds other things as well, such as \(FilePath.displayString(other)): --directory closes it all the same"
            }
            // Of the database's own files that is told one by one.
            let isShared = try names.filter { !files.has(FilePath(root: nil, [$0]).bytes) }
                .contains { try facts(files.directory.appending($0)).map { !$0.isOwn } ?? false }
            return isShared ? "it holds files of other users as well: --directory closes it all the same" : nil
        }

        /// The first name that is of no database.
        private func otherThing(_ names: [FilePath.Component]) -> [UInt8]? {
            func bytes(_ name: FilePath.Component) -> [UInt8] { FilePath(root: nil, [name]).bytes }
            let sets = names.filter {
                bytes($0).suffix(8).elementsEqual(".blazedb".utf8) && bytes($0).first != UInt8(ascii: ".")
            }.map { FileSet(data: files.directory.appending($0)) }
            return names.map(bytes).first { name in !([files] + sets).contains { $0.has(name) } }
        }
    }

    /// Carries it out, as far as it goes, and looks at each afterwards.
    ///
    /// - Returns: what was tried, with why it failed where it did.
    public func apply(
        facts: (FilePath) throws(StorageError) -> PermissionFacts? = PermissionFacts.read
    ) -> [(change: Change, failure: String?)] {
        changes.filter { $0.obstacle == nil }.map { change in
            do throws(StorageError) {
                try change.facts.change(to: change.mode)
                guard let now = try facts(change.facts.path) else { return (change, "it is not there any more") }
                guard now.identity == change.facts.identity, now.mode == change.mode else {
                    return (change, "another process replaced it or its mode meanwhile: try again")
                }
                return (change, nil)
            } catch {
                return (change, error.description)
            }
        }
    }
}

/// Directories that a system does not work without others entering.
private let systemDirectories: Set = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/run", "/sbin",
    "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/share", "/var", "/var/lib", "/var/log",
    "/var/tmp", "/Applications", "/Library", "/System", "/Users", "/Volumes", "/private", "/private/etc",
    "/private/tmp",
    "/private/var",
]

extension FileSet {
    /// Whether a file name is one of the set's, or of what operations leave beside it.
    fileprivate func has(_ name: [UInt8]) -> Bool {
        let own = [data, meta, salt, wal, indexes].compactMap(\.lastComponent).map { FilePath(root: nil, [$0]).bytes }
        return own.contains(name) || Leftover.Kind(file: name, name: nameBytes, dataName: dataNameBytes) != nil
            || isKept(name)
    }
}

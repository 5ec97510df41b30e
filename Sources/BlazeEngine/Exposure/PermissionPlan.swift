public import BlazePlatform
public import SystemPackage

/// Closes a database's files and their directory to others: 0600 and 0700. BlazeDB's next save makes the metadata anew by the
/// umask, so that only the directory's mode lasts (FORMAT.md 1).
public struct PermissionPlan: Sendable {
    /// What becomes of one file, or of the directory.
    public struct Change: Sendable, Hashable {
        /// What it is like now.
        public let facts: PermissionFacts
        /// The permission bits that it is to have.
        public let mode: UInt16
        /// Why it is left as it is; nil where it is changed.
        public let obstacle: String?
    }

    /// Files first, the directory last. What is closed already is not among them.
    public let changes: [Change]

    /// Whether there is anything to change.
    public var isNeeded: Bool { changes.contains { $0.obstacle == nil } }

    /// - Parameter takesDirectory: also where the directory holds other things than this database.
    /// - Throws: what `Exposure.read` throws.
    public init(
        _ files: FileSet, in storage: any Storage, takesDirectory: Bool,
        facts: (FilePath) throws(StorageError) -> PermissionFacts? = PermissionFacts.read
    ) throws(EngineError) {
        let exposure = try Exposure.read(files, in: storage, facts: facts)
        var changes: [Change] = []
        for file in exposure.files where file.facts.kind == .link || file.facts.mode & 0o177 != 0 {
            changes.append(Change(facts: file.facts, mode: 0o600, obstacle: Self.obstacle(file.facts)))
        }
        if let directory = exposure.directory?.facts, directory.mode & 0o077 != 0 {
            let obstacle = try Self.obstacle(directory, files, in: storage, takesDirectory)
            changes.append(Change(facts: directory, mode: directory.mode & 0o7000 | 0o700, obstacle: obstacle))
        }
        self.changes = changes
    }

    private static func obstacle(_ file: PermissionFacts) -> String? {
        switch file.kind {
        case .link: "it is a symbolic link: see to the file that it names"
        case .special, .directory: "it is no regular file"
        case .regular where !file.isOwn: "it belongs to user \(file.owner)"
        case .regular where file.names > 1: "it has \(file.names) names, and the others may be meant to be read"
        case .regular: nil
        }
    }

    private static func obstacle(
        _ directory: PermissionFacts, _ files: FileSet, in storage: any Storage, _ takesDirectory: Bool
    ) throws(EngineError) -> String? {
        guard directory.kind == .directory else { return "it is a symbolic link: see to the directory that it names" }
        guard directory.isOwn else { return "it belongs to user \(directory.owner)" }
        guard directory.mode & 0o1000 == 0 else { return "others keep files in it (sticky bit)" }
        guard !takesDirectory else { return nil }
        let names = try onStorage(files.directory) { try storage.names(in: files.directory) }
        let bytes = names.map { FilePath(root: nil, [$0]).bytes }
        let databases = bytes.filter { $0.suffix(8).elementsEqual(".blazedb".utf8) && $0.first != UInt8(ascii: ".") }
        let sets = names.filter { databases.contains(FilePath(root: nil, [$0]).bytes) }
            .map { FileSet(data: files.directory.appending($0)) }
        let other = bytes.first { name in !sets.contains { $0.has(name) } }
        return other.map {
            "it holds other things as well, such as \(FilePath.displayString($0)): --directory closes it all the same"
        }
    }

    /// Carries it out, as far as it goes.
    ///
    /// - Returns: what was tried, with why it failed where it did.
    public func apply() -> [(change: Change, failure: StorageError?)] {
        changes.filter { $0.obstacle == nil }.map { change in
            do throws(StorageError) {
                try change.facts.change(to: change.mode)
                return (change, nil)
            } catch {
                return (change, error)
            }
        }
    }
}

extension FileSet {
    /// Whether a file name is one of the set's, or of what operations leave beside it.
    fileprivate func has(_ name: [UInt8]) -> Bool {
        let own = [data, meta, salt, wal, indexes].compactMap(\.lastComponent).map { FilePath(root: nil, [$0]).bytes }
        return own.contains(name) || Leftover.Kind(file: name, name: nameBytes, dataName: dataNameBytes) != nil
            || isKept(name)
    }
}

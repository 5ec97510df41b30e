internal import BlazePlatform
public import SystemPackage

/// A walk over directories that finds databases by their names. Opens no file and follows no link to a directory.
public struct DirectoryScan: Sendable {
    /// What a walk comes across.
    public enum Event: Sendable, Equatable {
        /// A regular file named like a database.
        case found(FilePath)
        /// What BlazeDB left behind.
        case leftover(FilePath, LeftoverName)
        /// Something that was passed over, and why.
        case skipped(FilePath, String)
        /// How far the walk is.
        case progress(directories: UInt64, files: UInt64)
    }

    /// Whether the walk goes on.
    public enum Next: Sendable {
        /// It does.
        case go
        /// It ends here.
        case stop
    }

    /// What a walk has seen.
    public struct Totals: Sendable, Equatable {
        /// Directories entered.
        public var directories: UInt64 = 0
        /// Other entries seen.
        public var files: UInt64 = 0
        /// Whether the walk was ended before its end.
        public var stopped = false
    }

    /// A progress event comes after so many directories.
    static let progressInterval: UInt64 = 512

    private let roots: [FilePath]
    private let names: [String]
    private let paths: [String]

    /// A walk over `roots`. Patterns with a slash exclude whole paths, others names.
    public init(roots: [FilePath], excludes: [String]) {
        self.roots = roots
        names = excludes.filter { !$0.contains("/") }
        paths = excludes.filter { $0.contains("/") }
    }

    /// Walks. A root that does not exist is passed over; one that is a file named like a database is found.
    public func run(_ report: (Event) -> Next) -> Totals {
        var walk = Walk(scan: self)
        for root in roots {
            walk.start(root, report)
            while !walk.totals.stopped, let directory = walk.pending.popLast() { walk.enter(directory, report) }
            if walk.totals.stopped { break }
        }
        if !walk.totals.stopped {
            _ = report(.progress(directories: walk.totals.directories, files: walk.totals.files))
        }
        return walk.totals
    }

    func excludes(name: [UInt8]) -> Bool { names.contains { DirectoryListing.matches($0, name) } }
    func excludes(path: FilePath) -> Bool {
        guard !paths.isEmpty else { return false }
        let bytes = path.bytes
        return paths.contains { DirectoryListing.matches($0, bytes) }
    }
}

/// One walk under way. Directories wait on a list, not on the stack, so depth costs no stack.
private struct Walk {
    let scan: DirectoryScan
    var pending: [FilePath] = []
    var totals = DirectoryScan.Totals()
    /// Directories entered and linked files found: a second way to one of them is not taken.
    private var visited: Set<FileIdentity> = []
    private let storage = PosixStorage()

    init(scan: DirectoryScan) {
        self.scan = scan
    }

    mutating func start(_ root: FilePath, _ report: (DirectoryScan.Event) -> DirectoryScan.Next) {
        do throws(StorageError) {
            guard let status = try storage.status(of: root) else { return }
            switch status.kind {
            case .directory: pending.append(root.resolved ?? root)
            case .regular where Self.isDatabaseName(root.lastComponent.map(Self.bytes) ?? []):
                tell(.found(root), report)
            default: tell(.skipped(root, "neither a directory nor a database"), report)
            }
        } catch {
            tell(.skipped(root, "\(error)"), report)
        }
    }

    mutating func enter(_ directory: FilePath, _ report: (DirectoryScan.Event) -> DirectoryScan.Next) {
        var candidates: [(name: [UInt8], kind: DirectoryListing.Kind)] = []
        var below: [[UInt8]] = []
        var files: UInt64 = 0
        let identity: FileIdentity
        do throws(StorageError) {
            identity = try DirectoryListing.forEach(in: directory) { name, kind in
                if kind == .directory { below.append(Array(name)) } else { files += 1 }
                if Self.isDatabaseName(name) { candidates.append((Array(name), kind)) }
                return true
            }
        } catch {
            // A directory that goes away during the walk is nothing to tell.
            if error.code != .notFound { tell(.skipped(directory, "\(error)"), report) }
            return
        }
        guard visited.insert(identity).inserted else { return }
        totals.directories += 1
        totals.files += files
        for candidate in candidates.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            guard !totals.stopped, let path = child(directory, candidate.name) else { continue }
            look(at: path, candidate.name, candidate.kind, report)
        }
        // The list is worked off from its end, so the last pushed comes first: names in order, whatever the disk's order.
        below.sort { $1.lexicographicallyPrecedes($0) }
        for name in below where !scan.excludes(name: name) {
            if let path = child(directory, name), !scan.excludes(path: path) { pending.append(path) }
        }
        if totals.directories.isMultiple(of: DirectoryScan.progressInterval) {
            tell(.progress(directories: totals.directories, files: totals.files), report)
        }
    }

    private mutating func look(
        at path: FilePath, _ name: [UInt8], _ kind: DirectoryListing.Kind,
        _ report: (DirectoryScan.Event) -> DirectoryScan.Next
    ) {
        guard !scan.excludes(name: name), !scan.excludes(path: path) else { return }
        if let leftover = LeftoverName(name) { return tell(.leftover(path, leftover), report) }
        switch kind {
        case .regular: tell(.found(path), report)
        case .directory: tell(.skipped(path, "a directory"), report)
        case .special: tell(.skipped(path, "not a regular file"), report)
        case .link:
            do throws(StorageError) {
                guard let status = try storage.status(of: path) else {
                    return tell(.skipped(path, "a link to nothing"), report)
                }
                switch status.kind {
                case .regular where visited.insert(status.identity).inserted: tell(.found(path), report)
                case .regular: tell(.skipped(path, "a second link to the same file"), report)
                default: tell(.skipped(path, "a link to something that is no regular file"), report)
                }
            } catch {
                tell(.skipped(path, "\(error)"), report)
            }
        }
    }

    private mutating func tell(_ event: DirectoryScan.Event, _ report: (DirectoryScan.Event) -> DirectoryScan.Next) {
        if report(event) == .stop { totals.stopped = true }
    }

    private func child(_ directory: FilePath, _ name: [UInt8]) -> FilePath? {
        FilePath(bytes: directory.bytes + [UInt8(ascii: "/")] + name)
    }

    private static func bytes(_ component: FilePath.Component) -> [UInt8] { FilePath(root: nil, [component]).bytes }

    /// Whether a name ends in `.blazedb`, in any case, has something before it and is not hidden.
    private static func isDatabaseName(_ name: some RandomAccessCollection<UInt8>) -> Bool {
        let suffix: StaticString = ".blazedb"
        guard name.count > suffix.utf8CodeUnitCount, name.first != UInt8(ascii: ".") else { return false }
        return suffix.withUTF8Buffer { expected in
            name.suffix(expected.count).elementsEqual(expected) { a, b in
                a == b || (a | 0x20) == b && b != UInt8(ascii: ".")
            }
        }
    }
}

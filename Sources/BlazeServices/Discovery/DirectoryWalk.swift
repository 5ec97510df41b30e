internal import BlazeEngine
internal import BlazePlatform
internal import Dispatch
internal import Synchronization
internal import SystemPackage

/// One walk under way: the directories that wait, shared by its threads. They wait on a list, not on the stack, so depth
/// costs no stack.
///
/// `waiting` is signalled once for each directory put on the list, and for each thread once more at the end.
final class DirectoryWalk: Sendable {
    private struct State {
        var pending: [FilePath] = []
        var totals = DirectoryScan.Totals()
        /// Threads at work on a directory: until there are none, more directories may come.
        var busy = 0
        var threads = 0
        var isOver = false
        /// Directories entered: a second way to one of them (another root, a bind mount) is not taken.
        var visited: Set<FileIdentity> = []
        /// Links to files, told at the end in order, so that of two links to one file always the same is taken.
        var links: [(path: FilePath, identity: FileIdentity)] = []
    }

    private let scan: DirectoryScan
    private let state = Mutex(State())
    private let waiting = DispatchSemaphore(value: 0)
    private let storage = PosixStorage()

    init(_ scan: DirectoryScan) {
        self.scan = scan
    }

    var totals: DirectoryScan.Totals { state.withLock { $0.totals } }
    var progress: DirectoryScan.Event {
        let totals = totals
        return .progress(directories: totals.directories, files: totals.files)
    }

    /// Puts the roots on the list.
    ///
    /// - Returns: what there is to tell of roots that are no directories.
    func start() -> [DirectoryScan.Event] {
        var events: [DirectoryScan.Event] = []
        for root in scan.roots {
            do throws(StorageError) {
                guard let status = try storage.status(of: root) else { continue }
                let resolved = root.resolved ?? root
                switch status.kind {
                case .directory: push([resolved])
                case .regular where Self.isDatabaseName(Self.name(of: root)):
                    // The same file may have been named by its directory as well.
                    events.append(.found(root.canonical(from: root.removingLastComponent())))
                default: events.append(.skipped(root, "neither a directory nor a database"))
                }
            } catch {
                events.append(.skipped(root, "\(error)"))
            }
        }
        return events
    }

    /// Ends the walk: every thread returns after the directory that it is at.
    func stop() {
        let threads = state.withLock { state in
            state.isOver = true
            state.pending = []
            return state.threads
        }
        for _ in 0..<threads { waiting.signal() }
    }

    /// Works directories off until there are none left, or the walk is stopped.
    func work(_ deliver: ([DirectoryScan.Event]) -> Void) {
        let hasWork = state.withLock { state in
            state.threads += 1
            if state.pending.isEmpty, state.busy == 0 { state.isOver = true }
            return !state.isOver
        }
        guard hasWork else { return }
        var listing = DirectoryListing()
        while true {
            waiting.wait()
            let next = state.withLock { state -> FilePath? in
                guard !state.isOver, let directory = state.pending.popLast() else { return nil }
                state.busy += 1
                return directory
            }
            guard let next else {
                if state.withLock({ $0.isOver }) { return }
                continue
            }
            let (events, below) = enter(next, &listing)
            deliver(events)
            push(below)
            let isLast = state.withLock { state in
                state.busy -= 1
                guard state.busy == 0, state.pending.isEmpty, !state.isOver else { return false }
                state.isOver = true
                return true
            }
            if isLast { stop() }
        }
    }

    /// The files that links name, each once.
    func linkedFiles() -> [DirectoryScan.Event] {
        var seen: Set<FileIdentity> = []
        let links = state.withLock { $0.links }.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
        return links.map { link in
            seen.insert(link.identity).inserted
                ? .found(link.path) : .skipped(link.path, "a second link to the same file")
        }
    }

    private func push(_ directories: [FilePath]) {
        guard !directories.isEmpty else { return }
        let taken = state.withLock { state in
            guard !state.isOver else { return false }
            state.pending += directories
            return true
        }
        if taken { for _ in directories { waiting.signal() } }
    }

    // MARK: One directory

    private struct Candidate {
        let name: [UInt8]
        let kind: DirectoryListing.Kind
    }

    private func enter(
        _ directory: FilePath, _ listing: inout DirectoryListing
    ) -> (events: [DirectoryScan.Event], below: [FilePath]) {
        var candidates: [Candidate] = []
        var directories: [[UInt8]] = []
        do throws(StorageError) {
            let opened = try DirectoryListing.open(directory)
            guard state.withLock({ $0.visited.insert(opened.identity).inserted }) else {
                DirectoryListing.close(opened)
                return ([], [])
            }
            let files = try listing.forEachCandidate(in: opened) { name, kind in
                if kind == .directory { directories.append(Array(name)) }
                if kind != .directory || Self.isDatabaseName(name) {
                    candidates.append(Candidate(name: Array(name), kind: kind))
                }
            }
            state.withLock { state in
                state.totals.directories += 1
                state.totals.files += files
            }
        } catch {
            // A directory that goes away during the walk is nothing to tell.
            return error.code == .notFound ? ([], []) : ([.skipped(directory, "\(error)")], [])
        }
        let prefix = directory.bytes.last == UInt8(ascii: "/") ? directory.bytes : directory.bytes + [UInt8(ascii: "/")]
        func child(_ name: [UInt8]) -> FilePath? { FilePath(bytes: prefix + name) }

        var events: [DirectoryScan.Event] = []
        for candidate in candidates.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            guard !scan.excludes(name: candidate.name), let path = child(candidate.name), !scan.excludes(path: path)
            else { continue }
            if let event = look(at: path, candidate) { events.append(event) }
        }
        events += movedAside(candidates, child)
        var below: [FilePath] = []
        for name in directories where !scan.excludes(name: name) {
            guard let path = child(name), !scan.excludes(path: path) else { continue }
            if let mount = scan.mounts[path], mount.nature != .local {
                events.append(.skipped(path, "a mount of \(mount.type)"))
            } else {
                below.append(path)
            }
        }
        return (events, below)
    }

    /// What there is to tell of an entry; nil for one that is nothing of BlazeDB's, or a link, which waits.
    private func look(at path: FilePath, _ candidate: Candidate) -> DirectoryScan.Event? {
        if candidate.kind != .directory, let leftover = Leftover.Kind(orphan: candidate.name) {
            return .leftover(path, leftover)
        }
        guard Self.isDatabaseName(candidate.name) else { return nil }
        switch candidate.kind {
        case .regular: return .found(path)
        case .directory: return .skipped(path, "a directory")
        case .special: return .skipped(path, "not a regular file")
        case .link:
            do throws(StorageError) {
                guard let status = try storage.status(of: path) else { return .skipped(path, "a link to nothing") }
                guard status.kind == .regular else {
                    return .skipped(path, "a link to something that is no regular file")
                }
                state.withLock { $0.links.append((path, status.identity)) }
                return nil
            } catch {
                return .skipped(path, "\(error)")
            }
        }
    }

    /// Databases whose data file an interrupted vacuum has moved aside: only `NAME.vacuum_backup.blazedb` is there, and
    /// the metadata that describes it (FORMAT.md 7.4). They are databases in need, not mere leftovers.
    private func movedAside(
        _ candidates: [Candidate], _ child: ([UInt8]) -> FilePath?
    ) -> [DirectoryScan.Event] {
        let suffix = Array(".vacuum_backup.blazedb".utf8)
        let asides = candidates.filter {
            $0.kind == .regular && $0.name.count > suffix.count && $0.name.suffix(suffix.count) == suffix[...]
        }
        guard !asides.isEmpty else { return [] }
        let names = Set(candidates.map(\.name))
        return asides.compactMap { aside in
            let data = Array(aside.name.dropLast(suffix.count)) + Array(".blazedb".utf8)
            guard !names.contains(data), !scan.excludes(name: data), let path = child(data), !scan.excludes(path: path),
                let meta = try? storage.status(of: FileSet(data: path).meta), meta.kind == .regular
            else { return nil }
            return .found(path)
        }
    }

    private static func name(of path: FilePath) -> [UInt8] {
        path.lastComponent.map { FilePath(root: nil, [$0]).bytes } ?? []
    }

    /// Whether a name ends in `.blazedb`, in any case, has something before it and is not hidden.
    static func isDatabaseName(_ name: some RandomAccessCollection<UInt8>) -> Bool {
        let suffix: StaticString = ".blazedb"
        guard name.count > suffix.utf8CodeUnitCount, name.first != UInt8(ascii: ".") else { return false }
        return suffix.withUTF8Buffer { expected in
            name.suffix(expected.count).elementsEqual(expected) { a, b in
                a == b || (a | 0x20) == b && b != UInt8(ascii: ".")
            }
        }
    }
}

import BlazePlatform
import Synchronization
import SystemPackage

@testable import BlazeVault

/// Files in memory that know what is on the disk already: names since the directory was synced and bytes since the file
/// was are only in the cache. One call can fail, or be the last before the process or the machine dies.
final class CrashFiles: VaultFiles {
    /// What happens at the call that was chosen.
    enum Event: Sendable, Equatable, Hashable {
        /// It fails without an effect; a write has written a half.
        case fails(Errno)
        /// It has its effect and is then told as failed.
        case failsAfterwards
        /// The process dies in front of it; a write has written a half.
        case dies
        /// The process dies right behind it.
        case diesAfterwards

        var name: String {
            switch self {
            case .fails(let errno): "fails with \(errno.rawValue)"
            case .failsAfterwards: "fails afterwards"
            case .dies: "dies"
            case .diesAfterwards: "dies afterwards"
            }
        }
    }

    /// What the disk keeps of what was never synced.
    enum Survival: String, CaseIterable {
        /// All of it: the process died, the machine did not.
        case all
        /// Nothing.
        case nothing
        /// Names but no bytes.
        case names
        /// Bytes but no names.
        case bytes
        /// The last change of a name alone, and half of the bytes.
        case lastName
        /// All changes of names but the last, and half of the bytes.
        case earlierNames
    }

    struct Died: Error {}

    private struct Node {
        var bytes: [UInt8] = []
        var synced: [UInt8]?
    }

    private enum NameChange {
        case set(FilePath, Int)
        case move(FilePath, FilePath)
        case remove(FilePath)
    }

    private struct State {
        var nodes: [Int: Node] = [:]
        var names: [FilePath: Int] = [:]
        var syncedNames: [FilePath: Int] = [:]
        var pending: [NameChange] = []
        var directories: Set<FilePath> = []
        var calls: [String] = []
        var event: (at: Int, Event)?
        var isDead = false
        var isLocked = false
    }

    private let state: Mutex<State>
    let user: UInt32 = 1000

    private init(_ state: State) { self.state = Mutex(state) }

    convenience init() { self.init(State()) }

    /// The same files, with nothing in the cache only, where one call goes wrong.
    func copy(_ event: Event? = nil, at call: Int = 0) -> CrashFiles {
        let old = state.withLock { $0 }
        var new = State()
        new.nodes = old.nodes.mapValues { Node(bytes: $0.bytes, synced: $0.bytes) }
        new.names = old.names
        new.syncedNames = old.names
        new.directories = old.directories
        new.event = event.map { (call, $0) }
        return CrashFiles(new)
    }

    /// The names of the calls so far.
    var calls: [String] { state.withLock { $0.calls } }

    /// Whether the process died.
    var isDead: Bool { state.withLock { $0.isDead } }

    /// Lets no further call go wrong.
    func heal() { state.withLock { $0.event = nil } }

    subscript(path: FilePath) -> [UInt8]? {
        get { state.withLock { state in state.names[path].flatMap { state.nodes[$0]?.bytes } } }
        set {
            state.withLock { state in
                guard let newValue else {
                    state.names[path] = nil
                    state.syncedNames[path] = nil
                    return
                }
                let number = state.nodes.count
                state.nodes[number] = Node(bytes: newValue, synced: newValue)
                state.names[path] = number
                state.syncedNames[path] = number
            }
        }
    }

    /// The disk as a machine finds it that is started again.
    func survivors(_ survival: Survival) -> CrashFiles {
        let old = state.withLock { $0 }
        var new = State()
        new.directories = old.directories
        new.nodes = old.nodes.mapValues { node in
            let bytes: [UInt8]
            switch survival {
            case .all, .bytes: bytes = node.bytes
            case .nothing, .names: bytes = node.synced ?? []
            case .lastName, .earlierNames:
                bytes = node.synced ?? Array(node.bytes.prefix(node.bytes.count / 2))
            }
            return Node(bytes: bytes, synced: bytes)
        }
        var names = old.syncedNames
        let changes: ArraySlice<NameChange> =
            switch survival {
            case .all, .names: old.pending[...]
            case .nothing, .bytes: []
            case .lastName: old.pending.suffix(1)
            case .earlierNames: old.pending.dropLast()
            }
        // A move that is kept although the making of its source is not still names the node.
        var known = old.syncedNames
        for change in old.pending { if case .set(let path, let node) = change { known[path] = node } }
        for change in changes {
            switch change {
            case .set(let path, let node): names[path] = node
            case .move(let from, let to):
                names[to] = names[from] ?? known[from]
                names[from] = nil
            case .remove(let path): names[path] = nil
            }
        }
        new.names = names
        new.syncedNames = names
        return CrashFiles(new)
    }

    /// Counts a call and lets it go wrong when it is the chosen one. `half` is what a write that is cut off does.
    private func call<R: Sendable>(
        _ name: String, _ path: FilePath, half: (inout State) -> Void = { _ in },
        _ body: (inout State) throws(StorageError) -> R
    ) throws(StorageError) -> R {
        let result: Result<R, StorageError> = state.withLock { state in
            func failure(_ errno: Errno) -> Result<R, StorageError> {
                .failure(StorageError(errno, operation: name, path: path))
            }
            guard !state.isDead else { return failure(.ioError) }
            state.calls.append(name)
            let event = state.event.flatMap { $0.at == state.calls.count ? $0.1 : nil }
            switch event {
            case .fails(let errno):
                half(&state)
                return failure(errno)
            case .dies:
                half(&state)
                state.isDead = true
                return failure(.ioError)
            case nil, .failsAfterwards, .diesAfterwards: break
            }
            let result: Result<R, StorageError>
            do throws(StorageError) {
                result = .success(try body(&state))
            } catch {
                result = .failure(error)
            }
            if event == .diesAfterwards { state.isDead = true }
            return event == nil ? result : failure(.ioError)
        }
        return try result.get()
    }

    func status(of path: FilePath) throws(StorageError) -> VaultFileStatus? {
        let user = user
        return try call("status", path) { state in
            if state.directories.contains(path) {
                return VaultFileStatus(kind: .directory, size: 0, mode: 0o700, owner: user)
            }
            return state.names[path].map { node in
                VaultFileStatus(
                    kind: .regular, size: UInt64(state.nodes[node]?.bytes.count ?? 0), mode: 0o600, owner: user)
            }
        }
    }

    func makeDirectory(_ path: FilePath) throws(StorageError) {
        try call("makeDirectory", path) { state in _ = state.directories.insert(path) }
    }

    func read(_ path: FilePath, limit: Int) throws(StorageError) -> (status: VaultFileStatus, bytes: [UInt8]) {
        let user = user
        return try call("read", path) { state throws(StorageError) in
            guard let node = state.names[path], let bytes = state.nodes[node]?.bytes else {
                throw StorageError(.noSuchFileOrDirectory, operation: "read", path: path)
            }
            let status = VaultFileStatus(kind: .regular, size: UInt64(bytes.count), mode: 0o600, owner: user)
            return (status, Array(bytes.prefix(limit)))
        }
    }

    func create(_ path: FilePath) throws(StorageError) -> any VaultFileWriter {
        let number = try call("create", path) { state throws(StorageError) in
            guard state.names[path] == nil else {
                throw StorageError(.fileExists, operation: "create", path: path)
            }
            let number = state.nodes.count
            state.nodes[number] = Node()
            state.names[path] = number
            state.pending.append(.set(path, number))
            return number
        }
        return Writer(files: self, path: path, number: number)
    }

    private final class Writer: VaultFileWriter {
        let files: CrashFiles
        let path: FilePath
        let number: Int

        init(files: CrashFiles, path: FilePath, number: Int) {
            self.files = files
            self.path = path
            self.number = number
        }

        func write(_ bytes: [UInt8]) throws(StorageError) {
            try files.call(
                "write", path, half: { $0.nodes[self.number]?.bytes += bytes.prefix(bytes.count / 2) }
            ) { $0.nodes[self.number]?.bytes += bytes }
        }

        func sync() throws(StorageError) {
            try files.call("sync", path) { state in
                let bytes = state.nodes[self.number]?.bytes
                state.nodes[self.number]?.synced = bytes
            }
        }
    }

    func rename(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try call("rename", path) { state throws(StorageError) in
            guard let node = state.names[path] else {
                throw StorageError(.noSuchFileOrDirectory, operation: "rename", path: path)
            }
            state.names[path] = nil
            state.names[other] = node
            state.pending.append(.move(path, other))
        }
    }

    func link(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try call("link", path) { state throws(StorageError) in
            guard let node = state.names[path] else {
                throw StorageError(.noSuchFileOrDirectory, operation: "link", path: path)
            }
            guard state.names[other] == nil else { throw StorageError(.fileExists, operation: "link", path: other) }
            state.names[other] = node
            state.pending.append(.set(other, node))
        }
    }

    func remove(_ path: FilePath) throws(StorageError) {
        try call("remove", path) { state in
            guard state.names[path] != nil else { return }
            state.names[path] = nil
            state.pending.append(.remove(path))
        }
    }

    func syncDirectory(_ path: FilePath) throws(StorageError) {
        try call("syncDirectory", path) { state in
            state.syncedNames = state.names
            state.pending = []
        }
    }

    func lock(_ path: FilePath, patience: Duration) throws(StorageError) -> any Sendable {
        try call("lock", path) { state throws(StorageError) in
            guard !state.isLocked else { throw StorageError(.wouldBlock, operation: "lock", path: path) }
        }
        // Not with the call: a lock that was not had holds nobody up.
        state.withLock { $0.isLocked = true }
        return Lock(files: self)
    }

    private final class Lock: Sendable {
        let files: CrashFiles

        init(files: CrashFiles) { self.files = files }

        deinit { files.state.withLock { $0.isLocked = false } }
    }
}

public import BlazePlatform
import Synchronization
public import SystemPackage

/// Files in memory that know what is on the disk already: names since their directory was synced and bytes since their file
/// was are only in the cache, and a machine that stops keeps any part of them. One changing call can fail, or be the last
/// before the process or the machine dies.
public final class CrashStorage: ChangingStorage {
    /// What happens at the changing call that was chosen.
    public enum Event: Sendable, Hashable {
        /// It fails without an effect; a write has written a part.
        case fails(Errno)
        /// It has its effect and is then told as failed.
        case failsAfterwards(Errno)
        /// The process dies in front of it; a write has written a part.
        case dies
    }

    /// What the disk keeps of what was never synced.
    public enum Survival: Sendable, Hashable {
        /// All of it: the process died, the machine did not.
        case all
        /// Nothing.
        case nothing
        /// Any sectors of 512 bytes and any changes of names, by chance.
        case some(seed: UInt64)
    }

    fileprivate enum Change {
        case write(UInt64, [UInt8])
        case truncate(UInt64)
    }

    fileprivate struct Node {
        var bytes: [UInt8] = []
        var synced: [UInt8] = []
        var pending: [Change] = []
        var changes: Int64 = 0
        var mode: UInt16 = 0o600
        var isDirectory = false
        var isLocked = false
    }

    private struct State {
        var nodes: [Int: Node] = [:]
        var nextNode = 1
        var names: [FilePath: Int] = [:]
        var syncedNames: [FilePath: Int] = [:]
        /// Changes of names that were not synced, each with all that it does.
        var pendingNames: [[(FilePath, Int?)]] = []
        var calls: [String] = []
        var event: (at: Int, Event)?
        var isDead = false
    }

    private let state: Mutex<State>

    /// No files.
    public init() { state = Mutex(State()) }

    /// Files of these names under `/db/`, all of them on the disk.
    public convenience init(_ contents: [String: [UInt8]]) {
        self.init()
        for (name, bytes) in contents { self[FilePath("/db").appending(name)] = bytes }
    }

    /// The same files, with nothing in the cache only, where one call goes wrong.
    public func copy(_ event: Event? = nil, at call: Int = 0) -> CrashStorage {
        let copy = CrashStorage()
        state.withLock { old in
            copy.state.withLock { new in
                for (number, node) in old.nodes {
                    new.nodes[number] = Node(
                        bytes: node.bytes, synced: node.bytes, changes: node.changes, mode: node.mode,
                        isDirectory: node.isDirectory)
                }
                new.nextNode = old.nextNode
                new.names = old.names
                new.syncedNames = old.names
                new.event = event.map { (call, $0) }
            }
        }
        return copy
    }

    /// The names of the changing calls so far.
    public var calls: [String] { state.withLock { $0.calls } }
    /// Whether the process died.
    public var isDead: Bool { state.withLock { $0.isDead } }
    /// The paths of all files, directories left out.
    public var paths: [FilePath] {
        state.withLock { state in
            state.names.filter { state.nodes[$0.value]?.isDirectory == false }.keys.sorted { $0.string < $1.string }
        }
    }

    /// A file's bytes, and on the disk when set; nil removes it.
    public subscript(path: FilePath) -> [UInt8]? {
        get { state.withLock { state in state.names[path].flatMap { state.nodes[$0]?.bytes } } }
        set {
            state.withLock { state in
                let number = newValue.map { bytes in
                    state.nextNode += 1
                    state.nodes[state.nextNode] = Node(bytes: bytes, synced: bytes)
                    return state.nextNode
                }
                state.names[path] = number
                state.syncedNames[path] = number
            }
        }
    }

    /// The disk as it is found when the process, or the machine, has been started again.
    public func survivors(_ survival: Survival) -> CrashStorage {
        let copy = CrashStorage()
        var generator = SeededGenerator(seed: 0)
        if case .some(let seed) = survival { generator = SeededGenerator(seed: seed) }
        func isKept() -> Bool {
            switch survival {
            case .all: true
            case .nothing: false
            case .some: Bool.random(using: &generator)
            }
        }
        state.withLock { old in
            copy.state.withLock { new in
                new.nextNode = old.nextNode
                for (number, node) in old.nodes.sorted(by: { $0.key < $1.key }) {
                    var bytes = node.synced
                    for change in node.pending {
                        switch change {
                        case .truncate(let size): if isKept() { bytes.resize(Int(size)) }
                        case .write(let at, let data):
                            var start = 0
                            while start < data.count {
                                let end = min(data.count, start + 512 - (Int(at) + start) % 512)
                                if isKept() { bytes.put(data[start..<end], at: Int(at) + start) }
                                start = end
                            }
                        }
                    }
                    new.nodes[number] = Node(
                        bytes: bytes, synced: bytes, changes: node.changes, mode: node.mode,
                        isDirectory: node.isDirectory)
                }
                new.names = old.syncedNames
                for change in old.pendingNames where isKept() {
                    for (path, number) in change { new.names[path] = number }
                }
                // What a directory holds that never came to the disk is lost with it.
                let directories = Set(new.names.filter { new.nodes[$0.value]?.isDirectory == true }.keys)
                let made = Set(old.nodes.filter(\.value.isDirectory).keys)
                let lost = Set(old.names.filter { made.contains($0.value) }.keys).subtracting(directories)
                for path in new.names.keys where lost.contains(path.removingLastComponent()) { new.names[path] = nil }
                new.syncedNames = new.names
            }
        }
        return copy
    }

    // MARK: Calls

    /// The parts of every path that was asked for: taking one apart costs more than all else here.
    private static let splits = Mutex<[FilePath: (directory: FilePath, name: FilePath.Component?)]>([:])

    private static func split(_ path: FilePath) -> (directory: FilePath, name: FilePath.Component?) {
        splits.withLock { splits in
            if let known = splits[path] { return known }
            let parts = (directory: path.removingLastComponent(), name: path.lastComponent)
            splits[path] = parts
            return parts
        }
    }

    private static let device: UInt64 = 1

    fileprivate struct Died: Error {}

    /// Counts a changing call and carries it out, unless it is the one that goes wrong. `part` is what a failed one has done.
    private func change<T>(
        _ operation: String, _ path: FilePath, part: (inout State) -> Void = { _ in },
        _ body: (inout State) throws(StorageError) -> T
    ) throws(StorageError) -> T {
        let verb = String(operation.prefix { $0 != " " })
        let result = state.withLock { state -> Result<T, StorageError> in
            if state.isDead { return .failure(StorageError(.ioError, operation: verb, path: path)) }
            state.calls.append("\(operation) \(Self.split(path).name?.string ?? "")")
            if let event = state.event, event.at == state.calls.count {
                switch event.1 {
                case .fails(let errno):
                    part(&state)
                    return .failure(StorageError(errno, operation: verb, path: path))
                case .dies:
                    part(&state)
                    state.isDead = true
                    return .failure(StorageError(.ioError, operation: verb, path: path))
                case .failsAfterwards(let errno):
                    do throws(StorageError) {
                        _ = try body(&state)
                    } catch {
                        return .failure(error)
                    }
                    return .failure(StorageError(errno, operation: verb, path: path))
                }
            }
            do throws(StorageError) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func look<T>(
        _ operation: String, _ path: FilePath, _ body: (inout State) throws(StorageError) -> T
    ) throws(StorageError) -> T {
        let result = state.withLock { state -> Result<T, StorageError> in
            if state.isDead { return .failure(StorageError(.ioError, operation: operation, path: path)) }
            do throws(StorageError) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func missing(_ operation: String, _ path: FilePath) -> StorageError {
        StorageError(.notFound, operation: operation, path: path)
    }

    private static func status(_ number: Int, _ node: Node) -> FileStatus {
        FileStatus(
            kind: node.isDirectory ? .directory : .regular, size: UInt64(node.bytes.count),
            allocated: UInt64(node.bytes.count),
            identity: FileIdentity(device: device, inode: UInt64(number)),
            modified: Int64(number) * 1_000_000 + node.changes, mode: node.mode, owner: 0)
    }

    private func handle(_ path: FilePath) throws(StorageError) -> CrashFile {
        try look("open", path) { (state) throws(StorageError) in
            guard let number = state.names[path] else { throw Self.missing("open", path) }
            return CrashFile(self, path, number)
        }
    }

    /// Opens a file.
    public func open(_ path: FilePath) throws(StorageError) -> any StorageFile { try handle(path) }
    /// Opens a file for changes.
    public func openForWriting(_ path: FilePath) throws(StorageError) -> any WritableFile { try handle(path) }

    /// Makes a file.
    public func create(_ path: FilePath, like model: FileStatus?) throws(StorageError) -> any WritableFile {
        try change("create", path) { (state) throws(StorageError) in
            guard state.names[path] == nil else { throw StorageError(.exists, operation: "create", path: path) }
            state.nextNode += 1
            state.nodes[state.nextNode] = Node(mode: model?.mode ?? 0o600)
            state.names[path] = state.nextNode
            state.pendingNames.append([(path, state.nextNode)])
            return CrashFile(self, path, state.nextNode)
        }
    }

    /// Gives a file another name.
    public func rename(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try change("rename", path) { (state) throws(StorageError) in
            guard let number = state.names[path] else { throw Self.missing("rename", path) }
            // Of two names of one file both stay, as rename(2) has it.
            guard state.names[other] != number else { return }
            state.names[other] = number
            state.names[path] = nil
            state.pendingNames.append([(other, number), (path, nil)])
        }
    }

    /// Gives a file a second name.
    public func link(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try change("link", other) { (state) throws(StorageError) in
            guard let number = state.names[path] else { throw Self.missing("link", path) }
            guard state.names[other] == nil else { throw StorageError(.exists, operation: "link", path: other) }
            state.names[other] = number
            state.pendingNames.append([(other, number)])
        }
    }

    /// Takes a name away.
    public func remove(_ path: FilePath) throws(StorageError) {
        try change("remove", path) { (state) throws(StorageError) in
            guard state.names[path] != nil else { return }
            state.names[path] = nil
            state.pendingNames.append([(path, nil)])
        }
    }

    /// What stat tells: there are no links here.
    public func ownStatus(of path: FilePath) throws(StorageError) -> FileStatus? { try status(of: path) }

    /// Makes a directory.
    public func makeDirectory(_ path: FilePath, like model: FileStatus?) throws(StorageError) {
        try change("make", path) { (state) throws(StorageError) in
            guard state.names[path] == nil else { throw StorageError(.fileExists, operation: "make", path: path) }
            state.nextNode += 1
            state.nodes[state.nextNode] = Node(mode: 0o700, isDirectory: true)
            state.names[path] = state.nextNode
            state.pendingNames.append([(path, state.nextNode)])
        }
    }

    /// Takes an empty directory away.
    public func removeDirectory(_ path: FilePath) throws(StorageError) {
        try change("rmdir", path) { (state) throws(StorageError) in
            guard !state.names.keys.contains(where: { $0.removingLastComponent() == path }) else {
                throw StorageError(.directoryNotEmpty, operation: "remove", path: path)
            }
            guard state.names[path] != nil else { return }
            state.names[path] = nil
            state.pendingNames.append([(path, nil)])
        }
    }

    /// Makes all names durable.
    public func syncDirectory(of path: FilePath) throws(StorageError) {
        try change("sync the directory of", path) { (state) throws(StorageError) in
            state.syncedNames = state.names
            state.pendingNames = []
        }
    }

    /// Takes a lock.
    public func lock(_ path: FilePath) throws(StorageError) -> any FileLock {
        try look("lock", path) { (state) throws(StorageError) in
            guard let number = state.names[path] else { throw Self.missing("lock", path) }
            guard state.nodes[number]?.isLocked == false else {
                throw StorageError(.locked, operation: "lock", path: path)
            }
            state.nodes[number]?.isLocked = true
            return CrashLock(self, path, number)
        }
    }

    /// Whether somebody holds the lock of what a path names.
    public func isLocked(_ path: FilePath) -> Bool {
        state.withLock { state in state.names[path].flatMap { state.nodes[$0]?.isLocked } ?? false }
    }

    fileprivate func unlock(_ number: Int) { state.withLock { $0.nodes[number]?.isLocked = false } }

    /// A great deal.
    public func available(at path: FilePath) -> UInt64? { 1 << 40 }

    /// What stat tells.
    public func status(of path: FilePath) throws(StorageError) -> FileStatus? {
        try look("stat", path) { (state) throws(StorageError) in
            state.names[path].flatMap { number in state.nodes[number].map { Self.status(number, $0) } }
        }
    }

    /// The names in a directory.
    public func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] {
        try look("list", directory) { (state) throws(StorageError) in
            state.names.keys.map { Self.split($0) }.filter { $0.directory == directory }.compactMap(\.name)
        }
    }

    /// Nobody holds a lock but the caller.
    public func ownership(of file: FileIdentity, at path: FilePath) -> Ownership { .free }

    // MARK: Files

    fileprivate func status(_ number: Int, _ path: FilePath) throws(StorageError) -> FileStatus {
        try look("stat", path) { (state) throws(StorageError) in
            guard let node = state.nodes[number] else { throw Self.missing("stat", path) }
            return Self.status(number, node)
        }
    }

    fileprivate func read(
        _ number: Int, _ path: FilePath, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int {
        let bytes = try look("read", path) { (state) throws(StorageError) in state.nodes[number]?.bytes ?? [] }
        guard offset < UInt64(bytes.count) else { return 0 }
        let count = min(buffer.count, bytes.count - Int(offset))
        bytes.withUnsafeBytes { source in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[Int(offset)..<Int(offset) + count]))
        }
        return count
    }

    fileprivate func write(_ number: Int, _ path: FilePath, _ data: [UInt8], at offset: UInt64) throws(StorageError) {
        func put(_ data: [UInt8], _ state: inout State) {
            state.nodes[number]?.bytes.put(data[...], at: Int(offset))
            state.nodes[number]?.pending.append(.write(offset, data))
            state.nodes[number]?.changes += 1
        }
        try change(
            "write", path, part: { put(Array(data.prefix(data.count / 2)), &$0) }
        ) { (state) throws(StorageError) in
            put(data, &state)
        }
    }

    fileprivate func truncate(_ number: Int, _ path: FilePath, to size: UInt64) throws(StorageError) {
        try change("truncate", path) { (state) throws(StorageError) in
            state.nodes[number]?.bytes.resize(Int(size))
            state.nodes[number]?.pending.append(.truncate(size))
            state.nodes[number]?.changes += 1
        }
    }

    fileprivate func sync(_ number: Int, _ path: FilePath) throws(StorageError) {
        try change("sync", path) { (state) throws(StorageError) in
            guard let node = state.nodes[number] else { return }
            state.nodes[number]?.synced = node.bytes
            state.nodes[number]?.pending = []
        }
    }
}

extension [UInt8] {
    fileprivate mutating func resize(_ count: Int) {
        if count < self.count {
            removeLast(self.count - count)
        } else {
            self += [UInt8](repeating: 0, count: count - self.count)
        }
    }

    fileprivate mutating func put(_ data: ArraySlice<UInt8>, at offset: Int) {
        if count < offset + data.count { resize(offset + data.count) }
        replaceSubrange(offset..<offset + data.count, with: data)
    }
}

private final class CrashFile: WritableFile {
    private let storage: CrashStorage
    private let number: Int
    let path: FilePath

    init(_ storage: CrashStorage, _ path: FilePath, _ number: Int) {
        self.storage = storage
        self.path = path
        self.number = number
    }

    func status() throws(StorageError) -> FileStatus { try storage.status(number, path) }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        try storage.read(number, path, into: buffer, at: offset)
    }
    func nextData(from offset: UInt64) throws(StorageError) -> UInt64? {
        offset < (try status().size) ? offset : nil
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try storage.write(number, path, Array(bytes), at: offset)
    }
    func truncate(to size: UInt64) throws(StorageError) { try storage.truncate(number, path, to: size) }
    func sync() throws(StorageError) { try storage.sync(number, path) }
}

private final class CrashLock: FileLock {
    private let storage: CrashStorage
    private let number: Int
    let path: FilePath
    var identity: FileIdentity { FileIdentity(device: 1, inode: UInt64(number)) }

    init(_ storage: CrashStorage, _ path: FilePath, _ number: Int) {
        self.storage = storage
        self.path = path
        self.number = number
    }

    deinit { storage.unlock(number) }
}

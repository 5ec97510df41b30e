internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

/// The file system as looking at databases sees it: beside a job of this agent that changes a database, the agent is that
/// database's owner like any other process, and what is normal beside an owner is no damage. A lock that the agent holds
/// for reading is none of an owner's.
struct ObservedStorage: Storage {
    private let base: any Storage
    private let jobs: JobRegistry
    private let processID: Int32

    init(_ base: any Storage, jobs: JobRegistry, processID: Int32) {
        self.base = base
        self.jobs = jobs
        self.processID = processID
    }

    func open(_ path: FilePath) throws(StorageError) -> any StorageFile { try base.open(path) }
    func status(of path: FilePath) throws(StorageError) -> FileStatus? { try base.status(of: path) }
    func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] { try base.names(in: directory) }
    func available(at path: FilePath) -> UInt64? { base.available(at: path) }

    func ownership(of file: FileIdentity, at path: FilePath) -> Ownership {
        let found = base.ownership(of: file, at: path)
        guard found == .leased, jobs.isChanging(path) || jobs.isChangingAside(path) else { return found }
        return .owned([LockHolder(processID: processID, executable: Executables.own())])
    }
}

extension JobRegistry {
    /// Whether the path is where a vacuum keeps the old data file of a database that a job changes.
    fileprivate func isChangingAside(_ path: FilePath) -> Bool {
        all.contains { $0.state.isActive && FileSet(data: $0.path).dataAside == path }
    }
}

extension WireOwnership {
    /// An ownership as clients are told: a lock of the agent itself is leased, whatever it does with it.
    init(_ ownership: Ownership, of state: AgentState) {
        let isOwn = ownership.isOwned && ownership.holders.allSatisfy { $0.processID == state.processID }
        self.init(isOwn ? .leased : ownership)
    }
}

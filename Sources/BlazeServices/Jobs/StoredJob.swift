internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

/// A job as its file in the journal has it. Progress is not kept: it is over with the agent.
struct StoredJob: Codable {
    static let currentVersion = 1

    var version: Int
    var id: UInt64
    var kind: JobKind
    var path: String?
    var pathHex: String?
    var title: String
    var clientProcessID: Int32
    var started: Int64
    var ended: Int64?
    var state: JobState
    var outcome: JobOutcome?
    var failure: JobFailure?
    var recovery: [JobRecovery]
    var device: UInt64?
    var inode: UInt64?

    enum CodingKeys: String, CodingKey {
        case version
        case id
        case kind
        case path
        case pathHex = "path_hex"
        case title
        case clientProcessID = "client_pid"
        case started
        case ended
        case state
        case outcome
        case failure
        case recovery
        case device
        case inode
    }

    init(_ job: Job) {
        version = Self.currentVersion
        id = job.id
        kind = job.kind
        let stored = StoredPath(job.path)
        path = stored.text
        pathHex = stored.hex
        title = job.title
        clientProcessID = job.clientProcessID
        started = job.started
        ended = job.ended
        state = job.state
        outcome = job.outcome
        failure = job.failure
        recovery = job.recovery
        device = job.file?.device
        inode = job.file?.inode
    }

    /// The job; nil when what the file says cannot be one. One that was not over when the file was written is interrupted.
    var job: Job? {
        guard version == Self.currentVersion, let path = StoredPath(text: path, hex: pathHex).path else { return nil }
        var job = Job(
            id: id, kind: kind, path: path, title: title, clientProcessID: clientProcessID, started: started)
        job.state = state.isOver ? state : .interrupted
        job.ended = ended
        job.outcome = outcome
        job.failure = failure
        job.recovery = recovery
        job.file = device.flatMap { device in inode.map { FileIdentity(device: device, inode: $0) } }
        return job
    }
}

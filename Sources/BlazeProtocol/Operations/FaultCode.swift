public import BlazePlatform

/// Why a request was not carried out (Protocol/agent.md section 6). Numbers are never reused.
public enum FaultCode: UInt32, Sendable, CaseIterable {
    /// A failure of the agent itself.
    case `internal` = 1
    /// A frame that makes no sense; the connection ends.
    case malformed = 2
    /// A declared length over its limit; the connection ends.
    case tooLarge = 3
    /// No common protocol version; the connection ends.
    case unsupportedProtocol = 4
    /// The agent does not know the operation.
    case unknownOperation = 5
    /// The body is not what the operation takes, or a value in it is out of range.
    case invalidRequest = 6
    /// All connections are taken; the connection ends.
    case tooManyConnections = 7
    /// The agent is stopping.
    case stopping = 8
    /// The asking process's user is not served; the connection ends.
    case peerRefused = 9

    /// Nothing has that name or path.
    case notFound = 20
    /// The name stands for more than one database.
    case ambiguous = 21
    /// The path is no BlazeDB database.
    case notADatabase = 22
    /// The agent's user may not read the file.
    case accessDenied = 23
    /// Reading failed.
    case readFailed = 24
    /// The password does not open the database.
    case wrongPassword = 25
    /// The agent has no key for the database, and the request brought no password.
    case locked = 26
    /// The database is damaged in a way that prevents the request.
    case damaged = 27
    /// The format, or a version of it, is not supported.
    case unsupportedFormat = 28
    /// A size in the file is over what the agent takes into memory.
    case limitExceeded = 29
    /// The files changed again and again while they were read.
    case unstable = 30
    /// The name is taken, or the file is there.
    case exists = 31
    /// The configuration file is not in order.
    case invalidConfiguration = 32
    /// Guarded memory, disk space or threads are used up.
    case insufficient = 33
    /// Writing a file failed.
    case writeFailed = 34
    /// Another process holds the database's lock.
    case busy = 35
    /// The vault is locked, and the request needs it.
    case vaultLocked = 36
    /// There is no vault.
    case noVault = 37
    /// After wrong passphrases the next attempt has to wait, and the request does not want to.
    case rateLimited = 38
    /// Nobody answered the question that the request waited for.
    case promptEnded = 39
    /// The operation was ended by a release of the lock that it held.
    case released = 40
    /// The vault's file is damaged.
    case vaultDamaged = 41
    /// The passphrase or recovery code does not open the vault.
    case wrongPassphrase = 42
    /// What the request works with was locked while it was carried out.
    case lockedMeanwhile = 43
    /// A secret is needed; the client cannot ask for it, and no other asks.
    case nobodyToAsk = 44
    /// The job was cancelled before its end.
    case cancelled = 45
    /// The database was changed since, and that would be lost.
    case changedSince = 46
    /// What was given does not open the sealed dump.
    case dumpNotOpened = 60
    /// What is to be imported is not of the form that it should be.
    case malformedInput = 61
    /// A value cannot be written in the form that was asked for.
    case notRepresentable = 62

    /// The code's name in JSON output and in the specification.
    public var name: String {
        switch self {
        case .internal: "internal"
        case .malformed: "malformed"
        case .tooLarge: "too-large"
        case .unsupportedProtocol: "unsupported-protocol"
        case .unknownOperation: "unknown-operation"
        case .invalidRequest: "invalid-request"
        case .tooManyConnections: "too-many-connections"
        case .stopping: "stopping"
        case .peerRefused: "peer-refused"
        case .notFound: "not-found"
        case .ambiguous: "ambiguous"
        case .notADatabase: "not-a-database"
        case .accessDenied: "access-denied"
        case .readFailed: "read-failed"
        case .wrongPassword: "wrong-password"
        case .locked: "locked"
        case .damaged: "damaged"
        case .unsupportedFormat: "unsupported-format"
        case .limitExceeded: "limit-exceeded"
        case .unstable: "unstable"
        case .exists: "exists"
        case .invalidConfiguration: "invalid-configuration"
        case .insufficient: "insufficient"
        case .writeFailed: "write-failed"
        case .busy: "busy"
        case .vaultLocked: "vault-locked"
        case .noVault: "no-vault"
        case .rateLimited: "rate-limited"
        case .promptEnded: "prompt-ended"
        case .released: "released"
        case .vaultDamaged: "vault-damaged"
        case .wrongPassphrase: "wrong-passphrase"
        case .lockedMeanwhile: "locked-meanwhile"
        case .nobodyToAsk: "nobody-to-ask"
        case .cancelled: "cancelled"
        case .changedSince: "changed-since"
        case .dumpNotOpened: "dump-not-opened"
        case .malformedInput: "malformed-input"
        case .notRepresentable: "not-representable"
        }
    }
}

/// A fault as the layers above and below the wire hand it on. Compared by code; holds no value and no secret.
public struct Fault: Error, Sendable, Equatable {
    /// Why.
    public var code: FaultCode
    /// What happened, and where.
    public var message: String
    /// What to do next; may be empty.
    public var hint: String
    /// What it was about; may be empty.
    public var target: String
    /// For busy: who holds the lock, where that is known.
    public var holder: LockHolder?

    /// A fault.
    public init(
        _ code: FaultCode, _ message: String, hint: String = "", target: String = "", holder: LockHolder? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.target = target
        self.holder = holder
    }

    /// Faults are equal when their codes are.
    public static func == (a: Fault, b: Fault) -> Bool { a.code == b.code }

    /// A fault as it came over the wire.
    public init(_ wire: WireFault) {
        self.init(
            FaultCode(rawValue: wire.code) ?? .internal, wire.message, hint: wire.hint, target: wire.target,
            holder: wire.hasHolder ? LockHolder(wire.holder) : nil)
    }

    /// The fault's message.
    public var wire: WireFault {
        var out = WireFault()
        out.code = code.rawValue
        out.message = message
        out.hint = hint
        out.target = target
        if let holder { out.holder = WireLockHolder(holder) }
        return out
    }
}

public import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireLockHolder {
    /// A holder's message.
    public init(_ holder: LockHolder) {
        self.init()
        pid = holder.processID
        if let user = holder.userID { uid = user }
        if let executable = holder.executable { self.executable = Data(executable.bytes) }
        if let name = holder.name { self.name = name }
        if let started = holder.started { self.started = started }
        exclusive = holder.isExclusive
    }
}

extension LockHolder {
    /// The holder of a message.
    public init(_ wire: WireLockHolder) {
        self.init(
            processID: wire.pid, userID: wire.hasUid ? wire.uid : nil,
            executable: wire.hasExecutable ? FilePath(bytes: [UInt8](wire.executable)) : nil,
            name: wire.hasName ? wire.name : nil, started: wire.hasStarted ? wire.started : nil,
            isExclusive: wire.exclusive)
    }
}

extension WireOwnership {
    /// An ownership's message.
    public init(_ ownership: Ownership) {
        self.init()
        holders = ownership.holders.map(WireLockHolder.init)
        switch ownership {
        case .owned: state = .owned
        case .free: state = .free
        case .shared: state = .shared
        case .unknown(let reason):
            state = .unknown
            self.reason = reason
        case .leased: state = .leased
        }
    }

    /// The ownership; unknown for a state that this version does not know.
    public var ownership: Ownership {
        switch state {
        case .owned: .owned(holders.map(LockHolder.init))
        case .free: .free
        case .shared: .shared(holders.map(LockHolder.init))
        case .leased: .leased
        default: .unknown(reason)
        }
    }
}

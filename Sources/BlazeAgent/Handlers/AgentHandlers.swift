internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// ping, status and stop.
enum AgentHandlers {
    static func ping(_ request: WirePingRequest, _ call: Call) -> WirePingReply {
        var reply = WirePingReply()
        reply.pid = call.state.processID
        return reply
    }

    static func status(_ request: WireStatusRequest, _ call: Call) -> WireStatusReply {
        let state = call.state
        var reply = WireStatusReply()
        reply.pid = state.processID
        reply.version = state.version
        reply.protocol = ProtocolVersion.current
        reply.socket = Data(state.paths.socket.bytes)
        reply.started = state.startedAt
        reply.uptime = UInt64(max(0, state.uptime / .nanoseconds(1)))
        reply.coreDumpsOff = state.hardening.coreDumpsOff
        reply.tracingOff = state.hardening.tracingOff
        reply.memoryLocks = state.hardening.memoryLocks
        reply.unlocked = state.sessions.all.map { session in
            DatabaseRows.row(for: LocatedDatabase(path: session.path, state: state), withContents: false, state)
        }
        reply.leases = state.leases.all.map { WireLease($0, state) }
        reply.vault = VaultHandlers.status(state)
        reply.sessionStatus = WireSessionStatus(state)
        reply.connections = UInt32(clamping: state.connections.count)
        reply.configPath = Data(state.paths.configurationFile.bytes)
        reply.configProblem = state.configuration.check().first.map(\.description) ?? ""
        reply.warnings = state.warnings
        reply.socketActivated = state.socketActivated
        reply.allowRoot = state.allowRoot
        reply.connectionLimit = UInt32(clamping: state.connections.limit)
        return reply
    }

    static func stop(_ request: WireStopRequest, _ call: Call) -> WireStopReply {
        call.state.requestStop("asked by process \(call.peer.processID)")
        var reply = WireStopReply()
        reply.pid = call.state.processID
        return reply
    }
}

internal import BlazePlatform
internal import BlazeProtocol
internal import Logging
internal import SystemPackage

/// Accepts connections, decides who is served, and gives each a thread.
final class AcceptLoop: Sendable {
    private let listener: SocketListener
    private let router: Router
    private let registry: ConnectionRegistry
    private let allowRoot: Bool
    private let log: Logger
    private let place: AgentPlace?
    /// How often the place is looked at: a client that finds no socket must find one within 3 s.
    private static let lookInterval: Duration = .seconds(1)

    init(
        listener: SocketListener, place: AgentPlace? = nil, router: Router, registry: ConnectionRegistry,
        allowRoot: Bool, log: Logger
    ) {
        self.listener = listener
        self.place = place
        self.router = router
        self.registry = registry
        self.allowRoot = allowRoot
        self.log = log
    }

    /// Runs until the listener is stopped, or fails for good.
    func run() {
        var nextLook = Deadline.after(Self.lookInterval)
        var isStarved = false
        while true {
            do throws(SocketError) {
                switch try listener.next(until: nextLook) {
                case .stopped: return
                case .connection(let stream): welcome(stream)
                case .nobody:
                    nextLook = .after(Self.lookInterval)
                    guard keepPlace() else { return }
                }
                isStarved = false
            } catch {
                switch error.errno {
                case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace:
                    // Connections that end give descriptors back; until then the waiting ones wait.
                    if !isStarved { log.warning("cannot accept", metadata: ["reason": "\(error)"]) }
                    isStarved = true
                    waitMilliseconds(50)
                default:
                    log.error("the listener failed", metadata: ["reason": "\(error)"])
                    router.state.requestStop("the listener failed")
                    return
                }
            }
        }
    }

    /// False when the agent has no place any more and has to end.
    private func keepPlace() -> Bool {
        do throws(AgentPlace.Lost) {
            try place?.look()
            return true
        } catch {
            router.state.requestStop(error.reason)
            return false
        }
    }

    private func welcome(_ stream: SocketStream) {
        let peer: Peer
        do {
            peer = try stream.peer()
        } catch {
            log.warning("peer unknown", metadata: ["reason": "\(error)"])
            return
        }
        let own = CurrentUser.id
        guard peer.userID == own || (peer.userID == 0 && allowRoot) else {
            log.notice("peer refused", metadata: ["peer.uid": "\(peer.userID)", "peer.pid": "\(peer.processID)"])
            refuse(stream, Fault(.peerRefused, "this agent serves user \(own) only, not user \(peer.userID)"))
            return
        }
        switch registry.admit(stream, sparing: router.state.prompts.isAsking) {
        case .admitted(let seat): serve(stream, peer, seat)
        case .full:
            refuse(
                stream,
                Fault(
                    .tooManyConnections, "all \(registry.limit) connections of the agent are taken",
                    hint: "try again, or end clients that you do not need"))
        case .stopping: refuse(stream, .stopping)
        }
    }

    private func serve(_ stream: SocketStream, _ peer: Peer, _ seat: ConnectionRegistry.Seat) {
        let (router, log) = (router, log)
        do {
            try spawnThread(named: "connection") {
                ClientConnection(stream: stream, seat: seat, peer: peer, router: router, log: log).run()
                seat.leave()
            }
        } catch {
            seat.leave()
            refuse(stream, Fault(.insufficient, "the agent cannot start another thread", hint: "try again"))
        }
    }

    /// A fresh socket's buffer takes a small frame at once, so this never waits for the client.
    private func refuse(_ stream: SocketStream, _ fault: Fault) {
        do {
            try Responder(stream: stream, operation: 0, requestID: 0).fault(fault)
        } catch {
            log.debug("refused client had gone", metadata: ["reason": "\(error)"])
        }
    }
}

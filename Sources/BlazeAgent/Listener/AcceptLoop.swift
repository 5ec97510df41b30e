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

    init(listener: SocketListener, router: Router, registry: ConnectionRegistry, allowRoot: Bool, log: Logger) {
        self.listener = listener
        self.router = router
        self.registry = registry
        self.allowRoot = allowRoot
        self.log = log
    }

    /// Runs until the listener is stopped, or fails for good.
    func run() {
        while true {
            do throws(SocketError) {
                guard let stream = try listener.accept() else { return }
                welcome(stream)
            } catch {
                switch error.errno {
                case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace:
                    // Connections that end give descriptors back; until then the waiting ones wait.
                    log.warning("cannot accept", metadata: ["reason": "\(error)"])
                    waitMilliseconds(50)
                default:
                    log.error("the listener failed", metadata: ["reason": "\(error)"])
                    router.state.requestStop("the listener failed")
                    return
                }
            }
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
        switch registry.admit(stream) {
        case .admitted(let id): serve(stream, peer, id)
        case .full:
            refuse(
                stream,
                Fault(
                    .tooManyConnections, "all \(registry.limit) connections of the agent are taken",
                    hint: "try again, or end clients that you do not need"))
        case .stopping: refuse(stream, Fault(.stopping, "the agent is stopping", hint: "run the command again"))
        }
    }

    private func serve(_ stream: SocketStream, _ peer: Peer, _ id: UInt64) {
        let (registry, router, log) = (registry, router, log)
        do {
            try spawnThread(named: "connection") {
                ClientConnection(stream: stream, peer: peer, router: router, log: log).run()
                registry.remove(id)
            }
        } catch {
            registry.remove(id)
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

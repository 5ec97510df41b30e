internal import BlazePlatform
internal import BlazeProtocol
internal import Logging

/// One connection, on a thread of its own: the handshake, then requests in turn until the client leaves, breaks the
/// rules, or lets a deadline pass.
final class ClientConnection {
    private let stream: SocketStream
    private let seat: ConnectionRegistry.Seat
    private let peer: Peer
    private let router: Router
    private let log: Logger
    private var client = ""
    /// The bytes of the header that is being read, kept from frame to frame.
    private var raw = [UInt8](repeating: 0, count: FrameHeader.byteCount)

    init(stream: SocketStream, seat: ConnectionRegistry.Seat, peer: Peer, router: Router, log: Logger) {
        self.stream = stream
        self.seat = seat
        self.peer = peer
        self.router = router
        self.log = log
    }

    /// Serves the connection to its end.
    func run() {
        do {
            try stream.setIdleLimit(.seconds(ProtocolLimits.idleSeconds))
            guard try shakeHands() else { return }
            while let frame = try nextFrame(bodyLimit: ProtocolLimits.requestBody, firstRequest: false) {
                guard seat.beginRequest() else { break }
                try serve(frame)
                seat.endRequest()
            }
        } catch {
            // The client left, stalled, or was told of its fault: either way the connection has ended.
            log.debug("connection ended", metadata: ["peer.pid": "\(peer.processID)", "reason": "\(error)"])
        }
        router.state.prompts.ended(connection: seat.id)
        if seat.isGivenAway { sayWhy() }
    }

    /// The last words on a connection that was ended in favour of another. They are not worth waiting for.
    private func sayWhy() {
        log.debug("ended in favour of a new connection", metadata: ["peer.pid": "\(peer.processID)"])
        do {
            try Responder(stream: stream, operation: 0, requestID: 0, sendLimit: .zero).fault(
                Fault(
                    .tooManyConnections, "all connections of the agent are taken, and this one was unused for longest",
                    hint: "connect again"))
        } catch {
            log.debug("the client had gone", metadata: ["reason": "\(error)"])
        }
    }

    private struct Frame: ~Copyable {
        var header: FrameHeader
        var body: [UInt8]
        var secret: SecretBytes?
    }

    /// The next request; nil when the client has left between two.
    private func nextFrame(bodyLimit: Int, firstRequest: Bool) throws -> Frame? {
        let limit = Duration.seconds(ProtocolLimits.frameSeconds)
        // The first bytes may take as long as the idle limit; from then on the frame's own deadline runs. Most requests
        // come whole in one piece, and the time is asked for only where something is still to come.
        var deadline: Deadline? = firstRequest ? .after(limit) : nil
        let complete = try raw.withUnsafeMutableBytes { buffer -> Bool in
            let first = try stream.receive(into: buffer, deadline: deadline, stoppingAfterFirst: true)
            guard first > 0 else { return false }
            if first < buffer.count {
                let running = Deadline.after(limit)
                deadline = running
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[first...])
                guard try stream.receive(into: rest, deadline: running) == rest.count else {
                    throw SocketError(.cutShort, operation: "receive")
                }
            }
            return true
        }
        guard complete else { return nil }
        let header: FrameHeader
        do {
            header = try FrameHeader(decoding: raw, bodyLimit: bodyLimit, secretLimit: ProtocolLimits.secret)
            guard header.kind == .request else {
                throw FrameError(.malformed, "clients send requests only")
            }
        } catch let error as FrameError {
            let code: FaultCode = error.code == .tooLarge ? .tooLarge : .malformed
            try Responder(stream: stream, operation: 0, requestID: 0).fault(Fault(code, error.message))
            throw error
        }
        guard header.bodyLength + header.secretLength > 0 else { return Frame(header: header, body: [], secret: nil) }
        let running = deadline ?? .after(limit)
        let body = try stream.receive(count: header.bodyLength, deadline: running)
        guard header.secretLength > 0 else { return Frame(header: header, body: body, secret: nil) }
        let secret = try stream.receiveSecret(count: header.secretLength, deadline: running)
        return Frame(header: header, body: body, secret: secret)
    }

    private func shakeHands() throws -> Bool {
        guard let frame = try nextFrame(bodyLimit: ProtocolLimits.helloBody, firstRequest: true) else { return false }
        let responder = Responder(
            stream: stream, operation: frame.header.operation, requestID: frame.header.requestID)
        guard frame.header.operation == Operation.hello.rawValue else {
            try responder.fault(Fault(.malformed, "the first request of a connection is hello"))
            return false
        }
        guard frame.header.secretLength == 0 else {
            try responder.fault(Fault(.invalidRequest, "hello takes no secret"))
            return false
        }
        let hello: WireHelloRequest
        do {
            // Unlike other requests, a newer client's hello may say more than this agent knows.
            hello = try WireHelloRequest(decodingReply: frame.body)
        } catch {
            try responder.fault(Fault(.invalidRequest, "the body is not a hello"))
            return false
        }
        guard let version = ProtocolVersion.common(with: hello.versions) else {
            let ours = ProtocolVersion.supported.map(String.init).joined(separator: ", ")
            try responder.fault(
                Fault(
                    .unsupportedProtocol, "the agent speaks protocol version \(ours), not what the client offers",
                    hint: "let the agent be the one that belongs to the client: blazectl agent restart"))
            return false
        }
        client = String(hello.client.prefix(64))
        var reply = WireHelloReply()
        reply.version = version
        reply.maxRequest = UInt32(ProtocolLimits.requestBody)
        reply.maxSecret = UInt32(ProtocolLimits.secret)
        reply.agent = router.state.version
        reply.pid = router.state.processID
        try responder.reply(reply)
        return true
    }

    private func serve(_ frame: consuming Frame) throws {
        let header = frame.header
        let body = frame.body
        var secret = frame.secret.take()
        let connections = router.state.connections
        let responder = Responder(
            stream: stream, operation: header.operation, requestID: header.requestID,
            mustEnd: { connections.isOverdue })
        // Only the log wants to know, and only where it is this talkative.
        let started = log.logLevel <= .debug ? ContinuousClock.now : nil
        let outcome: String
        do {
            try router.route(
                header.operation, body: body, secret: &secret, responder: responder, peer: peer,
                connection: seat.id)
            outcome = "ok"
        } catch let fault as Fault {
            try responder.fault(fault)
            outcome = fault.code.name
        }
        log.debug(
            "request",
            metadata: [
                "operation": "\(Operation(rawValue: header.operation)?.properties.name ?? "unknown")",
                "outcome": "\(outcome)", "peer.pid": "\(peer.processID)", "client": "\(client)",
                "duration": "\(started.map { ContinuousClock.now - $0 } ?? .zero)",
            ])
        if header.operation == Operation.stop.rawValue, outcome == "ok" {
            // The client learns from the end of this stream that the process has ended, so it stays open until then.
            router.state.keepUntilExit(stream)
        }
    }
}

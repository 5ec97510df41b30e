public import BlazePlatform
public import BlazeProtocol
internal import SwiftProtobuf
public import SystemPackage

/// One connection to the agent: calls in turn, each with its reply. Not Sendable: one thread at a time.
public final class AgentConnection {
    /// How long connecting and the handshake may take together: a healthy agent answers in microseconds.
    public static let handshakeLimit: Duration = .milliseconds(1500)

    /// What the agent said of itself.
    public let agent: WireHelloReply
    private let stream: SocketStream
    /// Whether another user's agent was accepted; it gets no secret.
    private let isForeign: Bool
    private var lastRequestID: UInt32 = 0
    private let replyLimit: Duration

    /// Connects and shakes hands.
    ///
    /// - Parameters:
    ///   - socket: the agent's socket.
    ///   - lock: the agent's lock file; its note helps to tell which process the agent is.
    ///   - name: the client's name and version, for the agent's status.
    ///   - replyLimit: how long the agent may take until the next frame of an answer.
    ///   - versions: the protocol versions to offer.
    ///   - rootMayUseForeign: whether root, having named the socket, may use the agent of another user.
    /// - Throws: `noAgent`, `foreignAgent`, `timedOut`, `unsupportedProtocol`, and what `call` throws.
    public init(
        socket: FilePath, lock: FilePath? = nil, name: String, replyLimit: Duration = .seconds(120),
        versions: [UInt32] = ProtocolVersion.supported, rootMayUseForeign: Bool = false
    ) throws(ClientError) {
        self.replyLimit = replyLimit
        let deadline = Deadline.after(Self.handshakeLimit)
        do throws(SocketError) {
            stream = try SocketStream(connectingTo: socket, within: Self.handshakeLimit)
        } catch {
            switch error.code {
            case .refused, .notFound:
                throw ClientError(
                    .noAgent, "no agent listens on \(socket.displayString)", hint: "start one: blazectl agent start")
            case .timedOut: throw SilentAgent(socket: socket, listener: nil, lock: lock).error
            case .permissionDenied:
                throw ClientError(
                    .foreignAgent, "you may not use the socket \(socket.displayString): permission denied",
                    hint: "set \(AgentPaths.socketVariable) to a socket in a directory of your own")
            default: throw ClientError(.noAgent, "\(socket.displayString): \(error)")
            }
        }
        let peer = try Self.peer(stream)
        isForeign = try Self.isForeign(peer, socket: socket, rootMayUseForeign: rootMayUseForeign)
        var hello = WireHelloRequest()
        hello.versions = versions
        hello.client = name
        do throws(ClientError) {
            try Self.send(hello, secret: nil, id: 0, over: stream)
            var none: SecretBytes?
            agent = try Self.receive(
                WireHelloRequest.self, id: 0, over: stream, limit: .milliseconds(Int64(deadline.millisecondsLeft)),
                answer: &none
            ) { _, _ throws(ClientError) in }
        } catch {
            switch error.code {
            case .timedOut: throw SilentAgent(socket: socket, listener: peer.processID, lock: lock).error
            case .unsupportedProtocol: throw Self.incompatible(error.message, peer, lock)
            default: throw error
            }
        }
        guard versions.contains(agent.version) else {
            throw Self.incompatible("the agent answered with protocol version \(agent.version)", peer, lock)
        }
    }

    /// Sends a request and waits for its last answer.
    ///
    /// - Parameters:
    ///   - secret: the request's secret; it goes from guarded memory to the socket.
    ///   - part: called for every answer before the last one.
    public func call<R: RequestMessage>(
        _ request: R, secret: inout SecretBytes?, part: (R.Part) throws(ClientError) -> Void
    ) throws(ClientError) -> R.Reply {
        var answer: SecretBytes?
        return try call(request, secret: &secret, answer: &answer) { message, _ throws(ClientError) in
            try part(message)
        }
    }

    /// Sends a request and waits for its last answer, which may bring a secret.
    ///
    /// - Parameters:
    ///   - secret: the request's secret; it goes from guarded memory to the socket.
    ///   - answer: the last answer's secret; it comes from the socket straight into guarded memory.
    ///   - part: called for every answer before the last one, with its secret.
    public func call<R: RequestMessage>(
        _ request: R, secret: inout SecretBytes?, answer: inout SecretBytes?,
        part: (R.Part, inout SecretBytes?) throws(ClientError) -> Void = { _, _ throws(ClientError) in }
    ) throws(ClientError) -> R.Reply {
        lastRequestID &+= 1
        let id = lastRequestID
        if var bytes = secret.take() {
            guard !isForeign else {
                throw ClientError(
                    .foreignAgent, "no password is given to the agent of another user",
                    hint: "let that user unlock the database, or use an agent of your own")
            }
            try bytes.withBytes { raw throws(ClientError) in
                try Self.send(request, secret: raw, id: id, over: stream)
            }
            secret = consume bytes
        } else {
            try Self.send(request, secret: nil, id: id, over: stream)
        }
        return try Self.receive(R.self, id: id, over: stream, limit: replyLimit, answer: &answer, part: part)
    }

    /// Tells the agent that nothing more is asked, which ends a request that goes on until then.
    public func endInput() { stream.endSending() }

    /// Sends a request without a secret and waits for its only answer.
    public func call<R: RequestMessage>(_ request: R) throws(ClientError) -> R.Reply {
        var none: SecretBytes?
        return try call(request, secret: &none) { _ throws(ClientError) in }
    }

    /// Waits for the agent to end the connection; false when it has not within the time.
    ///
    /// After a `stop` the agent's process holds the connection until it ends itself.
    public func waitForEnd(within duration: Duration) -> Bool {
        do throws(SocketError) {
            _ = try stream.receive(count: 1, deadline: .after(duration))
            return false
        } catch {
            return error.code != .timedOut
        }
    }

    /// An agent of another version is one command away from the right one.
    private static func incompatible(_ message: String, _ peer: Peer, _ lock: FilePath?) -> ClientError {
        // The process that listens may be a supervisor's: only the one that the lock file names as well is the agent.
        let noted = lock.flatMap { LockFile.notedProcessID(at: $0) }
        return ClientError(
            .unsupportedProtocol, message,
            hint: "replace the agent by the one that belongs here: blazectl agent restart",
            processID: noted == peer.processID && peer.userID == CurrentUser.id ? noted : nil)
    }

    private static func peer(_ stream: SocketStream) throws(ClientError) -> Peer {
        do throws(SocketError) {
            return try stream.peer()
        } catch {
            throw ClientError(.connectionLost, "\(error)")
        }
    }

    /// Whether the agent is another user's. A socket in a place that others can write to may be anybody's, so that is
    /// an error; but root may name the socket of a user whose agent it wants to look at.
    private static func isForeign(
        _ peer: Peer, socket: FilePath, rootMayUseForeign: Bool
    ) throws(ClientError) -> Bool {
        if peer.userID == CurrentUser.id { return false }
        guard CurrentUser.id == 0, rootMayUseForeign else {
            throw ClientError(
                .foreignAgent, "\(socket.displayString) is served by user \(peer.userID), not by you",
                hint: "set \(AgentPaths.socketVariable) to a socket in a directory of your own")
        }
        return true
    }

    private static func send<R: RequestMessage>(
        _ request: R, secret: UnsafeRawBufferPointer?, id: UInt32, over stream: SocketStream
    ) throws(ClientError) {
        let body: [UInt8]
        do throws(FrameError) {
            body = try request.encoded()
        } catch {
            throw ClientError(.invalidReply, error.message)
        }
        let bodyLimit = R.operation == .hello ? ProtocolLimits.helloBody : ProtocolLimits.requestBody
        guard body.count <= bodyLimit, (secret?.count ?? 0) <= ProtocolLimits.secret else {
            throw ClientError(Fault(.tooLarge, "the request is longer than the agent takes"))
        }
        let header = FrameHeader(
            kind: .request, operation: R.operation.rawValue, requestID: id, bodyLength: body.count,
            secretLength: secret?.count ?? 0)
        let deadline = Deadline.after(.seconds(ProtocolLimits.sendSeconds))
        do throws(SocketError) {
            try stream.send(header.encoded + body, deadline: deadline)
            if let secret { try stream.send(secret, deadline: deadline) }
        } catch {
            // An agent that refuses says so before it closes: its last words are worth more than our broken pipe.
            if error.code == .closed, let fault = try? receiveFrame(over: stream, limit: .seconds(1)),
                fault.header.kind == .fault, let wire = try? WireFault(decodingReply: fault.body)
            {
                throw ClientError(Fault(wire))
            }
            throw lost(error)
        }
    }

    private static func receive<R: RequestMessage>(
        _ type: R.Type, id: UInt32, over stream: SocketStream, limit: Duration, answer: inout SecretBytes?,
        part: (R.Part, inout SecretBytes?) throws(ClientError) -> Void
    ) throws(ClientError) -> R.Reply {
        let secretLimit = R.operation.properties.answersSecret ? ProtocolLimits.secret : 0
        while true {
            var frame = try receiveFrame(over: stream, limit: limit, secretLimit: secretLimit)
            switch frame.header.kind {
            case .fault:
                throw ClientError(Fault(try decode(WireFault.self, frame.body)))
            case .part where frame.header.requestID == id:
                try part(try decode(R.Part.self, frame.body), &frame.secret)
            case .reply where frame.header.requestID == id:
                answer = frame.secret.take()
                return try decode(R.Reply.self, frame.body)
            default:
                throw nonsense("an answer to another request")
            }
        }
    }

    private struct Frame: ~Copyable {
        let header: FrameHeader
        let body: [UInt8]
        var secret: SecretBytes?
    }

    private static func receiveFrame(
        over stream: SocketStream, limit: Duration, secretLimit: Int = 0
    ) throws(ClientError) -> Frame {
        let deadline = Deadline.after(limit)
        let raw = try receive(FrameHeader.byteCount, over: stream, deadline: deadline)
        let header: FrameHeader
        do throws(FrameError) {
            header = try FrameHeader(decoding: raw, bodyLimit: ProtocolLimits.replyBody, secretLimit: secretLimit)
        } catch {
            throw nonsense(error.message)
        }
        let body = try receive(header.bodyLength, over: stream, deadline: deadline)
        guard header.secretLength > 0 else { return Frame(header: header, body: body, secret: nil) }
        do throws(SocketError) {
            let secret = try stream.receiveSecret(count: header.secretLength, deadline: deadline)
            return Frame(header: header, body: body, secret: secret)
        } catch {
            throw lost(error)
        }
    }

    private static func receive(
        _ count: Int, over stream: SocketStream, deadline: Deadline
    ) throws(ClientError) -> [UInt8] {
        do throws(SocketError) {
            return try stream.receive(count: count, deadline: deadline)
        } catch {
            throw lost(error)
        }
    }

    private static func decode<M: Message>(_ type: M.Type, _ body: [UInt8]) throws(ClientError) -> M {
        do throws(FrameError) {
            return try M(decodingReply: body)
        } catch {
            throw nonsense(error.message)
        }
    }

    private static func nonsense(_ what: String) -> ClientError {
        ClientError(.invalidReply, "the agent's answer makes no sense: \(what)")
    }

    private static func lost(_ error: SocketError) -> ClientError {
        switch error.code {
        case .timedOut:
            ClientError(.timedOut, "the agent does not answer", hint: "see blazectl status")
        default:
            ClientError(
                .connectionLost, "the agent closed the connection before its answer",
                hint: "see its log, and blazectl status")
        }
    }
}

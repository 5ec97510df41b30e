internal import BlazePlatform
internal import BlazeProtocol
internal import SwiftProtobuf

/// Writes the answers to one request. Used by the connection's own thread only, so answers never interleave.
struct Responder {
    private let stream: SocketStream
    private let operation: UInt16
    private let requestID: UInt32
    private let sendLimit: Duration
    private let mustEnd: () -> Bool
    private let held = Held()

    private final class Held {
        var use: KeyUse?
    }

    /// - Parameters:
    ///   - sendLimit: how long the client may take until it has taken an answer.
    ///   - mustEnd: whether work that is under way has had its time.
    init(
        stream: SocketStream, operation: UInt16, requestID: UInt32,
        sendLimit: Duration = .seconds(ProtocolLimits.sendSeconds), mustEnd: @escaping () -> Bool = { false }
    ) {
        self.stream = stream
        self.operation = operation
        self.requestID = requestID
        self.sendLimit = sendLimit
        self.mustEnd = mustEnd
    }

    /// Ends the connection from another thread: a send that waits for the client fails at once.
    var abandon: @Sendable () -> Void {
        let stream = stream
        return { stream.shutDown() }
    }

    /// Keeps a use of a key until the request has been answered, so that a lock which comes before ends it.
    func hold(_ use: KeyUse) { held.use = use }

    /// Whether nobody waits for the answer any more: the client has left, or the agent is stopping.
    var isForNobody: Bool { stream.hasEnded }

    /// Sends an answer before the last one.
    ///
    /// - Throws: `ConnectionLost` when the client is gone or does not read: the request's work is for nobody then.
    ///   `Fault` when the agent stops and the request has had its time.
    ///
    /// - Parameter limit: how long the client may take until it has taken it, where that is less than usual.
    func part(_ message: some Message, within limit: Duration? = nil) throws {
        if mustEnd() { throw Fault.stopping }
        try send(.part, message, within: limit)
    }

    func reply(_ message: some Message) throws {
        try send(.reply, message)
    }

    /// The last answer, with a secret where there is one.
    func reply(_ message: some Message, secret: inout SecretBytes?) throws {
        try held.use?.check()
        try send(.reply, message, secret: &secret)
    }

    /// An answer before the last one, with a secret.
    func part(_ message: some Message, secret: inout SecretBytes?) throws {
        if mustEnd() { throw Fault.stopping }
        try send(.part, message, secret: &secret)
    }

    func fault(_ fault: Fault) throws {
        try send(.fault, fault.wire)
    }

    /// Waits until the client sends or leaves, until `pipe` is woken, or until the time is over.
    ///
    /// - Returns: whether it is the client.
    func waitForClient(or pipe: WakePipe, within limit: Duration) -> Bool {
        stream.waitForInput(or: pipe, within: limit)
    }

    /// A frame with a secret, which goes from guarded memory to the socket.
    private func send(_ kind: FrameHeader.Kind, _ message: some Message, secret: inout SecretBytes?) throws {
        guard var bytes = secret.take() else { return try send(kind, message) }
        let body = try message.encoded()
        guard body.count <= ProtocolLimits.replyBody, bytes.count <= ProtocolLimits.secret else {
            return try fault(Fault(.limitExceeded, "the answer is longer than a frame may be"))
        }
        let header = FrameHeader(
            kind: kind, operation: operation, requestID: requestID, bodyLength: body.count, secretLength: bytes.count)
        let deadline = Deadline.after(sendLimit)
        do {
            try stream.send(header.frame(body), deadline: deadline)
            try bytes.withBytes { raw throws(SocketError) in try stream.send(raw, deadline: deadline) }
        } catch {
            throw ConnectionLost()
        }
    }

    private func send(_ kind: FrameHeader.Kind, _ message: some Message, within limit: Duration? = nil) throws {
        let body = try message.encoded()
        guard body.count <= ProtocolLimits.replyBody else {
            guard kind != .fault else { throw ConnectionLost() }
            return try fault(Fault(.limitExceeded, "the answer is longer than a frame may be"))
        }
        let header = FrameHeader(kind: kind, operation: operation, requestID: requestID, bodyLength: body.count)
        do {
            try header.frame(body).withUnsafeBytes { try stream.send($0, within: min(sendLimit, limit ?? sendLimit)) }
        } catch {
            throw ConnectionLost()
        }
    }
}

extension Fault {
    /// The agent is on its way out.
    static let stopping = Fault(.stopping, "the agent is stopping", hint: "run the command again")
}

/// The client is gone, or takes nothing any more.
struct ConnectionLost: Error {}

/// The limits of the protocol (Protocol/agent.md section 7). A declared length is checked against them before memory is
/// taken.
public enum ProtocolLimits {
    /// The body of the first request of a connection.
    public static let helloBody = 4 << 10
    /// The body of any other request.
    public static let requestBody = 1 << 20
    /// The secret of a request.
    public static let secret = 4 << 10
    /// The body of a reply, part or fault.
    public static let replyBody = 16 << 20
    /// What a part of an export carries at most.
    public static let partPayload = 256 << 10
    /// Connections at once.
    public static let connections = 256
    /// How long a connection is safe without a request when all are taken.
    public static let spareSeconds = 1
    /// From the accept, or a frame's first byte, to the frame's last byte.
    public static let frameSeconds = 5
    /// Without a request.
    public static let idleSeconds = 600
    /// Until a client has taken what it was sent.
    public static let sendSeconds = 30
}

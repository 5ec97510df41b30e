/// The fixed head of every frame: 16 bytes, integers big-endian (Protocol/agent.md section 2).
///
///     0  4  length: bytes behind this header, the body and then the secret
///     4  1  kind: 1 request, 2 reply, 3 fault, 4 part
///     5  1  flags: zero
///     6  2  operation
///     8  4  request id, chosen by the client and echoed
///     12 4  secret length: how many of the bytes at the end are the secret
public struct FrameHeader: Sendable, Equatable {
    /// The count of bytes.
    public static let byteCount = 16

    /// What a frame is.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// From the client: do this.
        case request = 1
        /// From the agent: the last answer to a request.
        case reply = 2
        /// From the agent: the last answer to a request, which was not carried out.
        case fault = 3
        /// From the agent: an answer before the last one.
        case part = 4
    }

    /// What the frame is.
    public var kind: Kind
    /// The operation's number; unknown numbers are for the router to refuse.
    public var operation: UInt16
    /// The request's id.
    public var requestID: UInt32
    /// The body's count of bytes.
    public var bodyLength: Int
    /// The secret's count of bytes.
    public var secretLength: Int

    /// A header.
    public init(kind: Kind, operation: UInt16, requestID: UInt32, bodyLength: Int, secretLength: Int = 0) {
        self.kind = kind
        self.operation = operation
        self.requestID = requestID
        self.bodyLength = bodyLength
        self.secretLength = secretLength
    }

    /// Reads a header and holds its lengths against the limits.
    ///
    /// - Parameter bytes: exactly 16 bytes.
    public init(decoding bytes: [UInt8], bodyLimit: Int, secretLimit: Int) throws(FrameError) {
        guard bytes.count == Self.byteCount else { throw FrameError(.malformed, "a header has 16 bytes") }
        func integer(_ range: Range<Int>) -> UInt32 {
            var out: UInt32 = 0
            for i in range { out = out << 8 | UInt32(bytes[i]) }
            return out
        }
        let length = integer(0..<4)
        let secret = integer(12..<16)
        guard let kind = Kind(rawValue: bytes[4]) else {
            throw FrameError(.malformed, "unknown frame kind \(bytes[4])")
        }
        guard bytes[5] == 0 else { throw FrameError(.malformed, "unknown frame flags \(bytes[5])") }
        guard secret <= length else { throw FrameError(.malformed, "the secret is longer than the frame") }
        guard secret <= UInt32(secretLimit) else {
            throw FrameError(.tooLarge, "a secret of \(secret) bytes; \(secretLimit) are allowed")
        }
        guard length - secret <= UInt32(bodyLimit) else {
            throw FrameError(.tooLarge, "a body of \(length - secret) bytes; \(bodyLimit) are allowed")
        }
        self.init(
            kind: kind, operation: UInt16(truncatingIfNeeded: integer(6..<8)), requestID: integer(8..<12),
            bodyLength: Int(length - secret), secretLength: Int(secret))
    }

    /// The header's 16 bytes. The lengths fit: what is sent is within the limits.
    public var encoded: [UInt8] { frame([]) }

    /// The whole frame, in one piece, of a body that has the length which the header tells.
    public func frame(_ body: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Self.byteCount + body.count)
        func append(_ value: UInt32) {
            for shift in stride(from: UInt32(24), through: 0, by: -8) {
                out.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        append(UInt32(bodyLength + secretLength))
        out.append(kind.rawValue)
        out.append(0)
        out.append(UInt8(operation >> 8))
        out.append(UInt8(operation & 255))
        append(requestID)
        append(UInt32(secretLength))
        out.append(contentsOf: body)
        return out
    }
}

/// A frame that breaks the rules; the connection cannot go on behind it. Compared by code.
public struct FrameError: Error, Sendable, Equatable {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// The header makes no sense.
        case malformed
        /// A length is over its limit.
        case tooLarge
        /// The body is not the operation's message, or has fields or enum numbers that this version does not know.
        case badBody
    }

    /// What kind of failure it was.
    public let code: Code
    /// A sentence for a person.
    public let message: String

    /// An error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Errors are equal when their codes are.
    public static func == (a: FrameError, b: FrameError) -> Bool { a.code == b.code }
}

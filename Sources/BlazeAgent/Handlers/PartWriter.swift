internal import BlazeProtocol

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Collects what is long and sends it in parts, so that memory holds about one part and one record.
struct PartWriter {
    private let send: (Data) throws -> Void
    private var buffer: [UInt8] = []
    /// Bytes that were sent.
    private(set) var sent: UInt64 = 0

    /// - Parameter send: takes the bytes of one part.
    init(_ send: @escaping (Data) throws -> Void) { self.send = send }

    mutating func append(_ bytes: [UInt8]) { buffer += bytes }

    /// Adds what `body` appends.
    mutating func append(_ body: (inout [UInt8]) -> Void) { body(&buffer) }

    mutating func sendFull() throws {
        if buffer.count >= ProtocolLimits.partPayload { try sendRest() }
    }

    mutating func sendRest() throws {
        var start = 0
        while start < buffer.count {
            let end = min(start + ProtocolLimits.partPayload, buffer.count)
            try send(Data(buffer[start..<end]))
            start = end
        }
        sent += UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}

internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// export: all records, hidden ones included, as parts of one document.
enum ExportHandler {
    static func export(
        _ request: WireExportRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireExportReply {
        guard request.format == .typed else {
            throw Fault(.invalidRequest, "an export needs a format, and this agent knows typed only")
        }
        let access = try DatabaseAccess(request.tier, wait: request.wait, for: .export)
        guard access.tier != .file else { throw Fault(.invalidRequest, "records cannot be read in tier file") }
        let database = try LocatedDatabase(request.target, state: call.state)
        let opened = try OpenDatabase.open(
            database, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil,
            access: access, call)
        var document = PartWriter(call.responder, within: opened.lease == nil ? nil : DatabaseAccess.clientLimit)
        document.append(TypedJSON.opening)
        var first = true
        let report = try opened.reader.forEachRecord(interrupt: { try opened.check() }) { _, record in
            if !first { document.append(TypedJSON.separator) }
            first = false
            document.append(record)
            try opened.check()
            try document.sendFullParts()
        }
        document.append(TypedJSON.closing)
        try document.sendRest()
        var reply = WireExportReply()
        reply.row = DatabaseRows.row(for: database, withContents: false, call.state)
        reply.records = UInt64(clamping: report.readable)
        reply.bytes = document.sent
        reply.findings = report.findings.map(WireFinding.init)
        reply.unreadable = UInt64(clamping: report.unreadable)
        reply.unstable = UInt64(clamping: report.unstable)
        reply.tier = opened.tier
        return reply
    }
}

/// Collects a document and sends it in parts, so that memory holds about one part and one record.
private struct PartWriter {
    private let responder: Responder
    private let limit: Duration?
    private var buffer: [UInt8] = []
    private(set) var sent: UInt64 = 0

    init(_ responder: Responder, within limit: Duration?) {
        self.responder = responder
        self.limit = limit
    }

    mutating func append(_ bytes: [UInt8]) { buffer += bytes }
    mutating func append(_ record: Record) { TypedJSON.append(record, to: &buffer) }

    mutating func sendFullParts() throws {
        if buffer.count >= ProtocolLimits.partPayload { try sendRest() }
    }

    mutating func sendRest() throws {
        var start = 0
        while start < buffer.count {
            let end = min(start + ProtocolLimits.partPayload, buffer.count)
            var part = WireExportPart()
            part.data = Data(buffer[start..<end])
            try responder.part(part, within: limit)
            start = end
        }
        sent += UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}

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
        let (responder, limit) = (call.responder, opened.lease == nil ? nil : DatabaseAccess.clientLimit)
        var document = PartWriter { bytes in
            var part = WireExportPart()
            part.data = bytes
            try responder.part(part, within: limit)
        }
        document.append(TypedJSON.opening)
        var first = true
        let report = try opened.reader.forEachRecord(interrupt: { try opened.check() }) { _, record in
            if !first { document.append(TypedJSON.separator) }
            first = false
            document.append { TypedJSON.append(record, to: &$0) }
            try opened.check()
            try document.sendFull()
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

internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// dump: all records as the parts of one stream, sealed here unless plaintext was asked for.
enum DumpHandler {
    static func dump(_ request: WireDumpRequest, secret: inout SecretBytes?, _ call: Call) throws -> WireDumpReply {
        let form: Dump.Form
        switch request.format {
        case .lossless: form = .lossless
        case .blazedump: form = .blazedump
        default: throw Fault(.invalidRequest, "a dump is lossless or a .blazedump")
        }
        let recipients = try request.recipients.map { key in
            guard let recipient = SealRecipient(key: [UInt8](key)) else {
                throw Fault(.invalidRequest, "a recipient is a key of \(SealRecipient.byteCount) bytes")
            }
            return recipient
        }
        var secrets = try SecretPair(&secret, first: request.passwordBytes)
        var passphrase = secrets.second.take()
        try checkSealing(request, hasPassphrase: passphrase != nil)
        let access = try DatabaseAccess(request.tier, wait: request.wait, for: .dump)
        guard access.tier != .file else { throw Fault(.invalidRequest, "records cannot be read in tier file") }
        let database = try LocatedDatabase(request.target, state: call.state)
        let opened = try OpenDatabase.open(
            database, secret: &secrets.first, iterations: request.hasKdfIterations ? request.kdfIterations : nil,
            access: access, call)
        let sealer = request.plaintext ? nil : try SealWriter(passphrase: &passphrase, recipients: recipients)
        try opened.check()
        let summary = try FileSummary.read(database.files, in: call.state.storage)
        let title = Dump.Title(
            name: FilePath.displayString(Array((database.path.stem ?? "database").utf8)), identity: summary.identity,
            tool: "blazedb-agent \(Agent.version)")
        let (responder, limit) = (call.responder, opened.lease == nil ? nil : DatabaseAccess.clientLimit)
        var parts = PartWriter { bytes in
            var part = WireDumpPart()
            part.data = bytes
            try responder.part(part, within: limit)
        }
        if let sealer { parts.append { $0 += sealer.header } }
        let report = try Dump.write(
            opened.reader, as: form, title: title, skipsUnreadable: request.skipUnreadable,
            progress: { _ in try opened.check() }
        ) { bytes in
            parts.append { out in
                if let sealer { sealer.write(bytes, to: &out) } else { out += bytes }
            }
            try opened.check()
            try parts.sendFull()
        }
        if let sealer { parts.append { sealer.finish(to: &$0) } }
        try parts.sendRest()
        var reply = WireDumpReply(report)
        reply.row = DatabaseRows.row(for: database, withContents: false, call.state)
        reply.bytes = parts.sent
        reply.tier = opened.tier
        reply.sealed = sealer != nil
        return reply
    }

    /// That nothing leaves in plaintext unless it was asked for in so many words.
    private static func checkSealing(_ request: WireDumpRequest, hasPassphrase: Bool) throws {
        let isSealed = hasPassphrase || !request.recipients.isEmpty
        if request.plaintext {
            guard !isSealed else {
                throw Fault(.invalidRequest, "a dump is sealed or plaintext, and not both")
            }
        } else if request.format == .blazedump {
            throw Fault(
                .invalidRequest, "a .blazedump is never sealed", hint: "--plaintext says that this is understood")
        } else if !isSealed {
            throw Fault(
                .invalidRequest, "a dump is sealed by a passphrase or for a recipient",
                hint: "--plaintext writes it unsealed")
        }
    }
}

extension WireDumpReply {
    fileprivate init(_ report: Dump.Report) {
        self.init()
        records = report.records
        deleted = report.deleted
        findings = report.findings.map(WireFinding.init)
        unreadable = report.unreadableCount
        unreadableIds = report.unreadable.map(\.description)
        unstable = report.unstable
        live = report.isLive
        losses = report.losses.map { loss in
            var out = WireDumpLoss()
            out.name = loss.loss.rawValue
            out.count = loss.count
            return out
        }
    }
}

internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// info: one database, as far as its key is at hand.
enum InfoHandler {
    static func info(_ request: WireInfoRequest, secret: inout SecretBytes?, _ call: Call) throws -> WireInfoReply {
        let state = call.state
        let access = try DatabaseAccess(request.tier, wait: request.wait, for: .info)
        let database = try LocatedDatabase(request.target, state: state)
        // The path is looked at before the key, so that one that names nothing is told as such.
        var summary = try FileSummary.read(database.files, in: state.storage)
        let opened = try OpenDatabase.openIfPossible(
            database, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil,
            access: access, call)
        if opened?.lease != nil {
            summary = try FileSummary.read(database.files, in: state.storage, ownership: .leased)
        }
        var reply = WireInfoReply()
        reply.row = DatabaseRows.row(for: database, summary: summary, twins: Twins(state), state)
        reply.files = files(of: summary)
        reply.leftovers = summary.status.leftovers.map(WireLeftover.init)
        reply.format = WireFormatFacts()
        if let salt = summary.saltSource { reply.format.salt = salt == .constant ? "legacy" : "file" }
        if let version = summary.wrapperVersion { reply.format.wrapperVersion = UInt32(clamping: version) }
        reply.walSize = summary.status.wal?.size ?? 0

        guard let opened else {
            reply.tier = .file
            reply.findings = summary.findings.map(WireFinding.init)
            return reply
        }
        let report = try withExtendedLifetime(opened.lease) { try opened.reader.quickCheck() }
        try opened.check()
        reply.tier = opened.tier
        fill(&reply, opened, report)
        reply.row.ownership = WireOwnership(opened.reader.ownership, of: state)
        return reply
    }

    private static func files(of summary: FileSummary) -> [WireFilePart] {
        let status = summary.status
        let parts = [
            ("data", summary.files.data, status.data), ("meta", summary.files.meta, status.meta),
            ("salt", summary.files.salt, status.salt), ("wal", summary.files.wal, status.wal),
            ("indexes", summary.files.indexes, status.indexes),
        ]
        return parts.compactMap { role, path, status in
            guard let status else { return nil }
            var part = WireFilePart()
            part.role = role
            part.path = Data(path.bytes)
            part.size = status.size
            part.mode = UInt32(status.mode)
            part.modified = status.modified
            return part
        }
    }

    private static func fill(_ reply: inout WireInfoReply, _ opened: OpenDatabase, _ report: CheckReport) {
        let metadata = opened.reader.metadata
        reply.row.records = UInt64(clamping: metadata.recordCount)
        reply.format.wrapperVersion = UInt32(clamping: metadata.wrapperVersion)
        if let version = metadata.formatVersion { reply.format.formatVersion = version }
        reply.format.encoding = metadata.encodingFormat
        reply.format.kdfIterations = UInt32(clamping: opened.iterations)
        if let signedAt = metadata.signedAt { reply.format.signedAt = signedAt }
        reply.format.signatureVerified = true
        if let version = metadata.schemaVersion { reply.format.schemaVersion = "\(version.major).\(version.minor)" }

        let survey = report.survey
        var pages = WirePageFacts()
        pages.size = 4096
        pages.total = survey.total
        pages.record = survey.record
        pages.overflow = survey.overflow
        pages.empty = survey.empty
        pages.plain = survey.plain
        pages.compressed = survey.compressed
        pages.unrecognized = survey.unrecognized
        pages.free = survey.free
        pages.leaked = survey.leaked
        pages.nextPageIndex = survey.nextPageIndex
        pages.estimated = survey.isEstimate
        reply.pages = pages

        reply.indexes = metadata.indexes.map { index in
            var facts = WireIndexFacts()
            facts.name = index.name
            facts.fields = index.fields
            facts.keys = UInt64(clamping: index.keys)
            facts.entries = UInt64(clamping: index.entries)
            return facts
        }
        if let wal = opened.reader.wal {
            reply.walEntries = UInt64(clamping: wal.entries)
            reply.walPending = UInt64(clamping: wal.counting.count)
        }
        reply.findings = report.findings.map(WireFinding.init)
    }
}

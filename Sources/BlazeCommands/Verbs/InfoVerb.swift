internal import ArgumentParser
internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

struct InfoVerb: Verb {
    static let schemaName = "info"
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Describe a database: files, format, pages, indexes, findings.",
        discussion: "Without its key only what the files show; unlock it, or give its password, for the rest.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var access: AccessOptions
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireInfoRequest()
        request.target = try context.target(database)
        request.tier = access.wireTier
        request.wait = access.wireWait
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        let reply = try SecretFlow(context, secrets, target: request.target).call(request, waiting: access.waiting)
        let findings = reply.findings.map(\.finding).worstFirst
        return VerbResult(data: json(reply, findings), tier: reply.tier.text, warnings: reply.warnings) { style in
            lines(reply, findings, style)
        }
    }

    private func json(_ reply: WireInfoReply, _ findings: [Finding]) -> JSONValue {
        let row = reply.row
        var fields = row.identityFields.merging(row.relationFields) { _, new in new }
        fields["tags"] = .strings(row.tags)
        fields["session"] = .string(row.sessionText)
        fields["state"] = .string(row.stateText)
        fields["reason"] = .optional(row.reason.isEmpty ? nil : row.reason)
        fields["ownership"] = row.ownershipJSON
        fields["size"] = .optional(row.hasSize ? row.size : nil)
        fields["modified"] = .optional(row.hasModified ? Style.time(nanoseconds: row.modified) : nil)
        fields["files"] = .array(
            reply.files.map { file in
                var fields: [String: JSONValue] = [
                    "role": .string(file.role), "size": .count(file.size),
                    "mode": .string(octal(file.mode)), "modified": .string(Style.time(nanoseconds: file.modified)),
                ]
                fields.set(path: file.path)
                return .object(fields)
            })
        fields["records"] = .object([
            "count": .optional(row.hasRecords ? row.records : nil),
            "estimated": .bool(row.hasRecords && row.recordsEstimated),
        ])
        fields["format"] = format(reply.format)
        fields["pages"] = reply.hasPages ? pages(reply.pages) : .null
        fields["wal"] = .object([
            "size": .optional(reply.hasWalSize ? reply.walSize : nil),
            "entries": .optional(reply.hasWalEntries ? reply.walEntries : nil),
            "pending": .optional(reply.hasWalPending ? reply.walPending : nil),
        ])
        fields["indexes"] =
            reply.tier != .file
            ? .array(
                reply.indexes.map { index in
                    .object([
                        "name": .string(index.name), "fields": .strings(index.fields), "keys": .count(index.keys),
                        "entries": .count(index.entries),
                    ])
                }) : .null
        fields["leftovers"] = .array(reply.leftovers.map(\.json))
        fields["findings"] = findings.json
        return .object(fields)
    }

    private func format(_ format: WireFormatFacts) -> JSONValue {
        .object([
            "wrapper_version": format.hasWrapperVersion ? .count(format.wrapperVersion) : .null,
            "format_version": .optional(format.hasFormatVersion ? format.formatVersion : nil),
            "encoding": .optional(format.hasEncoding ? format.encoding : nil),
            "salt": .optional(format.hasSalt ? format.salt : nil),
            "kdf_iterations": format.hasKdfIterations ? .count(format.kdfIterations) : .null,
            "signed_at": .optional(format.hasSignedAt ? format.signedAt : nil),
            "signature": .string(format.signatureVerified ? "verified" : "unverified"),
            "schema_version": .optional(format.hasSchemaVersion ? format.schemaVersion : nil),
        ])
    }

    private func pages(_ pages: WirePageFacts) -> JSONValue {
        .object([
            "size": .count(pages.size), "total": .count(pages.total), "record": .count(pages.record),
            "overflow": .count(pages.overflow), "empty": .count(pages.empty), "plain": .count(pages.plain),
            "compressed": .count(pages.compressed), "unrecognized": .count(pages.unrecognized),
            "free": .count(pages.free), "leaked": .count(pages.leaked),
            "next_page_index": .count(pages.nextPageIndex), "estimated": .bool(pages.estimated),
        ])
    }

    private func ownerSince(_ row: WireDatabaseRow) -> String? {
        guard let holder = row.ownership.holders.first, holder.hasStarted else { return nil }
        return Style.time(nanoseconds: holder.started)
    }

    private func octal(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }

    private func lines(_ reply: WireInfoReply, _ findings: [Finding], _ style: Style) -> [String] {
        let row = reply.row
        let format = reply.format
        var facts = FactList()
        facts.add("name", row.title)
        facts.add("id", row.idText ?? "unknown")
        facts.add("path", row.pathText)
        if row.twinCount > 0 { facts.add("twin of", row.twinsText) }
        if row.hasApp { facts.add("app", row.app) }
        if row.hasLastHolder { facts.add("last holder", row.lastHolder) }
        if !row.tags.isEmpty { facts.add("tags", row.tags.joined(separator: ", ")) }
        facts.add("session", row.sessionText)
        facts.add("state", row.reason.isEmpty ? row.stateText : "\(row.stateText): \(row.reason)")
        facts.add("owner", row.ownerText + (ownerSince(row).map { ", running since \($0)" } ?? ""))
        facts.add("records", row.recordsText)
        facts.add("size", row.hasSize ? Style.size(row.size) : "unknown")
        facts.add("changed", row.hasModified ? Style.time(nanoseconds: row.modified) : "unknown")
        for file in reply.files {
            facts.add("file \(file.role)", "\(Style.size(file.size)), mode \(octal(file.mode))")
        }
        facts.add("signature", format.signatureVerified ? "verified" : "not verified")
        if format.hasSignedAt { facts.add("signed at", format.signedAt) }
        if format.hasWrapperVersion { facts.add("metadata wrapper", "version \(format.wrapperVersion)") }
        if format.hasFormatVersion { facts.add("format", format.formatVersion) }
        if format.hasSchemaVersion { facts.add("schema version", format.schemaVersion) }
        if format.hasSalt { facts.add("salt", format.salt == "legacy" ? "the constant one of old versions" : "own") }
        if format.hasKdfIterations { facts.add("PBKDF2 iterations", "\(format.kdfIterations)") }
        if reply.hasPages {
            let pages = reply.pages
            let kinds: [(String, UInt64)] = [
                ("record", pages.record), ("overflow", pages.overflow), ("empty", pages.empty),
                ("plain", pages.plain), ("compressed", pages.compressed), ("unrecognized", pages.unrecognized),
            ]
            let text = kinds.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
            facts.add(
                "pages", (pages.estimated ? "about " : "") + "\(pages.total)" + (text.isEmpty ? "" : " (\(text))"))
            facts.add("free pages", "\(pages.free) listed, \(pages.leaked) leaked")
        }
        if reply.hasWalEntries {
            facts.add("WAL", "\(Style.size(reply.walSize)), \(reply.walEntries) entries, \(reply.walPending) needed")
        } else if reply.hasWalSize {
            facts.add("WAL", Style.size(reply.walSize))
        }
        for index in reply.indexes {
            facts.add("index \(index.name)", "\(index.keys) keys, \(index.entries) entries")
        }
        for leftover in reply.leftovers {
            facts.add("leftover", "\(FilePath.displayString([UInt8](leftover.path))) (\(leftover.kind))")
        }
        var out = facts.lines(style: style)
        if reply.tier == .file, row.session == .locked {
            out.append("locked: pages and indexes need the key (blazectl unlock \(row.title))")
        }
        return out + findings.lines(style: style)
    }
}

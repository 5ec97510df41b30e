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

/// The forms of an export.
enum ExportForm: String, ExpressibleByArgument, CaseIterable {
    case typed
}

struct ExportVerb: Verb {
    static let schemaName = "export"
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write all records, hidden ones included.",
        discussion: """
            typed: lossless JSON, one object a value. Standard output gets the whole document or nothing; findings go \
            to standard error. Ends with 5 when damage left records out, with 3 when another process kept changing some.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var access: AccessOptions
    @Option(help: "The form of the records: typed.")
    var format: ExportForm
    @Option(help: ArgumentHelp("Write to a new file (mode 0600) instead of standard output.", valueName: "file"))
    var out: String?
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireExportRequest()
        request.target = try context.target(database)
        request.format = .typed
        request.tier = access.wireTier
        request.wait = access.wireWait
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        let path = try out.map { try context.path($0) }
        let file = try path.map { try NewFile(path: $0) }
        // Standard output must never hold half a document, so without a file the parts wait here for the last one.
        var parts: [Data] = []
        var failure: StorageError?
        var received: UInt64 = 0
        defer { context.progress(nil) }
        let flow = SecretFlow(context, secrets, target: request.target)
        let reply = try flow.call(request, waiting: access.waiting) { part throws(ClientError) in
            received += UInt64(part.data.count)
            context.progress("\(Style.size(received)) received")
            guard let file else {
                parts.append(part.data)
                return
            }
            do throws(StorageError) {
                if failure == nil { try file.write([UInt8](part.data)) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard reply.bytes == received else {
            throw CommandFailure(.protocolMismatch, "invalid-reply", "the agent's export did not arrive whole")
        }
        if let path { try path.refuseAsFile(of: reply.row) }
        try file?.publish()
        context.progress(nil)
        return try result(reply, path: path, parts: parts, context)
    }

    private func result(
        _ reply: WireExportReply, path: FilePath?, parts: [Data], _ context: Context
    ) throws -> VerbResult {
        let findings = reply.findings.map(\.finding).worstFirst
        let told = findings.filter { $0.severity > .note }.lines(style: context.style(for: Terminal.error))
        let isMisplaced = findings.contains { $0.name.rawValue == "id-mismatch" }
        let status: ExitStatus =
            reply.unreadable > 0 || isMisplaced ? .damage : reply.unstable > 0 ? .partial : .success
        guard let path else {
            for part in parts { try Terminal.write([UInt8](part), to: Terminal.output) }
            var result = VerbResult(data: .null, warnings: told, status: status) { _ in [] }
            result.isWritten = true
            return result
        }
        var fields: [String: JSONValue] = [
            "records": .count(reply.records), "bytes": .count(reply.bytes), "unreadable": .count(reply.unreadable),
            "unstable": .count(reply.unstable),
            "findings": findings.json, "id": .optional(reply.row.idText),
        ]
        fields.set(path: Data(path.bytes))
        let warnings = context.format == .json ? [] : told
        return VerbResult(data: .object(fields), tier: reply.tier.text, warnings: warnings, status: status) { _ in
            ["\(reply.records) records, \(Style.size(reply.bytes)), in \(path.displayString)"]
        }
    }
}

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

/// The forms of a dump.
enum DumpForm: String, ExpressibleByArgument, CaseIterable {
    case lossless
    case blazedump

    var wire: WireDumpFormat { self == .lossless ? .lossless : .blazedump }
}

struct DumpVerb: Verb {
    static let schemaName = "dump"
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Write a database to one file that import makes a database of again.",
        discussion: """
            lossless (default): everything, sealed by a passphrase or for recipients (keygen). blazedump: BlazeDB's \
            own form, which keeps no types; it tells what it could not keep, and is never sealed, so it wants \
            --plaintext. A database may be dumped while an app uses it. Ends with 5 when damage left records out.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var secrets: SecretOptions
    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var access: AccessOptions
    @Option(help: ArgumentHelp("The new file (mode 0600).", valueName: "file"))
    var out: String
    @Option(help: "lossless or blazedump.")
    var format: DumpForm = .lossless
    @Flag(help: "Write it unsealed: whoever gets the file reads every value.")
    var plaintext = false
    @Option(help: ArgumentHelp("Seal it for this recipient; may be given several times.", valueName: "recipient"))
    var recipient: [String] = []
    @Flag(help: "Leave out records that cannot be read, and tell them.")
    var skipUnreadable = false
    @Flag(help: "Replace a file that is there.")
    var force = false
    @Argument(help: "Alias, path or id.")
    var database: String

    func validate() throws {
        if plaintext, !recipient.isEmpty || passphrase.isNamed {
            throw ValidationError("--plaintext seals nothing, so it takes no --recipient and no passphrase")
        }
        if format == .blazedump, !plaintext {
            throw ValidationError("a .blazedump is never sealed: add --plaintext if that is what you want")
        }
    }

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireDumpRequest()
        request.target = try context.target(database)
        request.format = format.wire
        request.plaintext = plaintext
        request.recipients = try recipient.map { text in
            do throws(SealError) {
                return Data(try SealRecipient(text).key)
            } catch {
                throw CommandFailure(.usage, "invalid-recipient", error.description)
            }
        }
        request.skipUnreadable = skipUnreadable
        request.tier = access.wireTier
        request.wait = access.wireWait
        if let count = secrets.password.kdfIterations { request.kdfIterations = count }
        let path = try context.path(out)
        let file = try NewFile(path: path, replaces: force)
        var sealing = try sealingSecret(context)
        defer { context.progress(nil) }
        var received: UInt64 = 0
        var failure: StorageError?
        let reply = try call(&request, &sealing, context) { part throws(ClientError) in
            received += UInt64(part.data.count)
            context.progress("\(Style.size(received)) received")
            do throws(StorageError) {
                if failure == nil { try file.write([UInt8](part.data)) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard reply.bytes == received else {
            throw CommandFailure(.protocolMismatch, "invalid-reply", "the agent's dump did not arrive whole")
        }
        try path.refuseAsFile(of: reply.row)
        try file.publish()
        context.progress(nil)
        return result(reply, path: path, context)
    }

    /// The passphrase that the dump is sealed by; nil for one that recipients open, or nobody.
    private func sealingSecret(_ context: Context) throws -> SecretBytes? {
        if plaintext { return nil }
        if passphrase.isNamed { return try passphrase.given(context) }
        return recipient.isEmpty ? try Passphrase.chosen(context, "Passphrase of the dump: ") : nil
    }

    private func call(
        _ request: inout WireDumpRequest, _ sealing: inout SecretBytes?, _ context: Context,
        part: (WireDumpPart) throws(ClientError) -> Void
    ) throws -> WireDumpReply {
        let flow = SecretFlow(context, secrets, target: request.target)
        guard var password = try secrets.password.given(context) else {
            let request = request
            return try flow.supplying {
                try context.connect(for: .dump, waiting: access.waiting).call(request, secret: &sealing, part: part)
            }
        }
        request.passwordBytes = UInt32(password.count)
        var both = try SecretBytes.joined(&password, &sealing)
        let reply = try context.connect(for: .dump, waiting: access.waiting).call(request, secret: &both, part: part)
        if secrets.remember == true {
            var kept: SecretBytes? = consume password
            try flow.remember(&kept)
        }
        return reply
    }

    private func result(_ reply: WireDumpReply, path: FilePath, _ context: Context) -> VerbResult {
        let findings = reply.findings.map(\.finding).worstFirst
        var told = findings.filter { $0.severity > .note }.lines(style: context.style(for: Terminal.error))
        if reply.unreadable > 0 {
            let more = reply.unreadable > UInt64(reply.unreadableIds.count) ? " and more" : ""
            told.append(
                "\(reply.unreadable) records cannot be read and are left out: "
                    + reply.unreadableIds.joined(separator: ", ") + more)
        }
        if reply.unstable > 0 { told.append("\(reply.unstable) records kept changing and are left out") }
        if reply.live {
            told.append("a process has the database open: records are as each stood at its own moment")
        }
        told += reply.losses.map { "\($0.count) values: \(DumpText.loss($0.name))" }
        var fields: [String: JSONValue] = [
            "records": .count(reply.records), "bytes": .count(reply.bytes), "unreadable": .count(reply.unreadable),
            "unreadable_ids": .strings(reply.unreadableIds), "unstable": .count(reply.unstable),
            "deleted": .count(reply.deleted), "live": .bool(reply.live), "sealed": .bool(reply.sealed),
            "format": .string(format.rawValue), "findings": findings.json, "id": .optional(reply.row.idText),
            "losses": .object(
                Dictionary(reply.losses.map { ($0.name, JSONValue.count($0.count)) }, uniquingKeysWith: { $1 })),
        ]
        fields.set(path: Data(path.bytes))
        let isDamaged = reply.unreadable > 0 || findings.contains { $0.severity >= .damage }
        let status: ExitStatus = isDamaged ? .damage : reply.unstable > 0 ? .partial : .success
        let warnings = context.format == .json ? [] : told
        return VerbResult(data: .object(fields), tier: reply.tier.text, warnings: warnings, status: status) { _ in
            [
                "\(reply.records) records, \(Style.size(reply.bytes)), "
                    + "\(reply.sealed ? "sealed" : "not sealed"), in \(path.displayString)"
            ]
        }
    }
}

extension SecretBytes {
    /// One secret and, behind it, another where there is one.
    static func joined(_ first: inout SecretBytes, _ second: inout SecretBytes?) throws -> SecretBytes? {
        guard var other = second.take() else { return try first.duplicate() }
        let both = try first.joined(with: &other)
        second = consume other
        return both
    }
}

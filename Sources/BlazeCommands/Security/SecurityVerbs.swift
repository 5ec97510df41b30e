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

struct SecurityCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "security", abstract: "What of a database can be read without its password, and by whom.",
        subcommands: [ExposureVerb.self, FixPermissionsVerb.self])
}

struct ExposureVerb: Verb {
    static let schemaName = "security.exposure"
    static let configuration = CommandConfiguration(
        commandName: "exposure", abstract: "Tell what lies readable: indexed values, modes, leftovers. Never a value.",
        discussion: """
            Needs no password, takes no lock, changes nothing. Ends with 0 when all is well, 4 for advice. Every secondary \
            index keeps its keys unencrypted in the metadata.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireExposureRequest()
        request.target = try context.target(database)
        let reply = try context.call(request)
        let findings = reply.findings.map(\.finding).worstFirst
        let status: ExitStatus =
            switch findings.first?.severity ?? .note {
            case .note: .success
            case .advice: .advice
            case .damage: .damage
            }
        return VerbResult(
            data: .object(Self.fields(reply, findings)), tier: WireTier.file.text, status: status
        ) { style in Self.lines(reply, findings, style) }
    }

    private static func fields(_ reply: WireExposureReply, _ findings: [Finding]) -> [String: JSONValue] {
        var fields = reply.row.identityFields
        fields["files"] = .array(reply.files.map(\.json))
        fields["directory"] = reply.hasDirectory ? reply.directory.json : .null
        fields["indexes"] = .array(
            reply.indexes.map { index in
                .object([
                    "name": .string(index.name), "fields": .array(index.fields.map { .string($0) }),
                    "keys": .count(index.keys), "entries": .count(index.entries),
                ])
            })
        fields["search_words"] = .optional(reply.hasSearchWords ? reply.searchWords : nil)
        fields["record_ids"] = .optional(reply.hasRecordIds ? reply.recordIds : nil)
        fields["mirror"] = .bool(reply.mirror)
        fields["signature_verified"] = .bool(false)
        fields["findings"] = findings.json
        return fields
    }

    private static func lines(_ reply: WireExposureReply, _ findings: [Finding], _ style: Style) -> [String] {
        var files = Table([.init("WHAT"), .init("FILE"), .init("MODE"), .init("OWNER"), .init("GROUP"), .init("SIZE")])
        for file in reply.files + (reply.hasDirectory ? [reply.directory] : []) {
            let cells = [
                file.role, file.name + (file.link ? " (link)" : ""), Style.mode(file.mode), "\(file.owner)",
                "\(file.group)", file.role == "directory" ? "-" : Style.size(file.size),
            ]
            files.add(cells.map { .init($0) })
        }
        var out = files.lines(style: style)
        if !reply.indexes.isEmpty {
            var indexes = Table([.init("INDEX"), .init("FIELDS"), .init("READABLE KEYS"), .init("RECORDS")])
            for index in reply.indexes {
                let cells = [index.name, index.fields.joined(separator: ", "), "\(index.keys)", "\(index.entries)"]
                indexes.add(cells.map { .init($0) })
            }
            out += indexes.lines(style: style)
        }
        if reply.hasRecordIds {
            out.append("\(reply.recordIds) record ids stand in the metadata (signature not verified)")
        }
        out += findings.lines(style: style)
        if findings.contains(where: { $0.name.rawValue.hasSuffix("-mode-open") && $0.severity == .advice }) {
            out.append("blazectl security fix-perms closes files and directory to others")
        }
        return out
    }
}

struct FixPermissionsVerb: Verb {
    static let schemaName = "security.fix-perms"
    static let configuration = CommandConfiguration(
        commandName: "fix-perms", abstract: "Close a database's files (0600) and its directory (0700) to others.",
        discussion: """
            Shows first what it would change, and asks once. BlazeDB's next save makes the metadata anew by the umask, so \
            that only the directory's mode lasts. Safe while an app has the database open. Ends with 1 where something \
            could not be changed.
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Only show what it would change.")
    var dryRun = false
    @Flag(help: "Also close a directory that holds other things than databases.")
    var directory = false
    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireFixPermissionsRequest()
        request.target = try context.target(database)
        request.directory = directory
        request.dryRun = true
        if !dryRun {
            if !yes {
                let reply = try context.call(request)
                guard reply.changes.contains(where: \.changed) else { return Self.result(reply, isDryRun: false) }
                let title = context.printable(reply.row.title)
                try confirm(title, Self.lines(reply, context.style(for: Terminal.error)), context)
            }
            request.dryRun = false
        }
        return Self.result(try context.call(request), isDryRun: dryRun)
    }

    private func confirm(_ title: String, _ preview: [String], _ context: Context) throws {
        guard try Asker(context).canConfirm else {
            throw CommandFailure(
                .promptNeeded, "confirmation-needed", "modes of files would be changed",
                hint: "--dry-run shows which; --yes does it without asking")
        }
        for line in preview { context.say(line) }
        guard try Asker.confirm("Change the modes of \(title) now?") else {
            throw CommandFailure(.failure, "declined", "nothing was changed")
        }
    }

    private static func result(_ reply: WireFixPermissionsReply, isDryRun: Bool) -> VerbResult {
        var fields = reply.row.identityFields
        fields["dry_run"] = .bool(isDryRun)
        fields["changes"] = .array(
            reply.changes.map { change in
                var fields: [String: JSONValue] = [
                    "mode_before": .string(Style.octal(change.modeBefore)),
                    "mode_after": .string(Style.octal(change.modeAfter)), "changed": .bool(change.changed),
                    "reason": .optional(change.reason.isEmpty ? nil : change.reason),
                ]
                fields.set(path: change.path)
                return .object(fields)
            })
        let status: ExitStatus = isDryRun || reply.changes.allSatisfy(\.changed) ? .success : .failure
        return VerbResult(data: .object(fields), tier: WireTier.file.text, status: status) { style in
            reply.changes.isEmpty ? ["\(reply.row.title) is closed to others"] : lines(reply, style)
        }
    }

    private static func lines(_ reply: WireFixPermissionsReply, _ style: Style) -> [String] {
        var table = Table([.init("FILE"), .init("MODE"), .init("TO"), .init("WHAT STANDS IN THE WAY")])
        for change in reply.changes {
            let cells = [
                FilePath.displayString([UInt8](change.path)), Style.mode(change.modeBefore),
                Style.mode(change.modeAfter),
                change.reason.isEmpty ? "-" : change.reason,
            ]
            table.add(cells.map { .init($0) })
        }
        return table.lines(style: style)
    }
}

extension WireExposedFile {
    var name: String {
        role == "directory"
            ? FilePath.displayString([UInt8](path))
            : FilePath(bytes: [UInt8](path))?.lastComponent.map { FilePath(root: nil, [$0]).displayString } ?? "-"
    }

    var json: JSONValue {
        var fields: [String: JSONValue] = [
            "role": .string(role), "size": .count(size), "mode": .string(Style.octal(mode)), "owner": .count(owner),
            "group": .count(group), "link": .bool(link), "others_may_read": .bool(!link && mode & 0o044 != 0),
        ]
        fields.set(path: path)
        return .object(fields)
    }
}

extension Style {
    /// Permission bits as four octal digits.
    static func octal(_ mode: UInt32) -> String {
        let text = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
    }

    /// Permission bits as ls shows them, without the file's kind.
    static func mode(_ mode: UInt32) -> String {
        let letters = ["r", "w", "x", "r", "w", "x", "r", "w", "x"]
        let bits = letters.enumerated().map { place, letter in mode & (0o400 >> UInt32(place)) == 0 ? "-" : letter }
        return bits.joined() + (mode & 0o7000 == 0 ? "" : " +\(octal(mode & 0o7000))")
    }
}

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
            Needs no password, takes no lock, changes nothing. Ends with 0 when all is well, 4 for advice, 5 where the \
            metadata is damaged or unsigned. Every secondary index keeps its keys unencrypted in the metadata and in each \
            copy of it. Who may read a file is judged by permission bits, of the directories above as well; access \
            control lists are not looked at.
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
            data: .object(ExposureView.fields(reply, findings)), tier: WireTier.file.text, status: status
        ) { style in ExposureView.lines(reply, findings, style) }
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

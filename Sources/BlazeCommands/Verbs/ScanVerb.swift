internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import Foundation
internal import SystemPackage

struct ScanVerb: Verb {
    static let schemaName = "scan"
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Look for databases in directories, and remember them.",
        discussion: "Without directories: the usual places and the configured ones (scan.roots).")

    @OptionGroup var global: GlobalOptions
    @Argument(help: ArgumentHelp("Directories to search, with all below them.", valueName: "root"))
    var roots: [String] = []

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireScanRequest()
        request.roots = try roots.map { Data(try context.path($0).bytes) }
        let connection = try context.connect(for: .scan)
        var found: [WireDatabaseRow] = []
        var leftovers: [WireLeftover] = []
        var skipped: [WireSkipped] = []
        var none: SecretBytes?
        defer { context.progress(nil) }
        let reply = try connection.call(request, secret: &none) { part throws(ClientError) in
            switch part.event {
            case .found(let row): found.append(row)
            case .leftover(let leftover): leftovers.append(leftover)
            case .skipped(let skip): skipped.append(skip)
            case .progress(let progress):
                context.progress("\(progress.directories) directories, \(progress.files) files, \(found.count) found")
            case nil: break
            }
        }
        found.sort { $0.pathText < $1.pathText }
        let data = JSONValue.object([
            "roots": .strings(reply.roots.map { FilePath.displayString([UInt8]($0)) }),
            "databases": .array(found.map(\.json)), "leftovers": .array(leftovers.map(\.json)),
            "skipped": .array(
                skipped.map { skip in
                    var fields: [String: JSONValue] = ["reason": .string(skip.reason)]
                    fields.set(path: skip.path)
                    return .object(fields)
                }),
            "directories": .count(reply.directories), "files": .count(reply.files),
        ])
        let json = context.format == .json
        // A person wants to know what was passed over; a script finds it in the object.
        let passedOver =
            json
            ? []
            : skipped.map { "skipped \(FilePath.displayString([UInt8]($0.path))): \($0.reason)" }
                + leftovers.map { "left behind by BlazeDB: \(FilePath.displayString([UInt8]($0.path))) (\($0.kind))" }
        return VerbResult(data: data, tier: "file", warnings: reply.warnings + passedOver) { style in
            found.isEmpty
                ? ["no databases in \(reply.directories) directories"] : WireDatabaseRow.table(found, style: style)
        }
    }
}

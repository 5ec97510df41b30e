internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

struct ScanVerb: Verb {
    static let schemaName = "scan"
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Look for databases in directories, and remember them.",
        discussion: """
            Without directories: BlazeDB's own, ~/Documents, ~/Developer, the data home, the directory of temporary \
            files, the current one, and the configured ones (scan.roots). What scan.exclude names is passed over, and so \
            are file systems of other machines, unless they are named.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: ArgumentHelp("Directories to search, with all below them.", valueName: "root"))
    var roots: [String] = []

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireScanRequest()
        request.roots = try roots.map { Data(try context.path($0).bytes) }
        if let directory = CurrentUser.workingDirectory() { request.workingDirectory = Data(directory.bytes) }
        let connection = try context.connect(for: .scan)
        var output = ScanOutput(context)
        var none: SecretBytes?
        Terminal.exitOnSignals(writing: output.lastWords, to: Terminal.error)
        defer { context.progress(nil) }
        let reply = try connection.call(request, secret: &none) { part throws(ClientError) in output.take(part) }
        if let failure = output.failure { throw failure }
        output.noteTwins()
        let (found, leftovers, skipped) = (
            output.found.sorted { $0.pathText < $1.pathText }, output.leftovers, output.skipped
        )
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
        // A person wants to know what was passed over; a script finds it in the object.
        let passedOver = context.format == .json ? [] : output.remarks
        var result = VerbResult(data: data, tier: "file", warnings: reply.warnings + passedOver) { _ in
            ["no databases in \(reply.directories) directories"]
        }
        result.isWritten = output.isWritten
        return result
    }
}

/// What a scan tells, shown as it comes: rows at once, so that a long scan is of use before its end. JSON is one object
/// and has to wait.
struct ScanOutput {
    private let context: Context
    private var table: StreamedTable
    private(set) var found: [WireDatabaseRow] = []
    private(set) var leftovers: [WireLeftover] = []
    private(set) var skipped: [WireSkipped] = []
    /// Why writing failed.
    private(set) var failure: (any Error)?
    /// Whether rows were written.
    private(set) var isWritten = false

    init(_ context: Context) {
        self.context = context
        table = StreamedTable(WireDatabaseRow.columns, style: context.style(for: Terminal.output))
    }

    /// What takes the progress off the terminal.
    var lastWords: String { Terminal.isTerminal(Terminal.error) ? "\r\u{1B}[K" : "" }

    mutating func take(_ part: WireScanPart) {
        switch part.event {
        case .found(let row):
            found.append(row)
            if context.format != .json { write(row) }
        case .leftover(let leftover): leftovers.append(leftover)
        case .skipped(let skip): skipped.append(skip)
        case .progress(let progress):
            context.progress("\(progress.directories) directories, \(progress.files) files, \(found.count) found")
        case nil: break
        }
    }

    private mutating func write(_ row: WireDatabaseRow) {
        guard failure == nil else { return }
        isWritten = true
        context.progress(nil)
        do {
            try context.write(lines: table.add(row.cells))
        } catch {
            failure = error
        }
    }

    /// How many twins a row names, as the agent's rows do.
    private static let twinLimit = 16

    /// Rows that came before the copies of their database do not tell of them yet.
    mutating func noteTwins() {
        found.sort { $0.path.lexicographicallyPrecedes($1.path) }
        var alike: [Data: [Data]] = [:]
        for row in found where row.hasID && row.state != .missing { alike[row.id, default: []].append(row.path) }
        for index in found.indices {
            let row = found[index]
            guard row.hasID, let paths = alike[row.id], paths.count - 1 > Int(row.twinCount) else { continue }
            found[index].twins = Array(paths.lazy.filter { $0 != row.path }.prefix(Self.twinLimit))
            found[index].twinCount = UInt32(clamping: paths.count - 1)
        }
    }

    /// What a person wants to know besides the rows.
    var remarks: [String] {
        var out = skipped.map { "skipped \(FilePath.displayString([UInt8]($0.path))): \($0.reason)" }
        out += leftovers.map { "left behind by BlazeDB: \(FilePath.displayString([UInt8]($0.path))) (\($0.kind))" }
        for row in found where row.hasMovedFrom { out.append(row.movedText) }
        var told: Set<Data> = []
        for row in found where row.twinCount > 0 && told.insert(row.id).inserted {
            out.append("\(row.pathText) is a twin of \(row.twinsText)")
        }
        return out
    }
}

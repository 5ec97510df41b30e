internal import BlazeClient
internal import BlazePlatform

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// `ls --watch`: takes the changes of the list as the agent tells them, and shows them until it is interrupted.
struct WatchSession {
    private let context: Context
    private let request: WireListRequest

    init(_ context: Context, _ request: WireListRequest) {
        self.context = context
        self.request = request
    }

    func run() throws -> VerbResult {
        var watch = WireWatchRequest()
        watch.list = request
        // Well within the time that the agent may be silent, so that a silence means something.
        watch.aliveSeconds = UInt32(min(max(context.global.timeout / 3, 1), 30))
        let connection = try context.connect(for: .watch)
        let isScreen = context.global.output != .json && Terminal.isTerminal(Terminal.output)
        let isPlain = context.global.output == .plain || (context.global.output == .table && !isScreen)
        var list = WatchedList()
        var screen = WatchScreen(context, grouped: request.grouping != .unspecified)
        var lines = ChangeLines(context, isPlain: isPlain)
        var failure: (any Error)?
        var none: SecretBytes?
        Terminal.exitOnSignals(writing: isScreen ? WatchScreen.lastWords : "", to: Terminal.output)
        _ = try connection.call(watch, secret: &none) { part throws(ClientError) in
            list.take(part)
            do {
                if !isScreen {
                    try lines.write(part.events)
                } else if part.complete {
                    try screen.show(list)
                }
            } catch {
                failure = error
                throw ClientError(.connectionLost, "the output cannot be written")
            }
        }
        if let failure { throw failure }
        var result = VerbResult(data: .null) { _ in [] }
        result.isWritten = true
        return result
    }
}

/// The list as the agent's parts have made it so far.
struct WatchedList {
    private(set) var rows: [WireDatabaseRow] = []
    private(set) var groups: [WireListGroup] = []
    private var waiting: [WireWatchEvent] = []

    /// Takes what changed, once it is all there: rows that are named go, then those that are there come in their places,
    /// first places first.
    mutating func take(_ part: WireWatchPart) {
        waiting += part.events
        guard part.complete else { return }
        let named = Set(waiting.map(\.row.path))
        if !named.isEmpty { rows.removeAll { named.contains($0.path) } }
        for event in waiting where event.change != .removed {
            rows.insert(event.row, at: min(Int(event.index), rows.count))
        }
        waiting = []
        groups = part.groups
    }
}

/// Changes as lines of JSON or text.
struct ChangeLines {
    private let context: Context
    private let isPlain: Bool
    private var table: StreamedTable

    init(_ context: Context, isPlain: Bool) {
        self.context = context
        self.isPlain = isPlain
        table = StreamedTable([.init("EVENT")] + WireDatabaseRow.columns, style: context.style(for: Terminal.output))
    }

    mutating func write(_ events: [WireWatchEvent]) throws {
        for event in events {
            let word =
                switch event.change {
                case .added: "added"
                case .removed: "removed"
                default: "changed"
                }
            if isPlain {
                try context.write(lines: table.add([.init(word)] + event.row.cells))
                continue
            }
            let data = JSONValue.object(["event": .string(word), "database": event.row.json])
            try context.writeObject(VerbResult(data: data, tier: "file") { _ in [] }, schema: "ls.watch")
        }
    }
}

/// The table on a terminal, drawn over itself.
struct WatchScreen {
    /// Wraps lines again and shows the cursor.
    static let lastWords = "\u{1B}[?7h\u{1B}[?25h\r\n"

    private let context: Context
    private let isGrouped: Bool
    /// Lines of the last drawing above the cursor.
    private var height = 0

    init(_ context: Context, grouped: Bool) {
        self.context = context
        isGrouped = grouped
    }

    mutating func show(_ list: WatchedList) throws {
        var style = context.style(for: Terminal.output)
        if !style.aligned { style = Style(aligned: true, coloured: style.coloured) }
        var lines =
            list.rows.isEmpty
            ? ["no known database fits"]
            : WireDatabaseRow.lines(list.rows, groups: isGrouped ? list.groups : nil, style: style)
        // One line is left for the cursor, so that drawing never scrolls.
        let room = max((Terminal.rows(Terminal.output) ?? 24) - 1, 2)
        if lines.count > room {
            let hidden = lines.count - (room - 1)
            lines = Array(lines.prefix(room - 1)) + ["and \(hidden) more lines"]
        }
        // Too long a line is cut off by the terminal instead of taking two.
        var out = "\u{1B}[?25l\u{1B}[?7l"
        out += height > 0 ? "\r\u{1B}[\(height)A\u{1B}[J" : "\r"
        out += lines.map { style.printable($0) + "\r\n" }.joined()
        out += "\u{1B}[?7h"
        height = lines.count
        try Terminal.write(Array(out.utf8), to: Terminal.output)
    }
}

internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// watch: the list, and then what changes about it, until the client leaves.
enum WatchHandler {
    private static let rowsOfPart = 500
    private static let usualAlive: UInt32 = 30
    private static let longestAlive: UInt32 = 60

    static func watch(_ request: WireWatchRequest, _ call: Call) throws -> WireWatchReply {
        let query = try ListHandler.query(of: request.list)
        guard request.aliveSeconds <= longestAlive else {
            throw Fault(.invalidRequest, "a sign of life comes at least every \(longestAlive) seconds")
        }
        let alive = Duration.seconds(request.aliveSeconds == 0 ? usualAlive : request.aliveSeconds)
        let watcher = try call.state.liveList.join(call.state)
        var told = ToldList()
        var isFirst = true
        var isDue = false
        repeat {
            // What holds for a database may depend on the time alone, so the list is chosen anew at each sign of life.
            if let rows = watcher.newRows() ?? (isDue && !isFirst ? watcher.rows : nil) {
                let (chosen, groups) = ListHandler.choose(from: rows, query)
                let events = told.events(for: chosen)
                if !events.isEmpty || isFirst || isDue { try send(events, groups, call) }
                isFirst = false
            } else if isDue {
                try call.responder.part(WireWatchPart())
            }
            isDue = false
            guard !call.responder.waitForClient(or: watcher.pipe, within: alive) else { break }
            isDue = !watcher.isBehind
        } while true
        if call.state.connections.isStopping {
            throw Fault(.stopping, "the agent is stopping", hint: "run the command again")
        }
        return WireWatchReply()
    }

    private static func send(_ events: [WireWatchEvent], _ groups: [WireListGroup], _ call: Call) throws {
        var start = 0
        repeat {
            let end = min(start + rowsOfPart, events.count)
            var part = WireWatchPart()
            part.events = Array(events[start..<end])
            part.complete = end == events.count
            if part.complete { part.groups = groups }
            try call.responder.part(part)
            start = end
        } while start < events.count
    }
}

/// The list as a client has it.
struct ToldList {
    private var rows: [Data: WireDatabaseRow] = [:]

    /// What brings the client's list from the last one to this one.
    mutating func events(for now: [WireDatabaseRow]) -> [WireWatchEvent] {
        var left = rows
        var out: [WireWatchEvent] = []
        for (index, row) in now.enumerated() {
            let before = left.removeValue(forKey: row.path)
            guard before != row else { continue }
            out.append(Self.event(before == nil ? .added : .changed, row, index))
        }
        for row in left.values { out.append(Self.event(.removed, row, 0)) }
        rows = Dictionary(now.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        return out
    }

    private static func event(_ change: WireWatchChange, _ row: WireDatabaseRow, _ index: Int) -> WireWatchEvent {
        var event = WireWatchEvent()
        event.change = change
        event.row = row
        event.index = UInt32(clamping: index)
        return event
    }
}

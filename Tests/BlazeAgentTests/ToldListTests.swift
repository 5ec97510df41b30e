@testable import BlazeAgent
import BlazeProtocol
import Foundation
import TestSupport
import Testing

/// A client that does what Protocol/agent.md says has the agent's list after every part.
@Suite struct ToldListTests {
    private func row(_ path: Int, _ version: UInt64) -> WireDatabaseRow {
        var row = WireDatabaseRow()
        row.path = Data("/\(path)".utf8)
        row.size = version
        return row
    }

    private func apply(_ events: [WireWatchEvent], to list: inout [WireDatabaseRow]) {
        let named = Set(events.map(\.row.path))
        list.removeAll { named.contains($0.path) }
        for event in events where event.change != .removed { list.insert(event.row, at: Int(event.index)) }
    }

    @Test func followsEveryChange() {
        var random = SeededGenerator.printed()
        for _ in 0..<testRounds(100) {
            var told = ToldList()
            var client: [WireDatabaseRow] = []
            var rows: [Int: UInt64] = [:]
            for _ in 0..<20 {
                for _ in 0..<Int.random(in: 0...6, using: &random) {
                    let path = Int.random(in: 0..<15, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: rows[path] = nil
                    default: rows[path] = UInt64.random(in: 0..<10, using: &random)
                    }
                }
                // In order of size, so that a change moves a row.
                let now = rows.map { row($0.key, $0.value) }.sorted {
                    ($0.size, $0.path.count, [UInt8]($0.path).last ?? 0) < (
                        $1.size, $1.path.count, [UInt8]($1.path).last ?? 0
                    )
                }
                let events = told.events(for: now)
                apply(events, to: &client)
                #expect(client == now)
                #expect(told.events(for: now).isEmpty)
            }
        }
    }

    @Test func saysWhatHappened() {
        var told = ToldList()
        #expect(told.events(for: [row(1, 1), row(2, 1)]).map(\.change) == [.added, .added])
        #expect(told.events(for: [row(2, 5)]).map(\.change) == [.changed, .removed])
        #expect(told.events(for: []).map(\.row.size) == [5])
    }
}

@testable import BlazeAgent
import BlazePlatform
import BlazeProtocol
import BlazeServices
import Dispatch
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite struct ListKeeperTests {
    /// The sizes that a keeper has published last, by file name; -1 for what is missing.
    final class Published: Sendable {
        private let sizes = Mutex<[String: Int]>([:])
        private let told = DispatchSemaphore(value: 0)
        private let wanted = Mutex(true)
        let ended = DispatchSemaphore(value: 0)

        var isWanted: Bool { wanted.withLock { $0 } }
        func end() { wanted.withLock { $0 = false } }

        func take(_ rows: [WireDatabaseRow]) {
            let now = rows.map { row in
                (
                    FilePath(bytes: [UInt8](row.path))?.lastComponent?.string ?? "",
                    row.state == .missing ? -1 : Int(row.size)
                )
            }
            sizes.withLock { $0 = Dictionary(now, uniquingKeysWith: { first, _ in first }) }
            told.signal()
        }

        /// Whether a list comes within twenty seconds for which `condition` holds.
        func waits(for condition: ([String: Int]) -> Bool) -> Bool {
            let end = DispatchTime.now() + .seconds(20)
            while !condition(sizes.withLock { $0 }) {
                guard told.wait(timeout: end) == .success else { return false }
            }
            return true
        }
    }

    /// The same with the system's notices and without: only sooner or later.
    @Test(arguments: [true, false]) func followsWhatHappens(usesNotices: Bool) throws {
        let agent = try TestAgent()
        let directory = try #require(agent.directory.path.resolved).appending("d")
        let manager = FileManager.default
        func write(_ name: String, _ count: Int) throws {
            try manager.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
            try Data(count: count).write(to: URL(fileURLWithPath: directory.appending(name).string))
        }
        try write("a.blazedb", 1)
        let sighting = Sighting(path: directory.appending("a.blazedb"), id: nil, file: nil)
        _ = try agent.state.catalog.recognize(sighting, alias: nil) { _ in true }

        let (published, wake, state) = (Published(), try WakePipe(), agent.state)
        try spawnThread(named: "list") {
            ListKeeper(state, wake: wake, usesNotices: usesNotices).run(
                publish: { published.take($0) }, isWanted: { published.isWanted })
            published.ended.signal()
        }
        #expect(published.waits { $0 == ["a.blazedb": 1] })
        try write("a.wal", 10)
        #expect(published.waits { $0 == ["a.blazedb": 11] })
        try write("b.blazedb", 5)
        #expect(published.waits { $0 == ["a.blazedb": 11, "b.blazedb": 5] })
        try manager.removeItem(atPath: directory.string)
        #expect(published.waits { $0 == ["a.blazedb": -1, "b.blazedb": -1] })
        try write("b.blazedb", 7)
        #expect(published.waits { $0 == ["a.blazedb": -1, "b.blazedb": 7] })
        published.end()
        wake.wake()
        #expect(published.ended.wait(timeout: .now() + .seconds(20)) == .success)
    }
}

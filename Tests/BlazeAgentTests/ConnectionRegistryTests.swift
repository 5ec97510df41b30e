@testable import BlazeAgent
import BlazeClient
import BlazePlatform
import Dispatch
import SystemPackage
import TestSupport
import Testing

/// Who gets a seat when all are taken.
@Suite struct ConnectionRegistryTests {
    /// Connections of which nothing but their number matters.
    final class Streams {
        private let directory: TemporaryDirectory
        private let listener: SocketListener
        private var clients: [SocketStream] = []

        init() throws {
            directory = try TemporaryDirectory()
            listener = try SocketListener(path: directory.path.appending("s"), backlog: 64)
        }

        func next() throws -> SocketStream {
            clients.append(try SocketStream(connectingTo: listener.path, within: .seconds(5)))
            guard case .connection(let stream) = try listener.next(until: .after(.seconds(5))) else {
                throw SocketError(.timedOut, operation: "accept")
            }
            return stream
        }
    }

    static func seat(_ admission: ConnectionRegistry.Admission) -> ConnectionRegistry.Seat? {
        guard case .admitted(let seat) = admission else { return nil }
        return seat
    }

    @Test func theLongestUnusedGivesWay() throws {
        let streams = try Streams()
        let registry = ConnectionRegistry(limit: 2, spareTime: .zero)
        let first = try #require(Self.seat(registry.admit(try streams.next())))
        let second = try #require(Self.seat(registry.admit(try streams.next())))
        // The first is used once more, so the second is now unused for longest.
        #expect(first.beginRequest())
        first.endRequest()
        let third = try #require(Self.seat(registry.admit(try streams.next())))
        #expect(second.isGivenAway && !first.isGivenAway && !third.isGivenAway)
        #expect(!second.beginRequest() && first.beginRequest())
        #expect(registry.count == 2)
    }

    @Test func aRequestUnderWayIsNeverEnded() throws {
        let streams = try Streams()
        let registry = ConnectionRegistry(limit: 2, spareTime: .zero)
        for _ in 0..<2 { #expect(Self.seat(registry.admit(try streams.next()))?.beginRequest() == true) }
        guard case .full = registry.admit(try streams.next()) else {
            Issue.record("a seat was given away")
            return
        }
    }

    @Test func aMomentWithoutARequestIsSafe() throws {
        let streams = try Streams()
        let registry = ConnectionRegistry(limit: 1, spareTime: .seconds(600))
        let only = try #require(Self.seat(registry.admit(try streams.next())))
        guard case .full = registry.admit(try streams.next()) else {
            Issue.record("a seat was given away")
            return
        }
        #expect(!only.isGivenAway)
    }

    @Test func nobodyComesAfterTheStop() throws {
        let streams = try Streams()
        let registry = ConnectionRegistry(limit: 2, spareTime: .zero)
        let seat = try #require(Self.seat(registry.admit(try streams.next())))
        registry.stop()
        guard case .stopping = registry.admit(try streams.next()) else {
            Issue.record("admitted")
            return
        }
        #expect(!registry.waitUntilEmpty(within: .milliseconds(10)))
        seat.leave()
        #expect(registry.waitUntilEmpty(within: .seconds(5)))
    }

    @Test func thoseWhoLoseTheirSeatsAreWaitedFor() throws {
        let streams = try Streams()
        let registry = ConnectionRegistry(limit: 1, spareTime: .zero)
        let loser = try #require(Self.seat(registry.admit(try streams.next())))
        let winner = try #require(Self.seat(registry.admit(try streams.next())))
        winner.leave()
        #expect(registry.count == 0 && !registry.waitUntilEmpty(within: .milliseconds(10)))
        loser.leave()
        #expect(registry.waitUntilEmpty(within: .seconds(5)))
    }

    @Test func theLoserIsTold() throws {
        let agent = try TestAgent(connectionLimit: 1, spareTime: .zero)
        let first = try agent.connect()
        let second = try agent.connect()
        #expect(throws: ClientError(Fault(.tooManyConnections, ""))) { try first.call(WirePingRequest()) }
        #expect(try second.call(WirePingRequest()).pid == 1)
    }
}

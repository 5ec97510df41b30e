import BlazePlatform
import Foundation
import SystemPackage
import Synchronization
import TestSupport
import Testing

@Suite struct SocketTests {
    /// The next connection; nil when there is none.
    static func accept(_ listener: SocketListener, within time: Duration = .seconds(10)) throws -> SocketStream? {
        guard case .connection(let stream) = try listener.next(until: .after(time)) else { return nil }
        return stream
    }

    /// A listener, and both ends of one connection to it.
    static func pair(_ directory: TemporaryDirectory) throws -> (SocketListener, SocketStream, SocketStream) {
        let listener = try SocketListener(path: directory.path.appending("s"), backlog: 8)
        let client = try SocketStream(connectingTo: listener.path, within: .seconds(5))
        let server = try #require(try accept(listener))
        return (listener, client, server)
    }

    @Test func bytesGoBothWays() throws {
        let directory = try TemporaryDirectory()
        let (_, client, server) = try Self.pair(directory)
        try client.send([1, 2, 3], deadline: .after(.seconds(5)))
        #expect(try server.receive(count: 3, deadline: .after(.seconds(5))) == [1, 2, 3])
        try server.send([4], deadline: .after(.seconds(5)))
        #expect(try client.receive(count: 1, deadline: .after(.seconds(5))) == [4])
        #expect(try client.receive(count: 0, deadline: .after(.seconds(5))) == [])
    }

    @Test func thePeerIsKnown() throws {
        let directory = try TemporaryDirectory()
        let (_, client, server) = try Self.pair(directory)
        #expect(try server.peer().userID == CurrentUser.id)
        #expect(try client.peer().processID == ProcessInfo.processInfo.processIdentifier)
    }

    @Test func secretsGoIntoGuardedMemory() throws {
        let directory = try TemporaryDirectory()
        let (_, client, server) = try Self.pair(directory)
        try client.send(Array("secret".utf8), deadline: .after(.seconds(5)))
        var secret = try server.receiveSecret(count: 6, deadline: .after(.seconds(5)))
        #expect(secret.withBytes { Array($0) } == Array("secret".utf8))
    }

    /// Bytes that nobody has read yet do not hide that the other side is gone; half an end with something left is none.
    @Test func aStreamHasEndedWhenNobodyIsThere() throws {
        let directory = try TemporaryDirectory()
        var (_, client, server): (SocketListener, SocketStream?, SocketStream) = try Self.pair(directory)
        #expect(!server.hasEnded)
        try client?.send([1], deadline: .after(.seconds(5)))
        client?.endSending()
        #expect(!server.hasEnded)
        client = nil
        #expect(server.hasEnded)
        _ = client
        let (_, other, mine) = try Self.pair(try TemporaryDirectory())
        try other.send([1], deadline: .after(.seconds(5)))
        #expect(!mine.hasEnded)
        mine.shutDown()
        #expect(mine.hasEnded)
    }

    @Test func endsAreTold() throws {
        let directory = try TemporaryDirectory()
        var (_, client, server): (SocketListener, SocketStream?, SocketStream) = try Self.pair(directory)
        try client?.send([1], deadline: .after(.seconds(5)))
        client = nil
        #expect(throws: SocketError(.cutShort, operation: "")) {
            try server.receive(count: 2, deadline: .after(.seconds(5)))
        }
        var buffer: [UInt8] = [0]
        let n = try buffer.withUnsafeMutableBytes { try server.receive(into: $0, deadline: .after(.seconds(5))) }
        #expect(n == 0)
        _ = client
    }

    @Test func deadlinesPass() throws {
        let directory = try TemporaryDirectory()
        let (_, client, server) = try Self.pair(directory)
        #expect(throws: SocketError(.timedOut, operation: "")) {
            try server.receive(count: 1, deadline: .after(.milliseconds(20)))
        }
        // Nobody reads: the buffers fill, and then the deadline ends the wait.
        #expect(throws: SocketError(.timedOut, operation: "")) {
            try client.send([UInt8](repeating: 7, count: 64 << 20), deadline: .after(.milliseconds(50)))
        }
    }

    @Test func nobodyListens() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("s")
        #expect(throws: SocketError(.notFound, operation: "")) {
            _ = try SocketStream(connectingTo: path, within: .seconds(1))
        }
        do { _ = try SocketListener(path: path, backlog: 1) }
        #expect(throws: SocketError(.refused, operation: "")) {
            _ = try SocketStream(connectingTo: path, within: .seconds(1))
        }
        // The file that was left is in nobody's way.
        let next = try SocketListener(path: path, backlog: 1)
        _ = try SocketStream(connectingTo: path, within: .seconds(1))
        next.unlinkSocket()
        #expect(try PosixStorage().status(of: path) == nil)
    }

    @Test func otherFilesAreNotReplaced() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write([1], to: "s")
        #expect(throws: SocketError(.inUse, operation: "")) { _ = try SocketListener(path: file, backlog: 1) }
        #expect(try PosixStorage().open(file).bytes(count: 2, at: 0) == [1])
    }

    @Test func aRemovedSocketIsBoundAgain() throws {
        let directory = try TemporaryDirectory()
        let (listener, client, server) = try Self.pair(directory)
        #expect(listener.isInPlace)
        try FileManager.default.removeItem(atPath: listener.path.string)
        #expect(!listener.isInPlace)
        try listener.bindAgain()
        #expect(listener.isInPlace)
        _ = try SocketStream(connectingTo: listener.path, within: .seconds(5))
        #expect(try Self.accept(listener) != nil)
        // What was connected before still is.
        try client.send([1], deadline: .after(.seconds(5)))
        #expect(try server.receive(count: 1, deadline: .after(.seconds(5))) == [1])
    }

    @Test func aSocketThatIsServedIsNotReplaced() throws {
        let directory = try TemporaryDirectory()
        let first = try SocketListener(path: directory.path.appending("s"), backlog: 8)
        #expect(throws: SocketError(.inUse, operation: "")) { _ = try SocketListener(path: first.path, backlog: 8) }
        #expect(first.isInPlace)
    }

    @Test func afterTheEndNothingIsBoundAgain() throws {
        let directory = try TemporaryDirectory()
        let listener = try SocketListener(path: directory.path.appending("s"), backlog: 8)
        listener.unlinkSocket()
        try listener.bindAgain()
        #expect(try PosixStorage().status(of: listener.path) == nil)
    }

    @Test func nobodyComesByTheDeadline() throws {
        let directory = try TemporaryDirectory()
        let listener = try SocketListener(path: directory.path.appending("s"), backlog: 8)
        guard case .nobody = try listener.next(until: .after(.milliseconds(5))) else {
            Issue.record("somebody came")
            return
        }
    }

    @Test func longPathsAreRefused() throws {
        let long = FilePath("/tmp/" + String(repeating: "x", count: 200))
        #expect(throws: SocketError(.pathTooLong, operation: "")) { _ = try SocketListener(path: long, backlog: 1) }
        #expect(throws: SocketError(.pathTooLong, operation: "")) {
            _ = try SocketStream(connectingTo: long, within: .seconds(1))
        }
    }

    @Test func aStoppedListenerAcceptsNobody() throws {
        let directory = try TemporaryDirectory()
        let listener = try SocketListener(path: directory.path.appending("s"), backlog: 1)
        let ended = Mutex(false)
        let semaphore = DispatchSemaphore(value: 0)
        try spawnThread(named: "accept") {
            let arrival = try? listener.next(until: .after(.seconds(10)))
            ended.withLock { if case .stopped? = arrival { $0 = true } }
            semaphore.signal()
        }
        listener.stop()
        #expect(semaphore.wait(timeout: .now() + 10) == .success)
        #expect(ended.withLock { $0 })
    }

    @Test func deadlinesRoundUp() {
        #expect(Deadline.after(.zero).millisecondsLeft == 0)
        #expect(Deadline.after(.seconds(-5)).millisecondsLeft == 0)
        let left = Deadline.after(.seconds(10)).millisecondsLeft
        #expect(left > 9000 && left <= 10_000)
        #expect(Deadline.after(.seconds(1 << 40)).millisecondsLeft > 1 << 30)
    }
}

@testable import BlazeAgent
import BlazeClient
import BlazePlatform
import Foundation
import TestSupport
import Testing

/// The vectors of Protocol/vectors, sent to a real agent over a real socket.
@Suite struct WireTests {
    struct Vector: CustomTestStringConvertible, Sendable {
        let name: String
        let expect: String
        let bytes: [UInt8]
        var testDescription: String { name }
        var isHello: Bool { name.hasPrefix("hello") }
    }

    static let requests: [Vector] = {
        let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Protocol/vectors")
        let files = try! FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".txt") }
        return files.sorted().compactMap { file in
            let text = try! String(contentsOf: directory.appendingPathComponent(file), encoding: .utf8)
            let parts = text.components(separatedBy: "\n\n")
            guard parts[0].contains("frame: request"),
                let expect = parts[0].components(separatedBy: "expect: ").last?.trimmingCharacters(in: .newlines)
            else { return nil }
            let digits = Array(parts[1].filter { $0 != "\n" })
            let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(digits[$0...$0 + 1]), radix: 16)
            }
            return Vector(name: file, expect: expect, bytes: bytes)
        }
    }()

    static let hello = requests.first { $0.name == "hello.txt" }!

    /// The next answer: its header and body.
    static func answer(_ stream: SocketStream) throws -> (FrameHeader, [UInt8]) {
        let deadline = Deadline.after(.seconds(10))
        let raw = try stream.receive(count: FrameHeader.byteCount, deadline: deadline)
        let header = try FrameHeader(decoding: raw, bodyLimit: ProtocolLimits.replyBody, secretLimit: 0)
        return (header, try stream.receive(count: header.bodyLength, deadline: deadline))
    }

    static func isClosed(_ stream: SocketStream) -> Bool {
        do throws(SocketError) {
            _ = try stream.receive(count: 1, deadline: .after(.seconds(10)))
            return false
        } catch {
            return error.code != .timedOut
        }
    }

    @Test(arguments: requests)
    func vector(_ vector: Vector) throws {
        let agent = try TestAgent()
        let stream = try agent.open()
        if !vector.isHello {
            try stream.send(Self.hello.bytes, deadline: .after(.seconds(10)))
            #expect(try Self.answer(stream).0.kind == .reply)
        }
        try stream.send(vector.bytes, deadline: .after(.seconds(10)))
        let (header, body) = try Self.answer(stream)
        let fatal = ["malformed", "too-large", "unsupported-protocol"]
        if vector.expect == "ok" {
            // A fault that depends on the agent's state, such as not-found, is an answer to a good request.
            if header.kind == .fault { #expect(Fault(try WireFault(decodingReply: body)).code == .notFound) }
        } else {
            #expect(header.kind == .fault)
            let name = Fault(try WireFault(decodingReply: body)).code.name
            #expect("fault \(name)" == vector.expect)
            if fatal.contains(name) {
                #expect(Self.isClosed(stream))
                return
            }
        }
        // The connection goes on.
        let ping = FrameHeader(kind: .request, operation: 1, requestID: 77, bodyLength: 0)
        try stream.send(ping.encoded, deadline: .after(.seconds(10)))
        let next = try Self.answer(stream).0
        #expect(next.kind == .reply && next.requestID == 77)
    }

    /// Waits until the agent has seen the end of all connections.
    static func settle(_ agent: TestAgent) {
        let deadline = Deadline.after(.seconds(30))
        while agent.state.connections.count > 0, deadline.millisecondsLeft > 0 { waitMilliseconds(1) }
    }

    @Test func everyPrefixOfARequestEndsQuietly() throws {
        let agent = try TestAgent(connectionLimit: 256)
        let unlock = try #require(Self.requests.first { $0.name == "unlock-secret.txt" })
        for count in 0..<unlock.bytes.count {
            let stream = try agent.open()
            try stream.send(Self.hello.bytes + unlock.bytes.prefix(count), deadline: .after(.seconds(10)))
            stream.shutDown()
        }
        Self.settle(agent)
        _ = try agent.connect().call(WirePingRequest())
    }

    @Test func byteByByteIsTheSame() throws {
        let agent = try TestAgent()
        let stream = try agent.open()
        for byte in Self.hello.bytes { try stream.send([byte], deadline: .after(.seconds(10))) }
        #expect(try Self.answer(stream).0.kind == .reply)
    }

    @Test func requestsInARowAreAnsweredInTurn() throws {
        let agent = try TestAgent()
        let stream = try agent.open()
        var bytes = Self.hello.bytes
        for id in 1...50 as ClosedRange<UInt32> {
            bytes += FrameHeader(kind: .request, operation: id % 2 == 0 ? 1 : 999, requestID: id, bodyLength: 0).encoded
        }
        try stream.send(bytes, deadline: .after(.seconds(10)))
        _ = try Self.answer(stream)
        for id in 1...50 as ClosedRange<UInt32> {
            let header = try Self.answer(stream).0
            #expect(header.requestID == id && header.kind == (id % 2 == 0 ? .reply : .fault))
        }
    }

    @Test func theFirstRequestIsHello() throws {
        let agent = try TestAgent()
        let stream = try agent.open()
        try stream.send(
            FrameHeader(kind: .request, operation: 1, requestID: 1, bodyLength: 0).encoded,
            deadline: .after(.seconds(10)))
        let (header, body) = try Self.answer(stream)
        #expect(header.kind == .fault)
        #expect(Fault(try WireFault(decodingReply: body)).code == .malformed)
        #expect(Self.isClosed(stream))
    }

    @Test func randomBytesNeverHurt() throws {
        let agent = try TestAgent(connectionLimit: 256)
        var random = SeededGenerator.printed()
        for _ in 0..<testRounds(100) {
            let stream = try agent.open()
            let prefix = Bool.random(using: &random) ? Self.hello.bytes : []
            let noise = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // The agent may have refused and closed before all is sent.
            try? stream.send(prefix + noise, deadline: .after(.seconds(10)))
            stream.shutDown()
        }
        Self.settle(agent)
        Self.settle(agent)
        _ = try agent.connect().call(WirePingRequest())
    }

    @Test func connectionsBeyondTheLimitAreTold() throws {
        let agent = try TestAgent(connectionLimit: 3)
        var held = try (0..<3).map { _ in try agent.connect() }
        #expect(throws: ClientError(Fault(.tooManyConnections, ""))) { try agent.connect() }
        held.removeLast()
        // The place is free as soon as the agent has seen the end of the connection.
        let deadline = Deadline.after(.seconds(10))
        while agent.state.connections.count == 3, deadline.millisecondsLeft > 0 { waitMilliseconds(1) }
        _ = try agent.connect().call(WirePingRequest())
    }

    @Test func unknownVersionsAreRefused() throws {
        let agent = try TestAgent()
        let socket = agent.state.paths.socket
        do throws(ClientError) {
            _ = try AgentConnection(socket: socket, name: "test", versions: [99])
            Issue.record("accepted")
        } catch {
            #expect(error.code == .unsupportedProtocol)
        }
        #expect(try AgentConnection(socket: socket, name: "test", versions: [1, 2]).agent.version == 1)
    }
}

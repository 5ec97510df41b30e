import BlazeModel
import Foundation
import TestSupport
import Testing

@testable import BlazeEngine

/// Record bytes that are cut, overlong, too deep, or JSON.
@Suite struct RecordCodecTests {
    private func bytes(_ value: [UInt8]) -> [UInt8] {
        Array("BLAZE".utf8) + [1, 0, 1, 0x35] + value
    }

    @Test func everyCutIsTold() throws {
        let whole = DatabaseBuilder.record(DatabaseBuilder.id(1), size: 20)
        _ = try RecordCodec.decode(whole)
        for count in whole.indices {
            let error = #expect(throws: EngineError.self) { try RecordCodec.decode(Array(whole[..<count])) }
            #expect(error?.code == .malformedRecord)
            #expect(error?.offset.map { $0 <= UInt64(count) } == true)
        }
    }

    @Test(
        arguments: [
            [0x01, 0xFF, 0xFF, 0xFF, 0xFF], [0x07, 0x05, 0xF5, 0xE1, 0x01], [0x0A, 0x00, 0x0F, 0x42, 0x40],
            [0x0A, 0x00, 0x00, 0x00, 0x02, 1, 2, 3, 4], [0x08, 0xFF, 0xFF], [0x09, 0xFF, 0xFF, 0, 1, 0x61, 0x0B],
            [0x22, 0xC3, 0x28],
            [0x0C], [0xFF], [0x23, 0xED, 0xA0, 0x80],
        ] as [[UInt8]])
    func refuses(_ value: [UInt8]) {
        #expect(throws: EngineError(.malformedRecord, "")) { try RecordCodec.decode(bytes(value)) }
    }

    @Test func boundsNestingOnASmallStack() throws {
        for dictionary in [false, true] {
            func nested(_ depth: Int) -> [UInt8] {
                let level: [UInt8] = dictionary ? [0x09, 0, 1, 0, 1, 0x61] : [0x08, 0, 1]
                return bytes(Array(repeating: level, count: depth).flatMap(\.self) + [0x12, 1])
            }
            let deepest = nested(512)
            let tooDeep = nested(513)
            try onThread(stack: 512 << 10) {
                let record = try RecordCodec.decode(deepest)
                #expect(typedJSON(record).count > 512 * 20)
                #expect(throws: EngineError(.malformedRecord, "")) { try RecordCodec.decode(tooDeep) }
            }
        }
        let json = Array((String(repeating: "{\"a\":", count: 512) + "1" + String(repeating: "}", count: 512)).utf8)
        try onThread(stack: 512 << 10) { _ = try RecordCodec.decode(json) }
    }

    @Test func readsJSON() throws {
        let id = DatabaseBuilder.id(1)
        let text = #"{"id":"\#(id)","n":-3,"d":1.5,"big":1e30,"t":true,"x":null,"l":[1,"a"],"o":{"k":{}}}"#
        for json in [text, "{\"storage\":\(text)}", " \(text)\n"] {
            let record = try RecordCodec.decode(Array(json.utf8))
            #expect(record.id == id && record["n"] == .int(-3) && record["d"] == .double(1.5))
            #expect(record["big"] == .double(1e30) && record["t"] == .bool(true) && record["x"] == .null)
            #expect(record["l"] == .array([.int(1), .string("a")]))
            #expect(record["o"] == .dictionary([Field("k", .dictionary([]))]))
        }
        #expect(throws: EngineError(.malformedRecord, "")) { try RecordCodec.decode(Array("[1]".utf8)) }
        #expect(throws: EngineError(.malformedRecord, "")) { try RecordCodec.decode(Array("{\"a\":1} x".utf8)) }
        var builder = DatabaseBuilder()
        builder.pages.append(try builder.recordPage(Array(text.utf8)))
        builder.index = [(id, [0])]
        #expect(try Reading(builder.reader()).names == ["old-record-json"])
    }

    @Test func survivesAnything() {
        let whole = DatabaseBuilder.record(DatabaseBuilder.id(1), size: 20)
        var generator = SeededGenerator.printed()
        for _ in 0..<testRounds(20_000) {
            var bytes = whole
            for _ in 0..<Int.random(in: 1..<5, using: &generator) {
                bytes[Int.random(in: 5..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            do {
                _ = try RecordCodec.decode(bytes)
            } catch {
                #expect(error.code == .malformedRecord)
            }
        }
    }

    @Test func undecodableRecordsAreFindings() throws {
        var builder = DatabaseBuilder()
        builder.pages.append(try builder.recordPage(Array("neither".utf8)))
        builder.index = [(DatabaseBuilder.id(1), [0])]
        let reading = try Reading(builder.reader())
        #expect(reading.names == ["undecodable"] && reading.report.unreadable == 1)
    }
}

/// Runs on a thread with a stack of its own, as the agent's connections do.
func onThread(stack: Int, _ body: @escaping @Sendable () throws -> Void) throws {
    final class Outcome: @unchecked Sendable {
        // Written by the thread before it signals, read after the wait.
        var error: (any Error)?
    }
    let outcome = Outcome()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
        do { try body() } catch { outcome.error = error }
        done.signal()
    }
    thread.stackSize = stack
    thread.start()
    done.wait()
    if let error = outcome.error { throw error }
}

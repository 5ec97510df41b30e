import BlazeEngine
import BlazeModel
import BlazePlatform
import Dispatch
import Synchronization
import Testing

/// A record may nest 512 levels; a connection's thread must read and write it without running out of stack.
@Suite struct DeepValueTests {
    /// A version 1 record with one field of `depth` nested containers.
    static func record(depth: Int, dictionaries: Bool) -> [UInt8] {
        var bytes: [UInt8] = Array("BLAZE".utf8) + [1, 0, 1, 0xFF, 0, 1, UInt8(ascii: "x")]
        for _ in 0..<depth { bytes += dictionaries ? [0x09, 0, 1, 0, 1, UInt8(ascii: "k")] : [0x08, 0, 1] }
        return bytes + [0x0B]
    }

    @Test(arguments: [false, true])
    func deepestRecord(_ dictionaries: Bool) throws {
        let bytes = Self.record(depth: 512, dictionaries: dictionaries)
        let count = Mutex(0)
        let done = DispatchSemaphore(value: 0)
        try spawnThread(named: "connection") {
            if let record = try? RecordCodec.decode(bytes) {
                var out: [UInt8] = []
                TypedJSON.append(record, to: &out)
                count.withLock { $0 = out.count }
            }
            done.signal()
        }
        #expect(done.wait(timeout: .now() + 30) == .success)
        #expect(count.withLock { $0 } > 512 * 10)
        #expect(throws: EngineError(.malformedRecord, "")) {
            try RecordCodec.decode(Self.record(depth: 513, dictionaries: dictionaries))
        }
    }
}

import BlazeProtocol
import TestSupport
import Testing

@Suite struct FrameHeaderTests {
    static let requestLimits = (body: ProtocolLimits.requestBody, secret: ProtocolLimits.secret)

    @Test func vectorsAreThere() {
        #expect(FrameVector.all.count >= 24)
    }

    @Test(arguments: FrameVector.all)
    func headerOfVector(_ vector: FrameVector) throws {
        let secretLimit = vector.sender == "request" ? Self.requestLimits.secret : 0
        let bodyLimit = vector.sender == "request" ? Self.requestLimits.body : ProtocolLimits.replyBody
        do {
            let header = try FrameHeader(decoding: vector.header, bodyLimit: bodyLimit, secretLimit: secretLimit)
            #expect(header.bodyLength + header.secretLength == vector.rest.count)
            #expect(header.encoded == vector.header)
            if vector.expect == "fault malformed" { #expect(header.kind != .request) }
            #expect(vector.expect != "fault too-large")
        } catch {
            let expected: FrameError.Code = vector.expect == "fault too-large" ? .tooLarge : .malformed
            #expect(error.code == expected)
            #expect(["fault too-large", "fault malformed"].contains(vector.expect))
        }
    }

    @Test func everyHeaderComesBack() throws {
        for kind in FrameHeader.Kind.allCases {
            let header = FrameHeader(
                kind: kind, operation: 0xABCD, requestID: 0x0102_0304, bodyLength: 70_000, secretLength: 12)
            let back = try FrameHeader(decoding: header.encoded, bodyLimit: 70_000, secretLimit: 12)
            #expect(back == header)
        }
    }

    @Test func limitsAreInclusive() throws {
        let header = FrameHeader(kind: .request, operation: 1, requestID: 1, bodyLength: 100, secretLength: 10)
        #expect(throws: Never.self) { try FrameHeader(decoding: header.encoded, bodyLimit: 100, secretLimit: 10) }
        #expect(throws: FrameError(.tooLarge, "")) {
            try FrameHeader(decoding: header.encoded, bodyLimit: 99, secretLimit: 10)
        }
        #expect(throws: FrameError(.tooLarge, "")) {
            try FrameHeader(decoding: header.encoded, bodyLimit: 100, secretLimit: 9)
        }
    }

    @Test(arguments: [0, 1, 15, 17])
    func aHeaderHasSixteenBytes(_ count: Int) {
        #expect(throws: FrameError(.malformed, "")) {
            try FrameHeader(decoding: [UInt8](repeating: 1, count: count), bodyLimit: 9, secretLimit: 9)
        }
    }

    /// Whatever the bytes, a header is refused or its lengths are within the limits.
    @Test func randomHeaders() {
        var random = SeededGenerator.printed()
        for _ in 0..<testRounds(20_000) {
            let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            if let header = try? FrameHeader(decoding: bytes, bodyLimit: 1000, secretLimit: 100) {
                #expect(header.bodyLength <= 1000 && header.secretLength <= 100)
                #expect(header.encoded == bytes)
            }
        }
    }
}

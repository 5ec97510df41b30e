import BlazeModel
import BlazeProtocol
import Foundation
import SwiftProtobuf
import Testing

@Suite struct MessageTests {
    /// Decodes the body of a request as its operation's message.
    static func decode(_ operation: BlazeProtocol.Operation, _ body: [UInt8]) throws(FrameError) {
        switch operation {
        case .hello: _ = try WireHelloRequest(decodingReply: body)
        case .ping: _ = try WirePingRequest(decodingRequest: body)
        case .info: _ = try WireInfoRequest(decodingRequest: body)
        case .check: _ = try WireCheckRequest(decodingRequest: body)
        case .unlock: _ = try WireUnlockRequest(decodingRequest: body)
        case .vaultUnlock: _ = try WireVaultUnlockRequest(decodingRequest: body)
        case .vacuum: _ = try WireVacuumRequest(decodingRequest: body)
        case .gcRun: _ = try WireGcRunRequest(decodingRequest: body)
        case .repair: _ = try WireRepairRequest(decodingRequest: body)
        case .repairUndo: _ = try WireRepairUndoRequest(decodingRequest: body)
        case .salvage: _ = try WireSalvageRequest(decodingRequest: body)
        case .dump: _ = try WireDumpRequest(decodingRequest: body)
        case .import: _ = try WireImportRequest(decodingRequest: body)
        case .jobsCancel: _ = try WireJobsCancelRequest(decodingRequest: body)
        default: throw FrameError(.malformed, "no vector uses operation \(operation)")
        }
    }

    @Test(arguments: FrameVector.all.filter { $0.sender == "request" })
    func bodyOfRequestVector(_ vector: FrameVector) throws {
        guard
            let header = try? FrameHeader(
                decoding: vector.header, bodyLimit: ProtocolLimits.requestBody, secretLimit: ProtocolLimits.secret),
            header.kind == .request
        else { return }
        guard let operation = BlazeProtocol.Operation(rawValue: header.operation) else {
            #expect(vector.expect == "fault unknown-operation")
            return
        }
        let body = Array(vector.rest.prefix(header.bodyLength))
        let secretFits =
            switch operation.properties.secret {
            case .none: header.secretLength == 0
            case .optional: true
            case .required: header.secretLength > 0
            }
        let isRefused = vector.expect == "fault invalid-request"
        do {
            try Self.decode(operation, body)
            #expect(isRefused != secretFits)
        } catch {
            #expect(error.code == .badBody)
            #expect(isRefused)
        }
        if operation == .hello {
            let hello = try WireHelloRequest(decodingReply: body)
            let common = ProtocolVersion.common(with: hello.versions)
            #expect((common == nil) == (vector.expect == "fault unsupported-protocol"))
        }
    }

    @Test(arguments: FrameVector.all.filter { $0.sender != "request" })
    func bodyOfAnswerVector(_ vector: FrameVector) throws {
        let header = try FrameHeader(
            decoding: vector.header, bodyLimit: ProtocolLimits.replyBody, secretLimit: 0)
        switch header.kind {
        case .fault:
            let fault = Fault(try WireFault(decodingReply: vector.rest))
            #expect(vector.expect == "fault \(fault.code.name)")
        case .reply:
            #expect(try WirePingReply(decodingReply: vector.rest).pid == 4711)
        case .part:
            if header.operation == BlazeProtocol.Operation.check.rawValue {
                let part = try WireCheckPart(decodingReply: vector.rest)
                #expect(part.phase == "records" && part.done == 12 && part.total == 100)
            } else {
                #expect(try WireExportPart(decodingReply: vector.rest).data == Data("[\n".utf8))
            }
        case .request:
            Issue.record("an answer is no request")
        }
    }

    @Test func versionsAreChosenHighestFirst() {
        #expect(ProtocolVersion.common(with: [1, 2]) == 1)
        #expect(ProtocolVersion.common(with: [99]) == nil)
        #expect(ProtocolVersion.common(with: []) == nil)
    }

    @Test func faultNamesAndNumbersAreUnique() {
        #expect(Set(FaultCode.allCases.map(\.name)).count == FaultCode.allCases.count)
        #expect(Set(Operation.allCases.map(\.properties.name)).count == Operation.allCases.count)
    }

    @Test func findingsComeBack() {
        let finding = Finding(
            Finding.Name(rawValue: "phantom"), .advice, page: 7, record: RecordID(high: 1, low: 2), count: 3, "words")
        #expect(WireFinding(finding).finding == finding)
        let bare = Finding(Finding.Name(rawValue: "no-meta"), .damage, "words")
        #expect(WireFinding(bare).finding == bare)
    }

    @Test func aFaultHoldsWhatItWasGiven() throws {
        let fault = Fault(.notFound, "message", hint: "hint", target: "target")
        let back = Fault(try WireFault(decodingReply: fault.wire.encoded()))
        #expect(back.code == .notFound && back.message == "message" && back.hint == "hint" && back.target == "target")
    }

    /// The specification lists every operation and every fault code with its number.
    @Test func theSpecificationListsThemAll() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Protocol/agent.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        for operation in Operation.allCases {
            #expect(text.contains("| \(operation.rawValue) | \(operation.properties.name) |"), "\(operation)")
        }
        for code in FaultCode.allCases {
            #expect(text.contains("| \(code.rawValue) | \(code.name) |"), "\(code)")
        }
    }
}
